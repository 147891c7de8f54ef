"""Statistics of the development table with bootstrap intervals over items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

RESAMPLES = 500
BINS = 10


@dataclass(frozen=True)
class Row:
    """One line of the table: a value with its 95 % interval over `n` items (NaN where none was drawn)."""

    part: str
    name: str
    statistic: str
    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """The line as printed."""
        interval = "" if np.isnan(self.low) else f"[{self.low:.3f}, {self.high:.3f}]"
        return f"{self.part:9} {self.name:46} {self.statistic:9} {self.value:7.3f}  {interval:16} n={self.n}"


def bootstrap(
    part: str, name: str, statistic: str, function: Callable[..., float], *columns: np.ndarray, seed: int = 13
) -> Row:
    """A statistic of equally long columns, with the percentile bootstrap's 95 % interval (Efron 1979)."""
    arrays = [np.asarray(column, dtype=float) for column in columns]
    n = len(arrays[0])
    rng = np.random.default_rng(seed)
    drawn = [function(*(x[index] for x in arrays)) for index in rng.integers(0, n, (RESAMPLES, n))]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Row(part, name, statistic, float(function(*arrays)), float(low), float(high), n)


def mean(values: np.ndarray) -> float:
    """The mean."""
    return float(np.mean(values))


def spearman(one: np.ndarray, two: np.ndarray) -> float:
    """Spearman's rank correlation, NaN when a column is constant."""
    ranks = rankdata(one), rankdata(two)
    return float("nan") if min(np.ptp(r) for r in ranks) == 0 else float(np.corrcoef(*ranks)[0, 1])


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve of `scores` for `labels` 0 and 1, ties half; NaN when a class is missing."""
    positive = int(labels.sum())
    if positive in (0, len(labels)):
        return float("nan")
    ranks = rankdata(scores)[labels > 0].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * (len(labels) - positive)))


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of scores on the right side of .5."""
    return float(np.mean((scores >= 0.5) == (labels > 0)))


def calibration_error(scores: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015) over ten equal-width bins; labels may be shares."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=scores - labels, minlength=BINS)
    return float(np.abs(gaps).sum() / len(scores))
