"""What a random call may end in: a result within its range, or an error that names the
argument in backticks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


class Wrong(AssertionError):
    """A call that ended in neither a right result nor a named error."""


def check_error(error: BaseException) -> None:
    """Accept a TypeError or ValueError, or an OSError of a missing model, that names an
    argument in backticks.
    """
    is_expected = isinstance(error, (TypeError, ValueError, OSError))
    if not is_expected or "`" not in str(error):
        raise Wrong(f"{type(error).__name__}: {error}") from error


def check_range(values: Any, low: float, high: float, what: str) -> None:
    """Accept finite numbers in [low, high] only."""
    array = np.asarray(values, dtype=np.float64)
    # Infinity is wrong even where it is the bound.
    is_right = np.isfinite(array) & (array >= low) & (array <= high)
    if not is_right.all():
        raise Wrong(f"{what} is {values!r}, not in [{low}, {high}]")


def attempt(call: Callable[[], Any], check: Callable[[Any], None]) -> None:
    """Run a call; a result must pass `check`, an error `check_error`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 (each kind is judged)
            check_error(error)
            return
    check(result)


def check_corpus(scores: dict[str, Any]) -> None:
    """Accept corpus scores in [0, 1]."""
    for key in ("sta", "nontoxic_share", "sim", "fl", "j"):
        if key in scores:
            check_range(scores[key], 0, 1, key)
