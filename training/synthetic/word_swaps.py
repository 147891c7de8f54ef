"""One content word of a sentence exchanged for another of its kind: a swim for a run,
one planet for another.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from random import Random

import numpy as np

from training.synthetic.lexicon import content_places
from training.synthetic.spelling import bare
from training.synthetic.word_edits import like, put

__all__ = ["WordSwaps"]

# Cosines of the embeddings of words that stand in each other's place: above, many are
# synonyms, below, most have nothing to do with each other.
_LEAST, _MOST = 0.1, 0.4
# Of equal endings, so that the sentence stays grammatical more often.
_ENDINGS = ("ing", "ed", "ly", "es", "s")
# Words looked at for one of a fitting cosine.
_LOOKED_AT = 400


class WordSwaps:
    """Exchanges words.

    Args:
        words: distinct, in lower case.
        vectors: an embedding of each. *Shape:* (words, dim)
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray) -> None:
        # Without words there is no mean.
        centered = vectors - vectors.sum(0) / max(1, len(vectors))
        norms = np.linalg.norm(centered, axis=1, keepdims=True)
        # A single word is its own mean.
        self._vectors = centered / np.maximum(norms, 1e-9)
        self._places = {word: place for place, word in enumerate(words)}
        self._by_ending: dict[str, list[str]] = {}
        for word in words:
            self._by_ending.setdefault(_ending(word), []).append(word)

    def swap(self, text: str, among: Set[str], rng: Random) -> str | None:
        """Exchange one of the words `among`; None where the text has none of them, or
        nothing fits.
        """
        words = text.split()
        known = self._places.keys() & among
        places = [
            place for place in content_places(words) if bare(words[place]) in known
        ]
        if not places:
            return None
        place = rng.choice(places)
        new = self._other(bare(words[place]), rng)
        if new is None:
            return None
        return " ".join(put(words, place, like(new, words[place])))

    def _other(self, word: str, rng: Random) -> str | None:
        """Draw a word near enough to stand in the same place."""
        own = self._vectors[self._places[word]]
        alike = self._by_ending[_ending(word)]
        looked_at = rng.sample(alike, min(_LOOKED_AT, len(alike)))
        rows = [self._places[other] for other in looked_at]
        cosines = self._vectors[rows] @ own
        fits = np.flatnonzero((cosines > _LEAST) & (cosines < _MOST))
        if not len(fits):
            return None
        return looked_at[rng.choice(fits.tolist())]


def _ending(word: str) -> str:
    """Return the grammatical ending of a word, or nothing."""
    return next((end for end in _ENDINGS if word.endswith(end)), "")
