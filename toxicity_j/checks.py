"""Checks of single values, with one wording for all errors: the name in backticks, what
is expected, what was given.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Sequence
from numbers import Integral, Real

__all__ = [
    "check_choice",
    "check_flag",
    "check_known",
    "check_number",
    "check_text",
    "check_whole",
    "is_hub_id",
    "is_revision",
    "looks_like_folder",
]

# huggingface_hub makes file names of a Hub id and of a revision, so neither may lead
# out of its cache.
_HUB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def check_text(name: str, value: object) -> None:
    """Check that a value is a string that is not blank.

    Raises:
        TypeError: it is not a string.
        ValueError: it is blank.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string; got {value!r:.100}")
    if not value.strip():
        raise ValueError(f"{name} must not be blank; got {value!r:.100}")


def check_flag(name: str, value: object, *, optional: bool = False) -> None:
    """Check that a value is True or False, or None if it is optional.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, bool):
        return
    if not optional:
        raise TypeError(f"{name} must be True or False; got {value!r:.100}")
    if value is not None:
        raise TypeError(f"{name} must be True, False or None; got {value!r:.100}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that a value is one of some strings.

    Raises:
        TypeError: it is not a string.
        ValueError: it is another string.
    """
    # Built before it is known to be needed, because both errors say it.
    expected = f"{name} must be one of {', '.join(choices)}; got {value!r:.100}"
    if not isinstance(value, str):
        raise TypeError(expected)
    if value not in choices:
        raise ValueError(expected)


def check_number(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    kind: str = "finite number",
) -> None:
    """Check that a value is a finite number in [low, high].

    Args:
        name: what is checked.
        value: what was given.
        low: the smallest number allowed.
        high: the largest number allowed.
        kind: what the number is, for the message.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not finite, or outside.
    """
    allowed = _range(low, high)
    # bool is a kind of int in Python, and no number here.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number{allowed}; got {value!r:.100}")
    is_inside = low <= float(value) <= high
    if not is_inside or not math.isfinite(value):
        raise ValueError(f"{name} must be a {kind}{allowed}; got {value!r:.100}")


def check_whole(name: str, value: object, low: int) -> None:
    """Check that a value is a whole number of at least `low`.

    Raises:
        TypeError: it is not a whole number.
        ValueError: it is smaller.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number; got {value!r:.100}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}; got {value}")


def check_known(kind: str, given: Collection[str], valid: Sequence[str]) -> None:
    """Check that every given name is valid; otherwise suggest the nearest.

    Raises:
        TypeError: a name is unknown.
    """
    for name in given:
        if name not in valid:
            nearest = difflib.get_close_matches(name, valid, n=1, cutoff=0.0)[0]
            names = ", ".join(valid)
            raise TypeError(
                f"unknown {kind} `{name}`; did you mean `{nearest}`? Valid: {names}"
            )


def is_hub_id(name: str) -> bool:
    """Return whether a name has the form of a Hub id, as huggingface_hub has it."""
    if ".." in name or "--" in name or len(name) > 96:
        return False
    return _HUB_ID.fullmatch(name) is not None


def is_revision(revision: str) -> bool:
    """Return whether a name has the form of a branch, tag or commit."""
    return ".." not in revision and _REVISION.fullmatch(revision) is not None


def looks_like_folder(model: str) -> bool:
    """Return whether a name has the form of a path, so it is no Hub id."""
    if model.startswith((".", "/", "~")) or "\\" in model:
        return True
    name, _, _ = model.partition("@")
    return name.count("/") > 1  # a Hub id has one at most


def _range(low: float, high: float) -> str:
    if not math.isfinite(low):
        return ""
    if not math.isfinite(high):
        return f" of at least {low:g}"
    return f" in [{low:g}, {high:g}]"
