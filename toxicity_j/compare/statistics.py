"""Intervals, paired tests, corrections and effect sizes over per-segment scores.

No model is run again.

Segments are resampled with replacement (Efron 1979; Koehn 2004, "Statistical
significance tests for machine translation evaluation"), or the two systems' scores are
swapped at random (Riezler and Maxwell 2005). Every p-value is two-sided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..results import mean
from .attainable import attained_level
from .checks import (
    check_draws,
    check_level,
    finite,
    paired_differences,
    scale_of,
    warn_if_few,
)
from .intervals import METHODS, intervals, is_decision, share_interval
from .resampling import Array, flip_p_values, paired_p_values

# Below 6 segments no sign-flip test can reach p = 0.05: the smallest p-value is 2 / 2
# ** n.
FEWEST_SEGMENTS = 6

# Standard deviations below this share of the largest score are rounding.
_ROUNDING = 1e-12


def bootstrap_interval(
    values: ArrayLike,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    method: str = "percentile",
    expand: bool = True,
) -> tuple[float, float]:
    """Return a bootstrap interval for the mean of per-segment scores.

    Args:
        values: one score per segment, any range; at least 2.
        n_resamples: bootstrap samples, in [1, 1_000_000].
        seed: equal seeds give equal intervals; at least 0.
        level: the share of intervals that hold the true mean, in (0, 1).
        method: "percentile", or "bca" (bias-corrected and accelerated, Efron 1987).
        expand: widen as Student's t does, because few segments understate the spread
            (Hesterberg 2015, section 5.2). False gives `scipy.stats.bootstrap`'s.

    Returns:
        (low, high), in the unit of `values`.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: fewer than 2 values, one that is not finite, or an argument out of
            its range.

    Warns:
        UserWarning: fewer than 6 values; the interval is then too narrow.
    """
    level = check_level(level, "level")
    n_resamples, seed = check_draws(n_resamples, seed)
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {METHODS}; got {method!r}")
    array = _several(values)
    warn_if_few(len(array), FEWEST_SEGMENTS, "the interval is too narrow")
    return _resampled(
        array,
        n_resamples=n_resamples,
        seed=seed,
        level=level,
        method=method,
        expand=expand,
    )


def mean_interval(
    values: ArrayLike, *, n_resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a mean that a comparison shows.

    It is Wilson's where every value is 0 or 1, else `bootstrap_interval`, which warns
    of few values; this function does not.

    Args:
        values: one score per segment; at least 2.
        n_resamples: as `bootstrap_interval`.
        seed: as `bootstrap_interval`.
        level: as `bootstrap_interval`.

    Raises:
        TypeError: as `bootstrap_interval`.
        ValueError: as `bootstrap_interval`.
    """
    level = check_level(level, "level")
    n_resamples, seed = check_draws(n_resamples, seed)
    array = _several(values)
    if is_decision(array):
        return share_interval(mean(array.tolist()), len(array), level)
    return _resampled(array, n_resamples=n_resamples, seed=seed, level=level)


def _several(values: ArrayLike) -> Array:
    array = finite(values, "values")
    if len(array) < 2:
        raise ValueError("`values` must have at least 2 numbers for an interval; got 1")
    return array


def _resampled(array: Array, **how: Any) -> tuple[float, float]:
    """Return the bootstrap interval of values of any size, with the options of
    `intervals`.
    """
    scale = scale_of(array)
    low, high = intervals(array[:, None] / scale, **how)
    return float(low[0] * scale), float(high[0] * scale)


def paired_bootstrap(
    a: ArrayLike, b: ArrayLike, *, n_resamples: int = 1000, seed: int = 0
) -> float:
    """Return the p-value of "systems a and b have the same mean".

    It is the larger of two p-values: the studentized bootstrap's, which allows for
    skewed differences, and the sign flips', which are exact for few segments. So it
    holds where either does, and errs on the side of no difference.

    Args:
        a: one score per segment, any range.
        b: the other system's, in the same order.
        n_resamples: bootstrap samples and random sign flips, in [1, 1_000_000].
        seed: equal seeds give equal p-values; at least 0.

    Returns:
        In (0, 1], at least 1 / (n_resamples + 1) unless all differences are equal.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: different lengths, no values, one that is not finite, or an argument
            out of its range.

    Warns:
        UserWarning: fewer than 6 segments; no difference can then be significant at the
        5 % level.
    """
    n_resamples, seed = check_draws(n_resamples, seed)
    column = _tested_differences(a, b)[:, None]
    p_values = paired_p_values(column, n_resamples=n_resamples, seed=seed)
    return float(p_values[0])


