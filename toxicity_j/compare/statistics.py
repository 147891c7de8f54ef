"""Error bars: percentile bootstrap intervals and a paired bootstrap test over per-segment scores.

Segments are resampled with replacement (Efron 1979; for system comparison Koehn 2004, "Statistical significance tests
for machine translation evaluation"). Arithmetic only: no model is run again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Resamples are drawn this many numbers at a time, so that memory does not grow with corpus length times resamples.
_DRAWS_AT_A_TIME = 4_000_000


def bootstrap_interval(
    values: Sequence[float], *, n_resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """A percentile interval for the mean of per-segment scores.

    Args:
        values: one score a segment, any range.
        n_resamples: bootstrap samples, at least 1.
        seed: equal seeds give equal intervals.
        level: the share of resampled means inside, in (0, 1).

    Returns:
        (low, high), in the unit of `values`.

    Raises:
        ValueError: no values, one that is not finite, or an argument out of its range.
    """
    if not 0 < level < 1:
        raise ValueError(f"`level` must be in (0, 1); got {level}")
    means = _resampled_means(_finite(values, "values"), n_resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_bootstrap(a: Sequence[float], b: Sequence[float], *, n_resamples: int = 1000, seed: int = 0) -> float:
    """The two-sided p-value of "systems a and b have the same mean", both scored on the same segments.

    Differences are shifted to mean 0 and resampled; the p-value is the share of resampled means at least as far from
    0 as the one seen, counted with the sample itself, so it is never 0 (smallest: 1 / (n_resamples + 1)).

    Raises:
        ValueError: different lengths, or as `bootstrap_interval`.
    """
    first, second = _finite(a, "a"), _finite(b, "b")
    if len(first) != len(second):
        raise ValueError(f"`b` must be as long as `a`; got {len(second)} scores for {len(first)}")
    difference = first - second
    seen = abs(difference.mean())
    means = _resampled_means(difference - difference.mean(), n_resamples, seed)
    return float((np.sum(np.abs(means) >= seen - 1e-12) + 1) / (n_resamples + 1))


def _resampled_means(values: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    if n_resamples < 1:
        raise ValueError(f"`n_resamples` must be at least 1; got {n_resamples}")
    generator = np.random.default_rng(seed)
    rows = max(1, _DRAWS_AT_A_TIME // len(values))
    parts = []
    for start in range(0, n_resamples, rows):
        shape = (min(rows, n_resamples - start), len(values))
        parts.append(values[generator.integers(0, len(values), shape)].mean(axis=1))
    return np.concatenate(parts)


def _finite(values: Sequence[float], name: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"`{name}` must be a non-empty list of finite numbers; got shape {array.shape}")
    return array
