"""Pairs of which a side is longer than the encoder reads, in pieces that fit.

Style reads windows of the prediction, of which the most toxic one counts. Content and
fluency read source and prediction cut at the same places of what they share, at the end
of a sentence where one is near, and take the mean. So a sentence that moved far is lost
to one piece and new to another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from .text import windows

__all__ = ["Piece", "cut_pair", "join_scores"]

_Ids: TypeAlias = tuple[int, ...]


class Piece(NamedTuple):
    """A part of a pair, as token ids without special tokens.

    Attributes:
        prediction: its part of the prediction.
        source: its part of the source; empty for style.
        share: how far it counts in a mean, of 1 for the pair.
    """

    prediction: _Ids
    source: _Ids
    share: float


def cut_pair(
    role: str,
    prediction: Sequence[int],
    source: Sequence[int],
    size: int,
    ends: Collection[int | None],
) -> list[Piece]:
    """Return the pieces of a pair that are read for a role.

    Args:
        role: "style", "content" or "fluency".
        prediction: token ids without special tokens.
        source: likewise.
        size: most ids of each side of a piece, at least 2.
        ends: ids that end a sentence.
    """
    own, other = tuple(prediction), tuple(source)
    if role == "style":
        # Half of each is in the next too, so that no insult is cut in two.
        pieces = windows(list(prediction), size, size // 2)
        return [Piece(tuple(piece), (), 1 / len(pieces)) for piece in pieces]
    parts = _aligned(own, other, size, ends)
    if role == "content":
        return _content_pieces(parts)
    return _fluency_pieces(own, parts, size)


def join_scores(role: str, pieces: Sequence[Piece], scores: np.ndarray) -> float:
    """Return the score of a pair: the largest for "style", else the mean by share.

    Args:
        role: as in `cut_pair`.
        pieces: what it returned.
        scores: of each piece. *Shape:* (pieces,), in [0, 1].
    """
    if role == "style":
        return float(scores.max())
    return float(scores @ [piece.share for piece in pieces])


def _content_pieces(parts: list[tuple[_Ids, _Ids]]) -> list[Piece]:
    """Let each part count by its longer side.

    A part that one side lacks keeps nothing. So it has no piece, and shares add up to
    less than 1.
    """
    total = sum(max(map(len, part)) for part in parts)
    return [
        Piece(own, other, max(len(own), len(other)) / total)
        for own, other in parts
        if own and other
    ]


def _fluency_pieces(
    prediction: _Ids, parts: list[tuple[_Ids, _Ids]], size: int
) -> list[Piece]:
    """Let each part of the prediction count by its length.

    A prediction that fits is read whole, beside each part of its source. What the
    source lacks is read beside itself, as without a source.
    """
    if len(prediction) <= size:
        total = sum(len(other) for _, other in parts)
        return [
            Piece(prediction, other, len(other) / total) for _, other in parts if other
        ]
    return [
        Piece(own, other or own, len(own) / len(prediction))
        for own, other in parts
        if own
    ]


def _aligned(
    prediction: _Ids, source: _Ids, size: int, ends: Collection[int | None]
) -> list[tuple[_Ids, _Ids]]:
    """Cut both sides at the same places, so that no piece is over `size`."""
    path = _path(prediction, source)
    is_end = np.array(
        [
            own > 0 < other
            and prediction[own - 1] in ends
            and source[other - 1] in ends
            for own, other in path.tolist()
        ]
    )
    places = path[_cuts(path, is_end, 0, len(path) - 1, size)].tolist()
    return [(prediction[a:c], source[b:d]) for (a, b), (c, d) in pairwise(places)]


def _path(prediction: _Ids, source: _Ids) -> np.ndarray:
    """Walk through both sides at once, from match to match, one token a step.

    *Shape:* (tokens of both + 1, 2): how many of each side lie before a step.
    """
    # Frequent tokens say nothing of where they belong, and `SequenceMatcher` skips them
    # in long texts.
    blocks = SequenceMatcher(None, prediction, source).get_matching_blocks()
    marks = {(0, 0), (len(prediction), len(source))}
    for own, other, count in blocks:
        marks |= {(own, other), (own + count, other + count)}
    corners = np.array(sorted(marks))
    steps = np.arange(len(prediction) + len(source) + 1)
    own = np.interp(steps, corners.sum(axis=1), corners[:, 0]).astype(int)
    return np.stack([own, steps - own], axis=1)


def _cuts(
    path: np.ndarray, is_end: np.ndarray, start: int, stop: int, size: int
) -> list[int]:
    """Return steps of the path from `start` to `stop` that are near enough."""
    if (path[stop] - path[start]).max() <= size:
        return [start, stop]
    middle, quarter = (start + stop) // 2, (stop - start) // 4
    ends = np.flatnonzero(is_end[start + quarter : stop - quarter + 1])
    cut = middle
    if ends.size:
        near = start + quarter + ends
        cut = int(near[np.abs(near - middle).argmin()])
    before = _cuts(path, is_end, start, cut, size)
    return [*before, *_cuts(path, is_end, cut, stop, size)[1:]]
