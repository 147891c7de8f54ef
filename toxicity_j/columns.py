"""Columns in: what a column of texts may be, and what is rejected, in one place.

Nothing is repaired: a text that is no string, a missing item or a different length is an error that names the argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

# Rows that a Scorer scores together. More are scored block by block: batches then hold the same texts however a corpus
# is cut, and a score keeps its last bits.
BLOCK = 4096


def texts(column: Any, name: str) -> list[str]:
    """Checks one column of texts.

    Args:
        column: a list or another ordered iterable of strings: a tuple, a generator, a NumPy array, a pandas Series,
            an Arrow array, a `datasets.Column`.
        name: the argument's name, for messages.

    Returns:
        The texts, unchanged, in order.

    Raises:
        TypeError: the column is a bare string, bytes, a dict, a set or no iterable, or an item is no string (the
            index is named).
        ValueError: the column is empty, or a text holds a lone surrogate (which no encoding can write).
    """
    items = _as_list(column, name)
    if not items:
        raise ValueError(f"`{name}` must hold at least one text; got an empty list")
    for index, item in enumerate(items):
        if type(item) is not str:
            items[index] = _plain_string(item, name, f"item {index}")
    _reject_surrogates(items, name)
    return items


def reference_lists(column: Any, name: str = "references") -> list[list[str]]:
    """Checks a column of references: one string, or a non-empty list of strings, for each item.

    Returns:
        A list of texts for each item.

    Raises:
        TypeError: as `texts`, for the column and for each item.
        ValueError: as `texts`, for the column and for each item.
    """
    items = _as_list(column, name)
    if not items:
        raise ValueError(f"`{name}` must hold at least one item; got an empty list")
    singles = [[item] if isinstance(item, str) else item for item in items]
    return [texts(item, f"{name}[{index}]") for index, item in enumerate(singles)]


def same_length(**columns: list | None) -> int:
    """The common length of the columns that are given.

    Raises:
        ValueError: two of them differ; both lengths are named.
    """
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    (first, expected), *others = lengths.items()
    for name, length in others:
        if length != expected:
            raise ValueError(f"`{name}` must be as long as `{first}`; got {length} items for {expected}")
    return expected


def _as_list(column: Any, name: str) -> list:
    if column is None or isinstance(column, (str, bytes, Mapping, Set)):
        raise TypeError(f"`{name}` must be a list of strings; got {_kind(column)}")
    if hasattr(column, "to_pylist"):  # Arrow
        return column.to_pylist()
    if hasattr(column, "tolist"):  # NumPy, pandas, torch
        items = column.tolist()
        if not isinstance(items, list):
            raise TypeError(f"`{name}` must be a list of strings; got a single {_kind(items)}")
        return items
    if not isinstance(column, Iterable) and not hasattr(column, "__getitem__"):
        raise TypeError(f"`{name}` must be a list of strings; got {_kind(column)}")
    return list(column)


def _plain_string(item: Any, name: str, place: str) -> str:
    if not isinstance(item, str):
        raise TypeError(f"`{name}` must hold strings only; {place} is {_kind(item)}")
    return str(item)


def _reject_surrogates(items: list[str], name: str) -> None:
    for index, item in enumerate(items):
        if not item.isascii():
            try:
                item.encode("utf-8")
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"`{name}` must hold valid Unicode; item {index} has a lone surrogate at character {error.start}"
                ) from None


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 40 else shown[:37] + '...'}"
