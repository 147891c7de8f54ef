"""Draw bootstrap samples and sign flips of many columns at once.

Arithmetic only; arguments are checked by callers.

All columns share the same draws, so systems and their differences are resampled
together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Draws are made this many at a time, so that memory does not grow with segments times
# resamples.
_DRAWS_AT_A_TIME = 4_000_000

# With up to this many segments, all sign flips are enumerated: 2 ** 16 = 65,536 of
# them.
EXACT_SEGMENTS = 16

# A resample's standard deviation counts as at least this share of the observed one. A
# sample without the one segment that differs has almost none, and would be infinitely
# far from "no difference". A quarter leaves false positives as they are from ten
# segments on (docs/statistics.md).
_LEAST_SPREAD = 0.25

# Two sums that differ by less than this, relative to the largest difference, are equal:
# the rest is rounding.
_ROUNDING = 1e-9


def resampled_means(columns: Array, n_resamples: int, seed: int) -> Array:
    """Return the mean of each column in each bootstrap sample.

    Args:
        columns: *Shape:* (n, k).
        n_resamples: bootstrap samples, at least 1.
        seed: equal seeds give equal samples.

    Returns:
        *Shape:* (n_resamples, k).
    """
    n = len(columns)
    generator = np.random.default_rng(seed)
    parts = []
    for rows in _chunks(n_resamples, n):
        drawn = generator.integers(0, n, (rows, n), dtype=np.int32)
        drawn_flat = drawn + np.arange(rows)[:, None] * n
        # How often each segment was drawn: one product with these counts serves all
        # columns.
        counts = np.bincount(drawn_flat.ravel(), minlength=rows * n)
        counts = counts.reshape(rows, n).astype(np.float64)
        parts.append(counts @ columns)
    return np.concatenate(parts) / n


def paired_p_values(differences: Array, *, n_resamples: int, seed: int) -> Array:
    """Return the larger of the flips' and the studentized p-value of each column.

    One segment has flips only.

    Args:
        differences: *Shape:* (n, k), at most 1 in absolute value.
        n_resamples: bootstrap samples and random sign flips.
        seed: equal seeds give equal p-values.

    Returns:
        *Shape:* (k,).
    """
    flips = flip_p_values(differences, n_resamples, seed)
    if len(differences) == 1:
        return flips
    return np.maximum(flips, studentized_p_values(differences, n_resamples, seed))


def flip_p_values(differences: Array, n_flips: int, seed: int) -> Array:
    """Return two-sided p-values of "differences are symmetric about 0".

    Signs of differences are flipped at random.

    Args:
        differences: *Shape:* (n, k), at most 1 in absolute value.
        n_flips: random flips; not used up to `EXACT_SEGMENTS` segments, where all flips
            are enumerated.
        seed: equal seeds give equal flips.

    Returns:
        *Shape:* (k,). The flip that changes nothing counts, so that no p-value is 0.
    """
    n = len(differences)
    seen = np.abs(differences.sum(axis=0))
    largest = np.abs(differences).max(axis=0)
    bound = seen - _ROUNDING * largest
    if n <= EXACT_SEGMENTS:
        all_flips = np.abs(_all_signs(n) @ differences)
        reached = np.sum(all_flips >= bound, axis=0)
        return _float64(reached / 2**n)
    reached = np.zeros(differences.shape[1])
    for signs in _random_signs(n, n_flips, seed):
        flipped = np.abs(signs @ differences)
        reached += np.sum(flipped >= bound, axis=0)
    return _float64((reached + 1) / (n_flips + 1))


def studentized_p_values(differences: Array, n_resamples: int, seed: int) -> Array:
    """Return two-sided p-values of "the mean difference is 0", by the bootstrap.

    The mean is held against its own standard error in each sample, which corrects for
    skewness (Hall 1988, "Theoretical comparison of bootstrap confidence intervals");
    but against no less than a quarter of the observed one.

    Args:
        differences: *Shape:* (n, k), at most 1 in absolute value.
        n_resamples: bootstrap samples, at least 1.
        seed: equal seeds give equal samples.

    Returns:
        *Shape:* (k,). Columns whose differences are all equal get 0: there is nothing
        to resample.
    """
    mean = differences.mean(axis=0)
    centered = differences - mean
    powers = np.hstack([centered, centered**2])
    moments = resampled_means(powers, n_resamples, seed)
    shift, square = np.split(moments, 2, axis=1)
    variance = np.maximum(square - shift**2, 0)
    # The standard deviation over n - 1, a little larger than the samples' own: few
    # segments then err on the safe side.
    spread = centered.std(axis=0, ddof=1)
    resampled = _ratio(shift, np.maximum(np.sqrt(variance), _LEAST_SPREAD * spread))
    observed = _ratio(mean, spread)
    below = np.sum(resampled <= observed, axis=0)
    above = np.sum(resampled >= observed, axis=0)
    # Twice the smaller tail; the sample itself is counted once, so that the smallest
    # p-value is 1 / (resamples + 1).
    smaller = np.minimum(below, above)
    p_values = np.minimum((2 * smaller + 1) / (n_resamples + 1), 1)
    return np.where(spread <= _ROUNDING, 0.0, p_values)


def _ratio(mean: Array, spread: Array) -> Array:
    """Return mean / spread, infinite where the spread is 0 and the mean is not."""
    flat = spread <= _ROUNDING
    finite = mean / np.where(flat, 1, spread)
    beyond = np.where(np.abs(mean) <= _ROUNDING, 0, np.copysign(np.inf, mean))
    return np.where(flat, beyond, finite)


def _all_signs(n: int) -> Array:
    numbers = np.arange(2**n)[:, None]
    bits = (numbers >> np.arange(n)) & 1
    return _float64(1.0 - 2.0 * bits)


def _random_signs(n: int, n_flips: int, seed: int) -> Iterator[Array]:
    # Whole 64-bit words per row: the draws do not depend on how many rows are made at a
    # time.
    width = -(-n // 64) * 8
    generator = np.random.default_rng(seed)
    for rows in _chunks(n_flips, n):
        drawn = np.frombuffer(generator.bytes(rows * width), dtype=np.uint8)
        bits = np.unpackbits(drawn.reshape(rows, width), axis=1, count=n)
        yield _float64(1.0 - 2.0 * bits)


def _float64(values: NDArray[np.floating[Any]]) -> Array:
    return values.astype(np.float64, copy=False)


def _chunks(total: int, n: int) -> Iterator[int]:
    rows = max(1, _DRAWS_AT_A_TIME // n)
    for start in range(0, total, rows):
        yield min(rows, total - start)
