"""Confidence intervals of the metric's results, by the statistics of the installed
package.

`evaluate.load` copies no folder of this package, so the wing `compare/` is imported
when an interval is asked for.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from .checks import check_number
from .results import MEANS, Segments

__all__ = ["corpus_intervals", "interval_function"]

# As `FEWEST_SEGMENTS` of compare/statistics.py, which may be absent.
_FEWEST = 6


def interval_function(confidence: float) -> Any:
    """Return the function for intervals, which comes from the installed package.

    Raises:
        ImportError: the package is not installed.
        TypeError: `confidence` is not a number.
        ValueError: `confidence` is not above 0 and below 1.
    """
    check_number("`confidence`", confidence, 0, 1)
    # `check_number` allows the ends, which no interval has.
    if confidence in (0, 1):
        raise ValueError(f"`confidence` must be above 0 and below 1; got {confidence}")
    try:
        return importlib.import_module("toxicity_j.compare.statistics").mean_interval
    except ImportError as error:
        raise ImportError(
            f"`confidence` needs the installed package (pip install .): {error}"
        ) from error


def corpus_intervals(
    segments: Segments, mean_interval: Any, confidence: float | None
) -> dict[str, list[float]]:
    """Return the interval of each corpus score, as [low, high].

    Args:
        segments: at least 2.
        mean_interval: what `interval_function` returns.
        confidence: level of the intervals.

    Raises:
        ValueError: there is one segment.

    Warns:
        UserWarning: there are fewer than 6.
    """
    # One value has no spread to resample.
    if len(segments) < 2:
        raise ValueError(f"`confidence` needs at least 2 segments; got {len(segments)}")
    # Once, whatever the number of scores.
    if len(segments) < _FEWEST:
        warnings.warn(
            f"{len(segments)} segments are fewer than {_FEWEST}: the intervals are too"
            " narrow",
            UserWarning,
            stacklevel=3,
        )
    intervals = {}
    for key, name in MEANS.items():
        column = getattr(segments, name)
        if column is not None:
            intervals[key] = list(mean_interval(column, level=confidence))
    return intervals
