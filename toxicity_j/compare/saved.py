"""Write a comparison as JSON and read it back."""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, asdict, fields, is_dataclass, replace
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from .comparison import Comparison
from .consistency import check_consistent

# Raised when a field changes its meaning, so that an older file is refused instead of
# misread.
FORMAT = "toxicity_j.comparison/1"

# What each type of JSON is called in messages.
_WORDS = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a whole number",
    float: "a number",
}


def to_json(
    comparison: Comparison,
    *,
    segments: bool = True,
    texts: bool = True,
    indent: int | None = 2,
) -> str:
    """Return a comparison as JSON; see `Comparison.to_json`."""
    if not texts:
        comparison = replace(comparison, texts=None)
    # They are most of the file.
    if not segments:
        systems = tuple(replace(system, segments={}) for system in comparison.systems)
        comparison = replace(comparison, systems=systems)
    saved = {"format": FORMAT, **asdict(comparison)}
    return json.dumps(saved, ensure_ascii=False, indent=indent, allow_nan=False)


def from_json(text: str) -> Comparison:
    """Read a comparison; see `Comparison.from_json`.

    Raises:
        TypeError: `text` is not a string.
        ValueError: `text` is not JSON, or not a saved comparison.
    """
    if not isinstance(text, str):
        raise TypeError(f"`text` must be a string; got {type(text).__name__}")
    try:
        saved = json.loads(text)
    # Of numbers with thousands of digits, json says a plain ValueError.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"`text` must be a saved comparison; got text that is not JSON ({error})"
        ) from error
    # A list or a number is JSON, too.
    found = None
    if isinstance(saved, dict):
        found = saved.get("format")
    if found != FORMAT:
        raise ValueError(
            f"`text` must be a saved comparison of format {FORMAT!r}; got {found!r}"
        )
    try:
        comparison: Comparison = _as(Comparison, saved, "")
        check_consistent(comparison)
    except ValueError as error:
        raise ValueError(f"`text` must be a whole saved comparison: {error}") from None
    return comparison


def _as(kind: Any, value: Any, place: str) -> Any:
    """Return a value of JSON as what the type of its field says.

    JSON has lists in place of tuples, and dicts in place of records.

    Args:
        kind: the type, as `typing.get_type_hints` has it.
        value: what was read.
        place: the field, as "systems[0].rank", for messages.

    Raises:
        ValueError: the value is of another type.
    """
    if is_dataclass(kind):
        return _record(kind, value, place)
    container, parts = get_origin(kind), get_args(kind)
    if container is UnionType:  # "X | None"
        if value is None:
            return None
        return _as(parts[0], value, place)
    if container is None:
        return _single(kind, value, place)
    if container is dict:
        _check_type(value, dict, place)
        return {
            key: _as(parts[1], item, f"{place}[{key!r}]") for key, item in value.items()
        }
    _check_type(value, list, place)
    return container(
        _as(parts[0], item, f"{place}[{index}]") for index, item in enumerate(value)
    )


def _record(kind: Any, value: Any, place: str) -> Any:
    _check_type(value, dict, place)
    hints = get_type_hints(kind)
    prefix = ""
    if place:
        prefix = f"{place}."
    values = {}
    for field in fields(kind):
        if field.name in value:
            inner = f"{prefix}{field.name}"
            values[field.name] = _as(hints[field.name], value[field.name], inner)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"`{prefix}{field.name}` is missing")
    return kind(**values)


def _single(kind: type, value: Any, place: str) -> Any:
    """Return a string or a number; a whole number is a float too."""
    if kind is float:
        if type(value) is not int:
            _check_type(value, float, place)
        # json.loads accepts NaN, Infinity and whole numbers beyond them.
        if not abs(value) <= sys.float_info.max:
            raise ValueError(f"`{place}` must be a finite number; got {value!r:.40}")
        return value
    _check_type(value, kind, place)
    return value


def _check_type(value: Any, kind: type, place: str) -> None:
    # Not isinstance, because True is an int.
    if type(value) is not kind:
        raise ValueError(f"`{place}` must be {_WORDS[kind]}; got {value!r:.40}")