def approximate_randomization(
    a: ArrayLike, b: ArrayLike, *, n_resamples: int = 1000, seed: int = 0
) -> float:
    """Return the p-value of "it does not matter which system a score comes from".

    With up to 16 segments all swaps are enumerated, which makes the test exact.

    Args:
        a: one score per segment, any range.
        b: the other system's, in the same order.
        n_resamples: random swaps, in [1, 1_000_000]; not used where all are enumerated.
        seed: equal seeds give equal p-values; at least 0.

    Returns:
        In (0, 1].

    Raises:
        TypeError: as `paired_bootstrap`.
        ValueError: as `paired_bootstrap`.

    Warns:
        UserWarning: as `paired_bootstrap`.
    """
    n_resamples, seed = check_draws(n_resamples, seed)
    column = _tested_differences(a, b)[:, None]
    return float(flip_p_values(column, n_resamples, seed)[0])


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for testing several hypotheses (Holm 1979).

    The chance that any hypothesis is rejected wrongly stays at the level of one test.

    Args:
        p_values: each in [0, 1].

    Returns:
        As many, in the same order, each at least the one given and at most 1.

    Raises:
        ValueError: one is not in [0, 1].
    """
    if isinstance(p_values, list | tuple) and not p_values:
        return []
    array = finite(p_values, "p_values")
    if array.min() < 0 or array.max() > 1:
        raise ValueError(
            f"`p_values` must be in [0, 1]; got {array.min()} to {array.max()}"
        )
    order = np.argsort(array, kind="stable")
    # The smallest is multiplied by the number of tests, the next by one less.
    factors = np.arange(len(array), 0, -1)
    corrected = np.empty_like(array)
    # A larger p-value never becomes the smaller one by correction, hence the running
    # maximum.
    corrected[order] = np.minimum(np.maximum.accumulate(array[order] * factors), 1)
    return [float(value) for value in corrected]


def effect_size(a: ArrayLike, b: ArrayLike) -> float | None:
    """Return Cohen's d_z: the mean of a - b over its standard deviation.

    Returns:
        0.2 is small, 0.5 medium, 0.8 large by Cohen's convention; None where all
        differences are equal, or there is only one.

    Raises:
        TypeError: as `paired_bootstrap`.
        ValueError: as `paired_bootstrap`.
    """
    differences, _ = paired_differences(a, b)
    if len(differences) < 2:
        return None
    spread = float(differences.std(ddof=1))
    if spread <= _ROUNDING:
        return None
    return float(differences.mean()) / spread


def smallest_detectable_difference(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.05, power: float = 0.8
) -> float | None:
    """Return the smallest difference in means that a paired test is likely to find.

    It is (t of 1 - level / 2, plus t of power) standard errors of the difference. The
    level is the one that sign flips of so few segments attain. Student's t has n / 2
    degrees of freedom, because the larger of two p-values finds less than a t-test,
    which has n - 1 (simulated in docs/statistics.md).

    Args:
        a: one score per segment.
        b: the other system's, in the same order.
        level: two-sided level of the test, in (0, 1).
        power: the chance of finding it, in (0, 1).

    Returns:
        In the unit of the scores, at least 0. It is 0 where all differences are equal,
        and where `power` is at most half of the level, because chance alone finds that
        many. None where no difference can be found, because 2 / 2**n is above the
        level: below 6 segments at 0.05.

    Raises:
        TypeError: as `paired_bootstrap`.
        ValueError: as `paired_bootstrap`.
    """
    from scipy.special import stdtrit

    level, power = check_level(level, "level"), check_level(power, "power")
    differences, scale = paired_differences(a, b)
    n = len(differences)
    attained = attained_level(n, level)
    if attained == 0:
        return None
    spread = float(differences.std(ddof=1))
    if spread <= _ROUNDING:
        return 0.0
    error = spread / math.sqrt(n)
    of_level = stdtrit(n / 2, 1 - attained / 2)
    of_power = stdtrit(n / 2, power)
    return max(0.0, float(of_level + of_power)) * error * scale


def _tested_differences(a: ArrayLike, b: ArrayLike) -> Array:
    """Return a - b scaled to at most 1, after a warning where there are few."""
    differences, _ = paired_differences(a, b)
    warn_if_few(
        len(differences),
        FEWEST_SEGMENTS,
        "no difference can be significant at the 5 % level",
    )
    return differences / scale_of(differences)
