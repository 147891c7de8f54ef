"""STA, SIM, FL and J for the task of `detox.yaml`: pairs are collected first and scored
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from toxicity_j import Scorer

Pairs = Sequence[tuple[str, str]]


def process_results(
    doc: dict[str, Any], results: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Return the source and the model's rewrite under each metric; aggregation scores
    them.
    """
    pair = (doc["source"], results[0].strip())
    return dict.fromkeys(("sta", "sim", "fl", "j"), pair)


def mean_sta(pairs: Pairs) -> float:
    """Return the mean style score, in [0, 1], higher is better."""
    return _means(tuple(pairs))["sta"]


def mean_sim(pairs: Pairs) -> float:
    """Return the mean content similarity, in [0, 1], higher is better."""
    return _means(tuple(pairs))["sim"]


def mean_fl(pairs: Pairs) -> float:
    """Return the mean fluency, in [0, 1], higher is better."""
    return _means(tuple(pairs))["fl"]


def mean_j(pairs: Pairs) -> float:
    """Return J, in [0, 1], higher is better."""
    return _means(tuple(pairs))["j"]


@lru_cache(maxsize=8)
def _means(pairs: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """Score all pairs once, because the four metrics ask for the same pairs."""
    segments = Scorer("embedded").score(
        [rewrite for _, rewrite in pairs], [source for source, _ in pairs]
    )
    return {
        name: float(getattr(segments, name).mean())
        for name in ("sta", "sim", "fl", "j")
    }
