"""Pairs joined to texts of several sentences.

Such texts keep what their sentences keep on average, by their length; one may be there
unchanged, or be lost.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pandas as pd

from training.synthetic.drawing import draw_distinct
from training.synthetic.pair_variations import Kept
from training.synthetic.spelling import with_stop

__all__ = ["joined_pairs"]

# How many pairs are joined.
_COUNTS = (2, 2, 3, 3, 4, 5)
# Shares of the sentences that stay as they are, and that are lost.
_SAME_SHARE, _LOST_SHARE = 0.35, 0.06
# Words of a side at most: an encoder reads about a hundred.
_MOST_WORDS = 85


def joined_pairs(pairs: pd.DataFrame, count: int, rng: Random) -> list[Kept]:
    """Draw at most `count` pairs of joined sources and joined texts.

    Args:
        pairs: columns source, text, and label: what is kept, in [0, 1].
        count: how many.
        rng: decides every draw.
    """
    known = [*zip(pairs.source, pairs.text, pairs.label, strict=True)]

    def make(turn: int) -> Kept | None:
        drawn = rng.sample(known, min(len(known), rng.choice(_COUNTS)))
        parts = [_part(*row, rng) for row in drawn]
        source = " ".join(with_stop(source.strip()) for source, _, _ in parts)
        text = " ".join(with_stop(text.strip()) for _, text, _ in parts if text)
        sizes = [len(source.split()) for source, _, _ in parts]
        if not text or max(sum(sizes), len(text.split())) > _MOST_WORDS:
            return None
        kept = np.average([label for _, _, label in parts], weights=sizes)
        return (source, text), float(kept)

    return draw_distinct(make, count if known else 0, rng, at_most=True)


def _part(source: str, text: str, label: float, rng: Random) -> tuple[str, str, float]:
    """Return a pair as it is, its source unchanged, or its source with nothing."""
    chance = rng.random()
    if chance < _SAME_SHARE:
        return source, source, 1.0
    if chance < _SAME_SHARE + _LOST_SHARE:
        return source, "", 0.0
    return source, text, label
