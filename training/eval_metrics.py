"""Metrics of the development tables, their bootstrap intervals, and Platt scaling.
Labels stand before scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

RESAMPLES, SEED = 500, 13
# Equal-width bins of the expected calibration error (Naeini et al. 2015 use ten).
ECE_BINS = 10


@dataclass(frozen=True)
class Row:
    """One line of the table: a value with its 95 % interval over `n` items (NaN where
    none was drawn).
    """

    part: str
    name: str
    statistic: str
    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """Return the line as printed."""
        interval = f"[{self.low:.3f}, {self.high:.3f}]"
        if np.isnan(self.low):
            interval = ""
        return (
            f"{self.part:9} {self.name:46} {self.statistic:9} {self.value:7.3f} "
            f" {interval:16} n={self.n}"
        )


def measured(
    part: str,
    name: str,
    statistic: str,
    function: Callable[..., float],
    *columns: npt.ArrayLike,
) -> Row:
    """Measure a statistic of equally long columns, as a row of the table."""
    arrays = [np.asarray(column, dtype=float) for column in columns]
    low, high = interval(function, *arrays)
    return Row(part, name, statistic, function(*arrays), low, high, len(arrays[0]))


def single(part: str, name: str, statistic: str, value: float, n: int) -> Row:
    """Make a row of a value without an interval."""
    return Row(part, name, statistic, value, float("nan"), float("nan"), n)


def interval(
    function: Callable[..., float], *columns: np.ndarray
) -> tuple[float, float]:
    """Return the 95 % interval of a statistic by the percentile bootstrap (Efron 1979),
    without draws of NaN.
    """
    n = len(columns[0])
    generator = np.random.default_rng(SEED)
    draws = generator.integers(0, n, (RESAMPLES, n))
    values = []
    for draw in draws:
        resampled = [column[draw] for column in columns]
        values.append(function(*resampled))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def mean(values: np.ndarray) -> float:
    """Return the mean."""
    return float(np.mean(values))


def spearman(one: np.ndarray, two: np.ndarray) -> float:
    """Return Spearman's rank correlation, NaN when a column is constant."""
    if _is_constant(one) or _is_constant(two):
        return float("nan")
    return float(spearmanr(one, two).statistic)


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve, in [0, 1], higher is better; NaN when
    `labels` have one class only.
    """
    if _is_constant(labels):
        return float("nan")
    return float(roc_auc_score(labels, scores))


def _is_constant(values: np.ndarray) -> bool:
    return len(np.unique(values)) < 2


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of probabilities on the right side of 0.5, higher is better; 0.5
    counts as positive.
    """
    decisions = probabilities >= 0.5
    return float(np.mean(decisions == (labels > 0)))


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the expected calibration error over equal-width bins, in [0, 1], lower is
    better; labels may be shares.
    """
    bins = (probabilities * ECE_BINS).astype(int)
    # 1 belongs to the last bin.
    bins = np.minimum(bins, ECE_BINS - 1)
    gaps = np.bincount(bins, weights=probabilities - labels, minlength=ECE_BINS)
    total = np.abs(gaps).sum()
    return float(total / len(labels))


def expected_ece_if_calibrated(probabilities: np.ndarray) -> float:
    """Return the calibration error to expect by chance alone of exact probabilities:
    with labels drawn from them.
    """
    draws = np.random.default_rng(SEED).random((RESAMPLES, len(probabilities)))
    errors = [
        calibration_error(labels, probabilities) for labels in draws < probabilities
    ]
    return mean(errors)


def platt(labels: np.ndarray, features: np.ndarray) -> list[float]:
    """Fit a weight for each column of features, and a shift, whose sigmoid is a
    probability (Platt 1999).

    Args:
        labels: 0 or 1, or soft targets in [0, 1]. *Shape:* (n,)
        features: logits first. *Shape:* (n, columns)
    """
    # Each row stands as a positive and as a negative one, for soft targets.
    twice = np.tile(features, (2, 1))
    classes = np.repeat([1, 0], len(labels))
    both = np.concatenate([labels, 1 - labels])
    # Without a penalty, because it would pull the probabilities to the mean.
    fit = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    fit.fit(twice, classes, sample_weight=both)
    return [*fit.coef_[0].tolist(), float(fit.intercept_[0])]
