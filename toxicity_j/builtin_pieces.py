"""Pairs of which a side is longer than the encoder reads, in pieces that fit.

Style reads overlapping windows of the prediction and takes the most toxic one. For
content and fluency both texts are aligned by what they share and cut at the same places
of the alignment, at the end of a sentence where one is near; the mean of the pieces is
the score. What one side lacks keeps no content. For fluency a prediction that fits is
not cut. So a sentence that moved far is lost to one piece and new to another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from .text import windows

__all__ = ["LongPair", "Piece", "join_scores"]

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


@dataclass
class LongPair:
    """A pair that is read in pieces, as token ids without special tokens.

    Attributes:
        prediction: all of its ids.
        source: likewise.
        size: most ids of each side of a piece, at least 2.
        ends: ids that end a sentence.
    """

    prediction: _Ids
    source: _Ids
    size: int
    ends: Collection[int]

    def pieces(self, role: str) -> list[Piece]:
        """Return what is read for "style", "content" or "fluency".

        Shares add up to 1, or to less for content: what one side lacks has no piece.
        """
        if role == "style":
            # Half of each is in the next too, so that no insult is cut in two.
            found = windows(list(self.prediction), self.size, self.size // 2)
            return [Piece(tuple(ids), (), 1 / len(found)) for ids in found]
        if role == "content":
            return self._for_content()
        return self._for_fluency()

    def _for_content(self) -> list[Piece]:
        """Let each part count by its longer side."""
        total = sum(max(map(len, part)) for part in self._parts)
        return [
            Piece(prediction, source, max(len(prediction), len(source)) / total)
            for prediction, source in self._parts
            if prediction and source
        ]

    def _for_fluency(self) -> list[Piece]:
        """Let each part of the prediction count by its length.

        A prediction that fits is read whole, beside each part of its source. What the
        source lacks is read beside itself, as without a source.
        """
        if len(self.prediction) <= self.size:
            return [
                Piece(self.prediction, source, len(source) / len(self.source))
                for _, source in self._parts
                if source
            ]
        return [
            Piece(
                prediction, source or prediction, len(prediction) / len(self.prediction)
            )
            for prediction, source in self._parts
            if prediction
        ]

    @cached_property
    def _parts(self) -> list[tuple[_Ids, _Ids]]:
        """Cut both sides at the same places, so that no part is over `size`."""
        path = _path(self.prediction, self.source)
        is_end = np.array([self._ends_sentence(*step) for step in path.tolist()])
        places = path[_cuts(path, is_end, 0, len(path) - 1, self.size)].tolist()
        return [
            (self.prediction[start:stop], self.source[source_start:source_stop])
            for (start, source_start), (stop, source_stop) in pairwise(places)
        ]

    def _ends_sentence(self, read: int, source_read: int) -> bool:
        """Return whether both sides end a sentence after so many ids."""
        if read == 0 or source_read == 0:
            return False
        lasts = self.prediction[read - 1], self.source[source_read - 1]
        return all(last in self.ends for last in lasts)


def join_scores(role: str, pieces: Sequence[Piece], scores: np.ndarray) -> float:
    """Return the score of a pair: the largest for "style", else the mean by share.

    Args:
        role: as in `LongPair.pieces`.
        pieces: what it returned.
        scores: of each piece. *Shape:* (pieces,), in [0, 1].
    """
    if role == "style":
        return float(scores.max())
    return float(scores @ [piece.share for piece in pieces])


def _path(prediction: _Ids, source: _Ids) -> np.ndarray:
    """Walk through both sides at once, from match to match, one id a step.

    *Shape:* (ids of both + 1, 2): how many of the prediction and of the source lie
    before a step.
    """
    corners = {(0, 0), (len(prediction), len(source))}
    for place, source_place in _longest_ascent(_matches(prediction, source)):
        corners |= {(place, source_place), (place + 1, source_place + 1)}
    ascending = np.array(sorted(corners))
    steps = np.arange(len(prediction) + len(source) + 1)
    read = np.interp(steps, ascending.sum(axis=1), ascending[:, 0]).astype(int)
    return np.stack([read, steps - read], axis=1)


def _matches(prediction: _Ids, source: _Ids) -> set[tuple[int, int]]:
    """Return the places of ids in runs of up to three that each side has once."""
    found = set()
    for width in (1, 2, 3):
        starts, source_starts = _once(prediction, width), _once(source, width)
        for run in starts.keys() & source_starts.keys():
            start, source_start = starts[run], source_starts[run]
            found |= {(start + i, source_start + i) for i in range(width)}
    return found


def _once(ids: _Ids, width: int) -> dict[_Ids, int]:
    """Return where each run of `width` ids starts that is there once."""
    runs = list(zip(*(ids[start:] for start in range(width)), strict=False))
    counts = Counter(runs)
    return {run: start for start, run in enumerate(runs) if counts[run] == 1}


def _longest_ascent(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return as many of the places as ascend on both sides, in order.

    So what moved gives way to what stayed (Schensted 1961, "Longest increasing and
    decreasing subsequences").
    """
    # Of equal places on one side the largest on the other comes first, so that no two
    # of them ascend.
    ordered = sorted(places, key=lambda place: (place[0], -place[1]))
    # By length less one: the ascent that ends lowest, by its last place.
    lowest: list[int] = []
    lasts: list[int] = []
    before: list[int] = []
    for i, (_, source_place) in enumerate(ordered):
        length = bisect_left(lowest, source_place)
        before.append(lasts[length - 1] if length else -1)
        # Behind the end, a slice appends.
        lowest[length : length + 1] = [source_place]
        lasts[length : length + 1] = [i]
    ascent = []
    i = lasts[-1] if lasts else -1
    while i >= 0:
        ascent.append(ordered[i])
        i = before[i]
    return ascent[::-1]


def _cuts(
    path: np.ndarray, is_end: np.ndarray, start: int, stop: int, size: int
) -> list[int]:
    """Return the steps at which to cut, `start` and `stop` among them.

    A stretch that does not fit is halved, at the sentence end nearest to its middle.
    """
    if (path[stop] - path[start]).max() <= size:
        return [start, stop]
    # An end outside of the middle half would leave a short piece.
    middle, margin = (start + stop) // 2, max(1, (stop - start) // 4)
    ends = start + margin + np.flatnonzero(is_end[start + margin : stop - margin + 1])
    cut = middle
    if ends.size:
        cut = int(ends[np.abs(ends - middle).argmin()])
    before = _cuts(path, is_end, start, cut, size)
    return [*before, *_cuts(path, is_end, cut, stop, size)[1:]]
