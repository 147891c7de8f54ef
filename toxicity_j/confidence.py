"""Confidence intervals of the metric's results, by the statistics of the installed
package.

`evaluate.load` copies no folder of this package, so the wing `compare/` is imported
when an interval is asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

from .checks import check_number
from .results import MEANS, Segments

__all__ = ["corpus_intervals", "interval_statistics"]


def interval_statistics(confidence: float) -> Any:
    """Return the module that computes intervals, which the installed package has.

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
        return importlib.import_module("toxicity_j.compare.statistics")
    except ImportError as error:
        raise ImportError(
            f"`confidence` needs the installed package (pip install .): {error}"
        ) from error


def corpus_intervals(
    segments: Segments, statistics: Any, confidence: float | None
) -> dict[str, list[float]]:
    """Return the interval of each corpus score, as [low, high].

    Args:
        segments: at least 2.
        statistics: what `interval_statistics` returns.
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
    statistics.warn_if_few(
        len(segments), statistics.FEWEST_SEGMENTS, "the intervals are too narrow"
    )
    intervals = {}
    for key, name in MEANS.items():
        column = getattr(segments, name)
        if column is not None:
            intervals[key] = list(statistics.mean_interval(column, level=confidence))
    return intervals
