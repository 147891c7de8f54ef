"""One row per system and segment, with texts and scores, as a file holds it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .comparison import Comparison
from .records import Texts
from .rows import csv_text

SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
_SCORES = ("sta", "sim", "fl", "j", "p_toxic", "nontoxic")
# What a TSV cell cannot hold, because TSV has no quoting.
_BREAKS = ("\t", "\n", "\r")


def check_suffix(path: str) -> str:
    """Return the suffix of a file of segments.

    Raises:
        ValueError: it is not one of `SUFFIXES`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise ValueError(f"`--segments` must end in one of {known}; got {path!r}")
    return suffix


def check_cells(
    suffix: str,
    systems: Sequence[str],
    texts: Texts | None = None,
    languages: Sequence[str] | None = None,
) -> None:
    """Check before scoring that each name, text and language fits the format.

    Raises:
        ValueError: one holds a tab or a line break, and the format is TSV.
    """
    if suffix != ".tsv":
        return
    for name in systems:
        _check_cell(name, f"the name {name!r}")
    # A system may be called "sources", so that a dict will not do. References are one
    # JSON string, which escapes tabs and line breaks.
    columns = [("languages", languages)]
    if texts is not None:
        columns += [("sources", texts.sources), *texts.predictions.items()]
    for name, column in columns:
        for index, text in enumerate(column or []):
            _check_cell(text, f"segment {index} of {name}")


def _check_cell(text: str, place: str) -> None:
    if any(mark in text for mark in _BREAKS):
        raise ValueError(
            f"{place} has a tab or a line break, which TSV cannot hold: use .jsonl"
        )


def segment_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Yield one row per system and segment: names, texts, language and scores.

    All rows have the same keys. Where a system was given as scores and another as
    texts, the first one's predictions are None.
    """
    texts = comparison.texts
    predictions = {}
    if texts is not None:
        predictions = texts.predictions
    for system in comparison.systems:
        for index in range(comparison.n):
            row: dict[str, Any] = {"system": system.name, "segment": index}
            if comparison.languages is not None:
                row["language"] = comparison.languages[index]
            if texts is not None and texts.sources is not None:
                row["source"] = texts.sources[index]
            if predictions:
                row["prediction"] = None
            if system.name in predictions:
                row["prediction"] = predictions[system.name][index]
            if texts is not None and texts.references is not None:
                row["references"] = texts.references[index]
            for name in _SCORES:
                if name in system.segments:
                    row[name] = system.segments[name][index]
            yield row


def render_segments(comparison: Comparison, path: str) -> bytes:
    """Return what a file of the segments of all systems holds; scores keep all digits.

    References are a list in JSON Lines and parquet and one JSON string in CSV and TSV.

    Args:
        comparison: the systems and their scores.
        path: of the file. Its suffix says the format.

    Raises:
        ImportError: the format is parquet and pyarrow is not installed.
        ValueError: the suffix is unknown, or a text does not fit the format.
    """
    suffix = check_suffix(path)
    names = [system.name for system in comparison.systems]
    check_cells(suffix, names, comparison.texts, comparison.languages)
    rows = list(segment_rows(comparison))
    if suffix == ".parquet":
        return _parquet(rows)
    if suffix == ".jsonl":
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        return "".join(lines).encode("utf-8")
    return _delimited(rows, suffix).encode("utf-8")


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


def _delimited(rows: list[dict[str, Any]], suffix: str) -> str:
    lines = [list(rows[0])]
    lines += [list(map(_cell, row.values())) for row in rows]
    if suffix == ".tsv":
        return "".join("\t".join(cells) + "\n" for cells in lines)
    return csv_text(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return value
    # All digits, so that a mean can be computed again.
    return repr(value)
