"""Pairs that no table holds: rewrites of one source side by side, variations of pairs,
edits of real sentences, and sentences built by grammar.

A network of this size learns hundreds of thousands of pairs by heart, and then reads
the outputs of systems worse that it has not seen than those that it has.
"""

from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pandas as pd

from training.synthetic.drawing import draw_unlabeled
from training.synthetic.lexicon import Lexicon
from training.synthetic.meaning_contrasts import in_chat, meaning_contrasts
from training.synthetic.pair_variations import Pair, PairVariations
from training.synthetic.role_sentences import role_pair

__all__ = [
    "MADE_KINDS",
    "MOST_CHARACTERS",
    "SAMPLED_KINDS",
    "edited_sentences",
    "is_usable",
    "of_some_words",
    "pairs_between",
    "real_sentences",
    "role_pairs",
    "varied_pairs",
]

# Kinds of rewrites by a language model: of toxic sources, and of others.
SAMPLED_KINDS = ("sampled", "sampled_other")
# Kinds of pairs whose texts rules made, for the content table alone.
MADE_KINDS = ("varied", "edited", "roles", "restyled", "swapped")
# Kinds of pairs that are varied beside rewrites by a language model: people or systems
# wrote them.
_VARIED_KINDS = (
    "rewrite", "rewrite_to_rewrite", "delete_unrated", "judged", "to_judge",
    "rated_appdia", "rated_capp", "rated_krishna2020", "rated_mir_yelp",
    "rated_multipit_expert",
)  # fmt: skip
# Share of rewrites by a language model among the pairs that are varied.
_SAMPLED_SHARE = 0.6
# Characters of source and text together.
MOST_CHARACTERS = 360
# Shares of sentences by grammar that are in lower case, and written as in a chat.
_LOWER_SHARE, _CHAT_SHARE = 0.3, 0.1
# Words of real sentences: edits of longer ones change little.
_FEWEST_WORDS, _MOST_EDITED_WORDS = 4, 22


def is_usable(pair: Pair) -> bool:
    """Return whether the sides of a pair differ and are not long."""
    source, text = pair
    return source != text and len(source) + len(text) <= MOST_CHARACTERS


def pairs_between(frame: pd.DataFrame, count: int, rng: Random) -> list[Pair]:
    """Draw at most `count` pairs of two rewrites of one source, in either order; the
    other order follows once all are drawn.

    Args:
        frame: rows of the content table.
        count: how many.
        rng: decides which.
    """
    sampled = frame[frame.kind.isin(SAMPLED_KINDS)]
    # Texts are keys, so that each stands once.
    rewrites: dict[str, dict[str, None]] = {}
    for source, text in zip(sampled.source, sampled.text, strict=True):
        rewrites.setdefault(source, {})[text] = None
    found = []
    for texts in rewrites.values():
        for two in combinations(texts, 2):
            one, other = rng.sample(two, 2)
            found.append((one, other))
    rng.shuffle(found)
    reverse = [(other, one) for one, other in found]
    return [*found, *reverse][:count]


def varied_pairs(frame: pd.DataFrame, count: int, rng: Random) -> list[Pair]:
    """Vary rows of the content table: at most `count` distinct pairs."""
    chances = _chances(frame)
    rows = np.flatnonzero(chances)
    if not len(rows):
        return []
    chosen = frame.iloc[rows]
    known = [*zip(chosen.source, chosen.text, strict=True)]
    bounds = np.cumsum(chances[rows]).tolist()
    words = Lexicon(frame.text[frame.kind == "rewrite"]).words
    variations = PairVariations(known, words)

    def make(turn: int) -> Pair | None:
        (pair,) = rng.choices(known, cum_weights=bounds)
        varied = variations.vary(pair, rng)
        return None if varied is None or not is_usable(varied) else varied

    return draw_unlabeled(make, count, rng, at_most=True)


def real_sentences(style: pd.DataFrame) -> pd.Series:
    """Select the texts of the style table that neither templates nor noise made.

    Some are two texts joined.
    """
    is_made = style.kind.str.contains("contrast") | style.kind.str.startswith("noisy_")
    return style.text[~is_made]


def of_some_words(
    texts: pd.Series, most: int, fewest: int = _FEWEST_WORDS
) -> pd.Series:
    """Select the texts of `fewest` words or more, and not of more than `most`."""
    counts = texts.map(lambda text: len(text.split()))
    return texts[counts.between(fewest, most)]


def edited_sentences(style: pd.DataFrame, count: int, rng: Random) -> list[Pair]:
    """Edit real sentences of the style table by rule: at most `count` pairs."""
    sentences = of_some_words(real_sentences(style), _MOST_EDITED_WORDS).tolist()
    if not sentences:
        return []
    rows = meaning_contrasts(rng, count, sentences, handwritten=0.0, at_most=True)
    return [(source, text) for source, text, _, _ in rows]


def role_pairs(count: int, rng: Random) -> list[Pair]:
    """Draw pairs of sentences by grammar, half of them with the meaning kept.

    Raises:
        ValueError: If there are not so many distinct pairs.
    """

    def make(turn: int) -> Pair:
        source, text, _ = role_pair(turn % 2 == 0, rng)
        if rng.random() < _LOWER_SHARE:
            source, text = source.lower(), text.lower()
        if rng.random() < _CHAT_SHARE:
            source, text = in_chat(source, text, rng)
        return source, text

    return draw_unlabeled(make, count, rng)


def _chances(frame: pd.DataFrame) -> np.ndarray:
    """Return how likely each row is to be varied; 0 for those that are not.

    *Shape:* (rows,)
    """
    differs = (frame.source != frame.text).to_numpy()
    is_sampled = differs & frame.kind.isin(SAMPLED_KINDS).to_numpy()
    is_other = differs & frame.kind.isin(_VARIED_KINDS).to_numpy()
    sampled = is_sampled.astype(float)
    others = frame.weight.to_numpy() * is_other
    # Either may be empty.
    sampled *= _SAMPLED_SHARE / max(sampled.sum(), 1e-9)
    others *= (1 - _SAMPLED_SHARE) / max(others.sum(), 1e-9)
    return sampled + others
