"""What is done with one unit of rows, in any process: score, cut, write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..results import Segments
from .inputs import Table, Unit
from .shards import SCORE_COLUMNS, slices, text_digest, write_shard


class RowScorer(Protocol):
    """What scores rows: a `Scorer`, or anything with its `score`."""

    def score(
        self,
        predictions: Any,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
    ) -> Segments:
        """Compute the scores of each row."""


@dataclass(frozen=True)
class Job:
    """What a worker needs besides rows.

    Attributes:
        scorer: what scores them.
        folder: where shards go.
        window: rows per shard.
    """

    scorer: RowScorer
    folder: Path
    window: int

    def signature(self, columns: Table) -> str:
        """Return the signature that scores of such columns have."""
        # The first row tells: what differs between rows is left out of a manifest.
        first_row = {name: column[:1] for name, column in columns.items()}
        return self.scorer.score(**first_row).signature

    def run(self, unit: Unit, wanted: list[tuple[int, int]]) -> int:
        """Score a unit and write the shards of the rows in `wanted`.

        Returns:
            The number of rows written.

        Raises:
            OSError: a shard cannot be written.
            TypeError: as `Scorer.score`, naming the rows.
            ValueError: as `Scorer.score`, naming the rows.
        """
        segments = self._scored(unit)
        scores = score_arrays(segments)
        for start, stop in wanted:
            columns = unit.rows(start, stop)
            rows = slice(start - unit.start, stop - unit.start)
            part = {name: values[rows] for name, values in scores.items()}
            info: dict[str, Any] = {
                "signature": segments.signature,
                "digest": text_digest(columns),
                "truncated": {},
            }
            # Counted per unit, so said once: in its first shard.
            if start == unit.start:
                info["truncated"] = segments.truncated
            write_shard(self.folder, start, part, columns.get("languages"), info)
        return sum(stop - start for start, stop in wanted)

    def _scored(self, unit: Unit) -> Segments:
        try:
            segments = self.scorer.score(**unit.columns)
        except (TypeError, ValueError) as error:
            message = f"{unit.name} (item 0 is row {unit.start}): {error}"
            raise plain_kind(error)(message) from error
        rows, scored = unit.stop - unit.start, len(segments.sta)
        if scored != rows:
            raise ValueError(f"`scorer` must score each row; got {scored} for {rows}")
        return segments


def plain_kind(error: TypeError | ValueError) -> type[TypeError] | type[ValueError]:
    """Return the kind of an error of a row, to raise it again with another text."""
    # Not its own class, which may need other arguments.
    if isinstance(error, TypeError):
        return TypeError
    return ValueError


def score_arrays(segments: Segments) -> dict[str, np.ndarray]:
    """Return the score columns that were computed, float64, by name."""
    arrays = {}
    for name in SCORE_COLUMNS:
        values = getattr(segments, name)
        if values is not None:
            arrays[name] = np.asarray(values, np.float64)
    return arrays


def missing_shards(
    unit: Unit, window: int, finished: dict[tuple[int, int], str]
) -> list[tuple[int, int]]:
    """Return the shards of a unit that are still to be written.

    Args:
        unit: the rows, as read now.
        window: rows per shard.
        finished: digest of the texts by the rows of each shard that is there.

    Raises:
        ValueError: the texts of a finished shard were others.
    """
    missing = []
    for start, stop in slices(unit.start, unit.stop, window):
        digest = finished.get((start, stop))
        if digest is None:
            missing.append((start, stop))
        elif digest != text_digest(unit.rows(start, stop)):
            raise ValueError(
                "`data` has changed: `out` holds scores of other texts for rows"
                f" {start} to {stop - 1}"
            )
    return missing
