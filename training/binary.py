"""Measures of a binary classifier's probabilities, their calibration and their bootstrap intervals; NumPy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Equal-width bins of the expected calibration error (Guo et al. 2017, https://arxiv.org/abs/1706.04599, use 15).
ECE_BINS = 15


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, in [0, 1], higher is better.

    It is the share of (positive, negative) pairs in order; ties count half.

    Raises:
        ValueError: `labels` has one class only.
    """
    labels = np.asarray(labels, dtype=bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        raise ValueError(f"`labels` must have both classes; got {positives} positives and {negatives} negatives")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def accuracy(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> float:
    """Share of texts on the right side of the threshold, in [0, 1], higher is better."""
    return float(np.mean((np.asarray(probabilities) > threshold) == np.asarray(labels, dtype=bool)))


def ece(labels: np.ndarray, probabilities: np.ndarray, bins: int = ECE_BINS) -> float:
    """Expected calibration error of P(positive) over equal-width bins, in [0, 1], lower is better.

    Args:
        labels: 0 or 1, or soft targets in [0, 1].
        probabilities: in [0, 1].
        bins: how many.
    """
    labels, probabilities = np.asarray(labels, dtype=float), np.asarray(probabilities, dtype=float)
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=probabilities - labels, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def platt(labels: np.ndarray, logits: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Slope and offset that make sigmoid(slope * logit + offset) a probability (Platt 1999), by Newton's method.

    Args:
        labels: 0 or 1, or soft targets in [0, 1].
        logits: of the positive class.
        steps: at most so many.
    """
    design = np.stack([np.asarray(logits, dtype=float), np.ones(len(logits))], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        probabilities = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (probabilities - labels)
        hessian = (design * (probabilities * (1 - probabilities))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0]), float(weights[1])


def bootstrap(
    measure: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    scores: np.ndarray,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95 % percentile interval of a measure over resampled texts."""
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        chosen = generator.integers(0, len(labels), len(labels))
        values.append(measure(labels[chosen], scores[chosen]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
