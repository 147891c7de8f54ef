"""Pairs whose text is a rewrite in another tone, or one with a content word exchanged.

How many words both sides share says little about either: a change of tone keeps what is
said and adds many words, another word changes it and hardly shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pandas as pd
import torch
from safetensors.torch import load_file

from training.data.varied_pairs import (
    SAMPLED_KINDS,
    is_usable,
    of_some_words,
    real_sentences,
)
from training.modules.backbone import backbone_folder, backbone_tokenizer
from training.synthetic.drawing import draw_distinct
from training.synthetic.lexicon import content_places, is_content_word
from training.synthetic.pair_variations import Kept, Pair
from training.synthetic.restyling import restyled
from training.synthetic.spelling import bare
from training.synthetic.word_swaps import WordSwaps

__all__ = [
    "Bases",
    "Retold",
    "RetoldPairs",
    "content_words",
    "word_swaps",
]

# A text, and which share it keeps of what the text kept that it was made of; None where
# there is nothing to change.
Retold = tuple[str, float] | None

# Kinds of pairs that are retold: people or a language model wrote them.
_BASE_KINDS = ("rewrite", "rewrite_to_rewrite", "rated_appdia", "rated_capp")
# Shares of what the text is made of: a sentence itself, a rewrite of a language model,
# one of people.
_SHARES = (0.4, 0.35, 0.25)
# Share of the pairs with another word that are in another tone too.
_BOTH_SHARE = 0.5
# Words of sentences that are retold: in longer ones, another word changes little.
_MOST_WORDS = 24
# Words that stand in for others occur so often in the table.
_LEAST_COUNT = 5


class Bases:
    """What is retold: sentences themselves, rewrites of a language model and of people.

    Args:
        style: rows of the style table, of which real sentences are taken.
        most_words: of these sentences.
        rewrites: rows of the content table; columns source, text, kind, and label: what
            is kept.
        written: kinds of the rewrites by people.
        shares: how often each of the three is drawn.
    """

    def __init__(
        self,
        style: pd.DataFrame,
        most_words: int,
        rewrites: pd.DataFrame,
        written: Sequence[str],
        shares: Sequence[float],
    ) -> None:
        sentences = of_some_words(real_sentences(style), most_words)
        rewrites = rewrites[rewrites.source != rewrites.text]
        # Of a copy everything is kept.
        self._by_origin: tuple[list[Kept], ...] = (
            [((text, text), 1.0) for text in sentences],
            _kept_pairs(rewrites[rewrites.kind.isin(SAMPLED_KINDS)]),
            _kept_pairs(rewrites[rewrites.kind.isin(written)]),
        )
        self._shares = shares

    def retell(
        self, change: Callable[[Pair], Retold], count: int, rng: Random
    ) -> list[Kept]:
        """Draw at most `count` distinct pairs whose text is a changed one."""

        def make(turn: int) -> Kept | None:
            pair, kept = self._draw(rng)
            retold = change(pair)
            if retold is None:
                return None
            text, share = retold
            made = pair[0], text
            return (made, share * kept) if is_usable(made) else None

        if not any(self._by_origin):
            return []
        return draw_distinct(make, count, rng, at_most=True)

    def _draw(self, rng: Random) -> Kept:
        (chosen,) = rng.choices(self._by_origin, self._shares)
        # The first kind that there is stands in for one of which there are none.
        return rng.choice(chosen or next(filter(None, self._by_origin)))


class RetoldPairs:
    """Draws pairs without a label.

    Args:
        content: rows of the content table.
        style: rows of the style table.
        swaps: exchanges words.
    """

    def __init__(
        self, content: pd.DataFrame, style: pd.DataFrame, swaps: WordSwaps
    ) -> None:
        # What they keep, a teacher says.
        rewrites = content.assign(label=1.0)
        self._bases = Bases(style, _MOST_WORDS, rewrites, _BASE_KINDS, _SHARES)
        self._swaps = swaps

    def restyled(self, count: int, rng: Random) -> list[Pair]:
        """Draw at most `count` pairs whose text is in another tone."""
        return self._retell(lambda pair: restyled(pair[1], rng), count, rng)

    def swapped(self, count: int, rng: Random) -> list[Pair]:
        """Draw at most `count` pairs whose text has another word where the base has one
        that the source has too; half of them in another tone.
        """

        def change(pair: Pair) -> str | None:
            source, base = pair
            shared = content_words(source) & content_words(base)
            text = self._swaps.swap(base, shared, rng)
            if text is not None and rng.random() < _BOTH_SHARE:
                return restyled(text, rng)
            return text

        return self._retell(change, count, rng)

    def _retell(
        self, change: Callable[[Pair], str | None], count: int, rng: Random
    ) -> list[Pair]:
        def whole(pair: Pair) -> Retold:
            text = change(pair)
            return None if text is None else (text, 1.0)

        return [pair for pair, _ in self._bases.retell(whole, count, rng)]


def word_swaps(content: pd.DataFrame) -> WordSwaps:
    """Make the exchange of the content words of a table by the backbone's
    embeddings.
    """
    vocabulary = backbone_tokenizer().get_vocab()
    counts: Counter[str] = Counter()
    for text in content.text.drop_duplicates():
        counts.update(text.lower().split())
    words = sorted(
        word
        for word, count in counts.items()
        if count >= _LEAST_COUNT and is_content_word(word) and word in vocabulary
    )
    state = load_file(backbone_folder() / "model.safetensors")
    embeddings = state["embeddings.word_embeddings.weight"]
    rows = torch.tensor([vocabulary[word] for word in words], dtype=torch.long)
    return WordSwaps(words, embeddings[rows].float().numpy())


def _kept_pairs(frame: pd.DataFrame) -> list[Kept]:
    pairs = zip(frame.source, frame.text, strict=True)
    return [*zip(pairs, frame.label, strict=True)]


def content_words(text: str) -> set[str]:
    """Return the words of a text that carry meaning."""
    words = text.split()
    return {bare(words[place]) for place in content_places(words)}
