"""Pairs in another tone and pairs with a word exchanged, labeled by rule.

The label is what the rewrite that they were made of keeps, less for another tone or
another word.
"""

from __future__ import annotations

from collections.abc import Set
from random import Random

import pandas as pd

from training.data.retold_pairs import (
    Bases,
    Retold,
    content_words,
    word_swaps,
)
from training.synthetic.edits import CHANGES, edit
from training.synthetic.pair_variations import Kept, Pair
from training.synthetic.restyling import restyled

__all__ = ["RetoldContrasts"]

# Shares of what contrasts are made of: a sentence itself, a rewrite of a language
# model, one of people.
_SHARES = (0.35, 0.4, 0.25)
# What rewrites keep at least that contrasts are made of.
_LEAST_KEPT = 0.75
# Words of sentences that are retold.
_MOST_WORDS = 18
# What a change of tone leaves of what is kept.
_TONE_FACTOR = 0.94
# What another word leaves where it is the only one that carries meaning, how much more
# among many, and how many these are.
_SWAP_FACTOR, _LONG_SWAP, _MANY_WORDS = 0.15, 0.3, 13
# An edit by rule leaves this more than its table says, and at most so much.
_EDIT_MORE, _MOST_EDITED = 0.05, 0.35
# Edits that exchange a word or a number for another.
_RULES = (
    "opposite", "quantity", "number", "number_word", "name", "thing", "negation",
    "modal", "detail", "question",
)  # fmt: skip
# Shares of the pairs with another word where a rule exchanged it, and of those in
# another tone too.
_RULE_SHARE, _BOTH_SHARE = 0.5, 0.5


class RetoldContrasts:
    """Draws pairs with their labels.

    Args:
        content: rows of the content table.
        labels: of these rows. *Shape:* (rows,), in [0, 1]
        style: rows of the style table.
        rude: words that are not exchanged: a rewrite may say them in another way.
    """

    def __init__(
        self,
        content: pd.DataFrame,
        labels: pd.Series,
        style: pd.DataFrame,
        rude: Set[str],
    ) -> None:
        rewrites = content.assign(label=labels)
        rewrites = rewrites[rewrites.label > _LEAST_KEPT]
        self._bases = Bases(style, _MOST_WORDS, rewrites, ["rewrite"], _SHARES)
        self._swaps = word_swaps(content)
        self._rules = {kind: CHANGES[kind] for kind in _RULES}
        self._rude = rude

    def restyled(self, count: int, rng: Random) -> list[Kept]:
        """Draw at most `count` pairs whose text is in another tone."""

        def change(pair: Pair) -> Retold:
            text = restyled(pair[1], rng)
            return None if text is None else (text, _TONE_FACTOR)

        return self._bases.retell(change, count, rng)

    def swapped(self, count: int, rng: Random) -> list[Kept]:
        """Draw at most `count` pairs whose text has another word or number, half of
        them in another tone.
        """

        def change(pair: Pair) -> Retold:
            is_by_rule = rng.random() < _RULE_SHARE
            found = self._edited(pair, rng) if is_by_rule else self._swapped(pair, rng)
            if found is None or rng.random() >= _BOTH_SHARE:
                return found
            text, factor = found
            return restyled(text, rng) or text, factor

        return self._bases.retell(change, count, rng)

    def _edited(self, pair: Pair, rng: Random) -> Retold:
        found = edit(pair[1], self._rules, rng)
        if found is None:
            return None
        text, kept, _ = found
        return text, min(_MOST_EDITED, kept + _EDIT_MORE)

    def _swapped(self, pair: Pair, rng: Random) -> Retold:
        source, base = pair
        words = content_words(base)
        text = self._swaps.swap(base, (content_words(source) & words) - self._rude, rng)
        if text is None:
            return None
        share = min(1.0, (len(words) - 1) / (_MANY_WORDS - 1))
        return text, _SWAP_FACTOR + share * _LONG_SWAP
