"""Score a table of systems in small steps, then compare the systems.

After each step progress shows, and a job can be canceled.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

import numpy as np

from toxicity_j.compare import compare
from toxicity_j.scale.aggregate import joint_signature

from .limits import InputError
from .models import Choice, score
from .tables import Columns, named_columns

# Segments per step: about a tenth of a second with the built-in encoder.
STEP = 16
MEASURES = ("sta", "sim", "fl", "j")
CSV_HEADER = ["row", "system", "source", "rewrite", "p_toxic", *MEASURES]


@dataclass(frozen=True)
class Progress:
    """Segments scored so far, and all."""

    done: int
    total: int


@dataclass(frozen=True)
class ScoredTable:
    """A scored table.

    Attributes:
        columns: what was scored.
        segments: by system name, the `Segments`.
        comparison: what `toxicity_j.compare` says of them.
        choice: the protocol and models.
    """

    columns: Columns
    segments: dict[str, Any]
    comparison: Any
    choice: Choice


def score_table(columns: Columns, choice: Choice) -> Iterator[Progress | ScoredTable]:
    """Yield the progress after each step, and at last the scored table.

    Raises:
        InputError: the columns do not fit the protocol, or a model is not here.
    """
    total, done = len(columns.rows) * len(columns.systems), 0
    yield Progress(0, total)
    segments = {}
    for name, texts in columns.systems.items():
        parts = []
        for start in range(0, len(texts), STEP):
            step = _step(columns, texts, slice(start, start + STEP))
            part = score(choice, "long", **step)
            parts.append(part)
            done += len(part.sta)
            # Where gradio ends the job after a click on Cancel.
            yield Progress(done, total)
        segments[name] = joined(parts)
    try:
        comparison = compare(
            segments, columns.sources, columns.references, columns.languages
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    yield ScoredTable(columns, segments, comparison, choice)


def joined(parts: list[Any]) -> Any:
    """Return the `Segments` of consecutive parts as one."""
    if len(parts) == 1:
        return parts[0]
    values: dict[str, Any] = {}
    for field in fields(parts[0]):
        of_parts = [getattr(part, field.name) for part in parts]
        values[field.name] = _joined_values(of_parts)
    # Parts may differ in their number of references.
    values["signature"] = joint_signature([part.signature for part in parts])
    return replace(parts[0], **values)


def _joined_values(values: list[Any]) -> Any:
    """Join arrays and lists, add up counts by name; else return the first."""
    first = values[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(values)
    if isinstance(first, list):
        return list(chain.from_iterable(values))
    # What was not computed is the same in all parts.
    if not isinstance(first, dict):
        return first
    totals: Counter[str] = Counter()
    for counts in values:
        totals.update(counts)
    return dict(totals)


def segments_csv(scored: ScoredTable) -> str:
    """Return one line per row and system with its scores, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_HEADER)
    columns = scored.columns
    for name, segments in scored.segments.items():
        for index, number in enumerate(columns.rows):
            source = ""
            if columns.sources is not None:
                source = columns.sources[index]
            numbers = [
                _digits(number_at(segments, measure, index))
                for measure in ("p_toxic", *MEASURES)
            ]
            rewrite = columns.systems[name][index]
            writer.writerow([number, name, source, rewrite, *numbers])
    return out.getvalue()


def table_csv(columns: Columns) -> str:
    """Return what was scored as CSV, which `toxicity-j compare` and uploads read."""
    # "reference2" is a name that the readers of both know.
    named = dict(named_columns(columns, "reference"))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(list(named))
    writer.writerows(zip(*named.values(), strict=True))
    return out.getvalue()


def number_at(segments: Any, measure: str, index: int) -> float | None:
    """Return one score of one segment, None where the measure was not computed."""
    values = getattr(segments, measure)
    if values is None:
        return None
    return float(values[index])


def _digits(value: float | None) -> str:
    """Return a number with all its digits, or nothing."""
    if value is None:
        return ""
    return repr(value)


def _step(columns: Columns, texts: list[str], rows: slice) -> dict[str, Any]:
    step: dict[str, Any] = {"predictions": texts[rows]}
    for name in ("sources", "references", "languages"):
        values = getattr(columns, name)
        if values is not None:
            step[name] = values[rows]
    return step
