"""What is stored until compute(): columns in parts, and files of several processes.

A column that is absent for some of the parts only is an error that names it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from .columns import Columns

__all__ = [
    "PLURALS",
    "Stored",
    "all_or_none",
    "appended",
    "await_reader",
    "check_same_columns",
    "checked_columns",
    "leave",
    "row_count",
    "rows_of",
]

# Columns by name; None for a column that is absent.
Stored: TypeAlias = "dict[str, list[Any] | None]"

# `add` takes the singular names too; columns are stored under the plural ones.
PLURALS = {
    "prediction": "predictions",
    "source": "sources",
    "reference": "references",
    "language": "languages",
}

# Files that this process has left to process 0, which removes each once it is read.
_LEFT: set[str] = set()


def checked_columns(
    predictions: Any, sources: Any, references: Any, languages: Any, data: Any
) -> Stored | None:
    """Return the checked columns of compute() or add_batch(); None without any.

    Raises:
        TypeError: a column does not consist of strings.
        ValueError: a column is empty, columns differ in length, or `predictions` is
            missing or given twice.
    """
    if data is not None and predictions is not None:
        raise ValueError("`data` is another name of `predictions`; give one of them")
    if data is not None:
        predictions = data
    if predictions is not None:
        return Columns.check(predictions, sources, references, languages).by_name()
    # `predictions` may be absent only where all columns are.
    others = {"sources": sources, "references": references, "languages": languages}
    for name, column in others.items():
        if column is not None:
            raise ValueError(f"`predictions` must be given with `{name}`")
    return None


def check_same_columns(stored: Collection[str], given: Stored) -> None:
    """Check that further segments have the columns of those that are stored.

    Raises:
        ValueError: they lack one, or have another one.
    """
    for name, column in given.items():
        was_given = name in stored
        if was_given != (column is not None):
            before = "have it" if was_given else "lack it"
            raise ValueError(
                f"`{name}` must be given for every item or for none; the items stored"
                f" before {before}"
            )


def row_count(columns: Mapping[str, list[Any] | None]) -> int:
    """Return the length of the columns that are there."""
    return max(len(column) for column in columns.values() if column is not None)


def rows_of(column: list[Any] | None, rows: slice) -> list[Any]:
    """Return rows of a column; of an absent one, nulls."""
    # evaluate has no optional columns, so an absent one is stored as well.
    if column is None:
        return [None] * (rows.stop - rows.start)
    return column[rows]


def appended(stored: Mapping[str, list[Any]], given: Stored) -> dict[str, list[Any]]:
    """Return the given columns behind the stored ones."""
    before = slice(0, row_count(stored))
    after = slice(0, row_count(given))
    joined = {}
    for name, column in given.items():
        joined[name] = rows_of(stored.get(name), before) + rows_of(column, after)
    return joined


def all_or_none(name: str, column: list[Any]) -> list[Any] | None:
    """Return a stored column, None if it was absent throughout.

    Raises:
        ValueError: it is absent for some segments only.
    """
    count = column.count(None)
    if count == 0:
        return column
    if count == len(column):
        return None
    gap = f"it is missing for item {column.index(None)} and {count - 1} more"
    raise ValueError(f"`{name}` must be given for every item or for none; {gap}")


def leave(path: str) -> None:
    """Leave a file to process 0."""
    _LEFT.add(path)


def await_reader(path: str, timeout: float) -> None:
    """Wait until process 0 has read a file that this process left in the last round.

    Raises:
        ValueError: it has not read it within `timeout` seconds.
    """
    end = time.monotonic() + timeout
    # evaluate itself lets a process write over a file that is not yet read.
    while path in _LEFT:
        if not Path(path).exists():
            _LEFT.remove(path)
        elif time.monotonic() > end:
            raise ValueError(
                f"`timeout`: process 0 has not read {path} within {timeout} s; each"
                " process must call compute() in each round, and `timeout` must be"
                " longer than the time they are apart"
            )
        else:
            time.sleep(0.02)
