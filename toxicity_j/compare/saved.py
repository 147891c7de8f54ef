"""Write a comparison as JSON and read it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any

from .comparison import Comparison
from .records import Difference, Estimate, Pair, System, Texts

# Raised when a field changes its meaning, so that an older file is refused instead of
# misread.
FORMAT = "toxicity_j.comparison/1"


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
        ValueError: `text` is not JSON, or not a saved comparison.
    """
    try:
        saved = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
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
        return _comparison(saved)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            "`text` must be a whole saved comparison; got one that lacks or distorts"
            f" {error}"
        ) from error


def _comparison(saved: dict[str, Any]) -> Comparison:
    # JSON has lists in place of tuples, and dicts in place of records.
    values = {field.name: saved[field.name] for field in fields(Comparison)}
    values["systems"] = tuple(map(_system, saved["systems"]))
    values["pairs"] = tuple(map(_pair, saved["pairs"]))
    values["groups"] = tuple(map(tuple, saved["groups"]))
    values["verdict"] = tuple(saved["verdict"])
    values["warnings"] = tuple(saved["warnings"])
    values["texts"] = None
    if saved["texts"]:
        values["texts"] = Texts(**saved["texts"])
    return Comparison(**values)


def _system(saved: dict[str, Any]) -> System:
    scores = _records(Estimate, saved["scores"])
    return System(**{**saved, "scores": scores})


def _pair(saved: dict[str, Any]) -> Pair:
    differences = _records(Difference, saved["differences"])
    return Pair(**{**saved, "differences": differences})


def _records(record: Callable[..., Any], saved: dict[str, Any]) -> dict[str, Any]:
    return {key: record(**values) for key, values in saved.items()}
