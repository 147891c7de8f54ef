"""One column of texts: what it may be, and what is rejected.

Nothing is repaired: an item that is not a string or a missing item is an error that
names the argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

__all__ = ["described", "checked_references", "checked_texts"]


def checked_texts(column: Any, name: str, *, may_be_empty: bool = False) -> list[str]:
    """Check one column of texts.

    Args:
        column: a list or another ordered iterable of strings: a tuple, a generator, a
            NumPy array, a pandas Series, an Arrow array, a `datasets.Column`.
        name: the argument's name, for messages.
        may_be_empty: accept a column without texts.

    Returns:
        The texts, unchanged, in order.

    Raises:
        TypeError: the column is a bare string, bytes, a dict, a set, a table or not
            iterable, or an item is not a string (the index is named).
        ValueError: the column is empty, or a text holds a lone surrogate (which no
            encoding can write).
    """
    items = _as_list(column, name)
    if not items and not may_be_empty:
        raise ValueError(f"`{name}` must hold at least one text; got an empty list")
    for index, item in enumerate(items):
        # NumPy's strings are a subclass of str; the exact type is what a plain list
        # holds nearly always.
        if type(item) is not str:
            items[index] = _plain_string(item, name, f"item {index}")
    _reject_surrogates(items, name)
    return items


def checked_references(column: Any, name: str = "references") -> list[list[str]]:
    """Check a column of references: a string, or a list of strings, per item.

    Returns:
        A list of texts for each item.

    Raises:
        TypeError: as `checked_texts`, for the column and for each item.
        ValueError: as `checked_texts`, for the column and for each item.
    """
    items = _as_list(column, name, nested=True)
    if not items:
        raise ValueError(f"`{name}` must hold at least one item; got an empty list")
    return [
        _references_of_one(item, f"{name}[{index}]") for index, item in enumerate(items)
    ]


def _references_of_one(item: Any, name: str) -> list[str]:
    if isinstance(item, str):
        item = [item]
    return checked_texts(item, name)


def _as_list(column: Any, name: str, *, nested: bool = False) -> list[Any]:
    """Return the items of a column; `nested` allows an array of two dimensions."""
    # Each of these can be iterated over, but none is a column in order.
    if column is None or isinstance(column, (str, bytes, Mapping, Set)):
        raise TypeError(f"`{name}` must be a list of strings; got {described(column)}")
    is_array = hasattr(column, "tolist")  # NumPy, pandas, torch
    shape = getattr(column, "shape", None)
    if isinstance(shape, tuple):
        is_list = len(shape) == 1
        is_list_of_lists = nested and is_array and len(shape) == 2
        # A DataFrame is neither: iterating over it would give the names of its columns.
        if not is_list and not is_list_of_lists:
            raise TypeError(
                f"`{name}` must be a list of strings; got a {type(column).__name__} of"
                f" shape {shape}"
            )
    if hasattr(column, "to_pylist"):  # Arrow
        return list(column.to_pylist())
    if is_array:
        return list(column.tolist())
    if not isinstance(column, Iterable) and not hasattr(column, "__getitem__"):
        raise TypeError(f"`{name}` must be a list of strings; got {described(column)}")
    return list(column)


def _plain_string(item: Any, name: str, place: str) -> str:
    if not isinstance(item, str):
        raise TypeError(
            f"`{name}` must hold strings only; {place} is {described(item)}"
        )
    return str(item)


def _reject_surrogates(items: list[str], name: str) -> None:
    for index, item in enumerate(items):
        # The check that is nearly always enough.
        if item.isascii():
            continue
        try:
            item.encode("utf-8")
        except UnicodeEncodeError as error:
            place = f"item {index} has a lone surrogate at character {error.start}"
            raise ValueError(f"`{name}` must hold valid Unicode; {place}") from None


def described(value: Any) -> str:
    """Return the type of a value and the beginning of its text, for messages."""
    if value is None:
        return "None"
    shown = repr(value)
    if len(shown) > 40:
        shown = shown[:37] + "..."
    return f"{type(value).__name__} {shown}"
