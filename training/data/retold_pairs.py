"""Pairs whose text is a rewrite in another tone, or one with a content word exchanged.

How many words both sides share says little about either: a change of tone keeps what is
said and adds many words, another word changes it and hardly shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

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
from training.synthetic.drawing import draw_unlabeled
from training.synthetic.lexicon import Lexicon, content_places
from training.synthetic.pair_variations import Pair
from training.synthetic.restyling import restyled
from training.synthetic.spelling import bare
from training.synthetic.word_swaps import WordSwaps

__all__ = ["RetoldPairs", "content_words", "draw_base", "word_swaps"]

T = TypeVar("T")

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


class RetoldPairs:
    """Draws pairs.

    Args:
        content: rows of the content table.
        style: rows of the style table.
        swaps: exchanges words.
    """

    def __init__(
        self, content: pd.DataFrame, style: pd.DataFrame, swaps: WordSwaps
    ) -> None:
        differs = content.source != content.text
        sentences = of_some_words(real_sentences(style), _MOST_WORDS)
        self._bases = (
            [(text, text) for text in sentences],
            _pairs(content[differs & content.kind.isin(SAMPLED_KINDS)]),
            _pairs(content[differs & content.kind.isin(_BASE_KINDS)]),
        )
        self._swaps = swaps

    def restyled(self, count: int, rng: Random) -> list[Pair]:
        """Draw at most `count` pairs whose text is in another tone."""
        return self._draw(lambda pair, rng: restyled(pair[1], rng), count, rng)

    def swapped(self, count: int, rng: Random) -> list[Pair]:
        """Draw at most `count` pairs whose text has another word where the base has one
        that the source has too; half of them in another tone.
        """

        def change(pair: Pair, rng: Random) -> str | None:
            source, base = pair
            shared = content_words(source) & content_words(base)
            text = self._swaps.swap(base, shared, rng)
            if text is not None and rng.random() < _BOTH_SHARE:
                return restyled(text, rng)
            return text

        return self._draw(change, count, rng)

    def _draw(
        self,
        change: Callable[[Pair, Random], str | None],
        count: int,
        rng: Random,
    ) -> list[Pair]:
        def make(turn: int) -> Pair | None:
            base = draw_base(*self._bases, _SHARES, rng)
            text = change(base, rng)
            if text is None:
                return None
            pair = base[0], text
            return pair if is_usable(pair) else None

        if not any(self._bases):
            return []
        return draw_unlabeled(make, count, rng, at_most=True)


def draw_base(
    copies: Sequence[T],
    sampled: Sequence[T],
    written: Sequence[T],
    shares: Sequence[float],
    rng: Random,
) -> T:
    """Draw what is retold: a sentence itself, a rewrite of a language model or one of
    people, by their shares. One kind stands in for another of which there are none.
    """
    (chosen,) = rng.choices((copies, sampled, written), shares)
    return rng.choice(chosen or copies or sampled or written)


def word_swaps(content: pd.DataFrame) -> WordSwaps:
    """Make the exchange of the content words of a table by the backbone's
    embeddings.
    """
    vocabulary = backbone_tokenizer().get_vocab()
    counts = pd.Series(Lexicon(content.text.drop_duplicates()).words).value_counts()
    common = counts.index[counts >= _LEAST_COUNT]
    words = sorted(word for word in common if word in vocabulary)
    state = load_file(backbone_folder() / "model.safetensors")
    embeddings = state["embeddings.word_embeddings.weight"]
    rows = torch.tensor([vocabulary[word] for word in words], dtype=torch.long)
    return WordSwaps(words, embeddings[rows].float().numpy())


def _pairs(frame: pd.DataFrame) -> list[Pair]:
    return [*zip(frame.source, frame.text, strict=True)]


def content_words(text: str) -> set[str]:
    """Return the words of a text that carry meaning."""
    words = text.split()
    return {bare(words[place]) for place in content_places(words)}
