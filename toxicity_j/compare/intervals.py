"""Percentile and BCa intervals for means, of many columns at once.

Arguments are checked by callers.
"""

from __future__ import annotations

import math

import numpy as np

from ..checks import check_number, check_whole
from .checks import check_level
from .resampling import Array, resampled_means

METHODS = ("percentile", "bca")

# Means that differ by less than this share of the largest value are equal: the rest is
# rounding.
_ROUNDING = 1e-12


def intervals(
    columns: Array,
    *,
    n_resamples: int,
    seed: int,
    level: float,
    method: str = "percentile",
    expand: bool = True,
) -> tuple[Array, Array]:
    """Return an interval for the mean of each column, with the same draws for all.

    Args:
        columns: *Shape:* (n, k), n at least 2.
        n_resamples: bootstrap samples, at least 1.
        seed: equal seeds give equal intervals.
        level: the share of intervals that hold the true mean, in (0, 1).
        method: one of `METHODS`.
        expand: widen the interval as Student's t does.

    Returns:
        Lower and upper ends, *Shape:* (k,) each.
    """
    means = resampled_means(columns, n_resamples, seed)
    z = _normal_quantile(level, len(columns), expand)
    plain = _tails(z)
    ends = np.empty((columns.shape[1], 2))
    for place in range(columns.shape[1]):
        own = means[:, place]
        tails = plain
        if method == "bca":
            tails = _bca_tails(columns[:, place], own, z)
        ends[place] = np.quantile(own, tails)
    return ends[:, 0], ends[:, 1]


def share_interval(share: float, n: int, level: float) -> tuple[float, float]:
    """Return Wilson's interval for a share of decisions (Wilson 1927).

    Resampling 36 decisions that are all right says that no decision is ever wrong; this
    interval does not.

    Args:
        share: mean of n values that are 0 or 1.
        n: number of values, at least 1.
        level: the share of intervals that hold the true share, in (0, 1).

    Returns:
        (low, high), in [0, 1].

    Raises:
        TypeError: an argument is not a number.
        ValueError: an argument is out of its range.
    """
    from scipy.special import ndtri

    check_number("`share`", share, 0, 1)
    check_whole("`n`", n, 1)
    check_level(level, "level")
    upper = (1 + level) / 2
    square = float(ndtri(upper)) ** 2
    divisor = 1 + square / n
    center = (share + square / (2 * n)) / divisor
    variance = share * (1 - share) / n + square / (4 * n * n)
    reach = math.sqrt(square * variance) / divisor
    # Rounding can put an end a little outside.
    low, high = center - reach, center + reach
    return max(low, 0.0), min(high, 1.0)


def share_difference_interval(gaps: Array, level: float) -> tuple[float, float]:
    """Return an interval for the difference of two shares of the same segments.

    It is Wald's interval after half a segment was added to each of the four outcomes of
    a pair (Agresti and Min 2005, "Simple improved confidence intervals for comparing
    matched proportions"). Resampling decisions that never differ says that they never
    will; this interval does not.

    Args:
        gaps: differences of decisions, each -1, 0 or 1. *Shape:* (n,), n at least 1.
        level: the share of intervals that hold the true difference, in (0, 1).

    Returns:
        (low, high), in [-1, 1].
    """
    from scipy.special import ndtri

    n = len(gaps) + 2
    better = float(np.sum(gaps > 0)) + 0.5
    worse = float(np.sum(gaps < 0)) + 0.5
    center = (better - worse) / n
    error = math.sqrt(better + worse - n * center**2) / n
    reach = float(ndtri((1 + level) / 2)) * error
    # An interval of a low level could leave out the difference that was seen.
    seen = float(gaps.mean())
    low, high = min(center - reach, seen), max(center + reach, seen)
    return max(low, -1.0), min(high, 1.0)


def is_decision(values: Array) -> bool:
    """Return whether every value is 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _normal_quantile(level: float, n: int, expand: bool) -> float:
    """Return how many of the bootstrap's standard errors the interval reaches.

    The bootstrap's standard error is too small by sqrt((n - 1) / n), and the quantile
    should be Student's t (Hesterberg 2015, "What teachers should know about the
    bootstrap", section 5.2).
    """
    from scipy.special import ndtri, stdtrit

    upper = (1 + level) / 2
    if not expand:
        return float(ndtri(upper))
    quantile = float(stdtrit(n - 1, upper))
    return math.sqrt(n / (n - 1)) * quantile


def _tails(z: float) -> tuple[float, float]:
    from scipy.special import ndtr

    return float(ndtr(-z)), float(ndtr(z))


def _bca_tails(values: Array, means: Array, z: float) -> tuple[float, float]:
    """Return the quantiles of the BCa interval (Efron 1987, equation 6.8)."""
    from scipy.special import ndtr, ndtri

    mean = values.mean()
    reach = _ROUNDING * np.abs(values).max()
    below = np.sum(means < mean - reach)
    below += np.sum(np.abs(means - mean) <= reach) / 2
    # Half a sample on either side keeps the bias finite where all resampled means lie
    # on one side.
    bias = float(ndtri((below + 0.5) / (len(means) + 1)))
    centered = values - mean
    square = float(np.sum(centered**2))
    if square == 0:
        return _tails(z)
    # The jackknife's acceleration, which for a mean has this closed form.
    cube = float(np.sum(centered**3))
    acceleration = cube / (6 * square**1.5)
    low = _accelerated(bias, acceleration, -z)
    high = _accelerated(bias, acceleration, z)
    return float(ndtr(low)), float(ndtr(high))


def _accelerated(bias: float, acceleration: float, z: float) -> float:
    # The divisor reaches 0 for levels near 1 on few skewed values; the end is then the
    # largest resampled mean.
    divisor = max(1 - acceleration * (bias + z), 1e-6)
    return bias + (bias + z) / divisor
