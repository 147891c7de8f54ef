"""Exact sums of scores, the same in any order, over all rows and by language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..results import MEANS, add_languages

__all__ = ["CorpusSums", "ExactSum"]

# Every finite float64 is a whole multiple of 2 ** -1074 (IEEE 754-2019, section 3.4).
_SCALE = 1074


@dataclass
class ExactSum:
    """An exact sum of float64 numbers, the same in any order; two can be merged.

    Attributes:
        units: the sum in units of 2 ** -1074.
        count: how many numbers.
    """

    units: int = 0
    count: int = 0

    def add(self, values: np.ndarray) -> None:
        """Add finite numbers. *Shape:* (n,)

        Raises:
            ValueError: a number is not finite.
        """
        # NaN and infinity have no place among whole multiples.
        if not np.isfinite(values).all():
            raise ValueError("`values` must be finite; got NaN or infinity among them")
        fractions, exponents = np.frexp(np.asarray(values, dtype=np.float64))
        # A float64 has 53 bits, so these are whole numbers.
        whole = (fractions * 2.0**53).astype(np.int64)
        for exponent in np.unique(exponents):
            chosen = whole[exponents == exponent]
            # In two halves: 2 ** 36 numbers of 53 bits would overflow an int64.
            high = int((chosen >> 27).sum())
            low = int((chosen & (2**27 - 1)).sum())
            total = (high << 27) + low
            self.units += _shifted(total, int(exponent) - 53 + _SCALE)
        self.count += len(values)

    def merge(self, other: ExactSum) -> None:
        """Add another sum."""
        self.units += other.units
        self.count += other.count

    def mean(self) -> float:
        """Return the correctly rounded sum over the count, as `results.mean` does.

        Raises:
            ValueError: nothing was added.
        """
        if not self.count:
            raise ValueError("the mean of no segments is not defined")
        # Python divides whole numbers of any length with one rounding.
        return (self.units / (1 << _SCALE)) / self.count


@dataclass
class CorpusSums:
    """Exact sums of each score, over all rows and by language.

    Attributes:
        total: by corpus key.
        by_language: by language and corpus key; empty where rows have none.
    """

    total: dict[str, ExactSum] = field(default_factory=dict)
    by_language: dict[str, dict[str, ExactSum]] = field(default_factory=dict)

    def add(
        self, scores: dict[str, np.ndarray], languages: np.ndarray | None = None
    ) -> None:
        """Add the scores of some rows.

        Args:
            scores: by score column. *Shape:* (n,) each
            languages: one per row, or None. *Shape:* (n,)
        """
        _add(self.total, scores)
        if languages is None:
            return
        for language in sorted(set(languages.tolist())):
            rows = languages == language
            chosen = {name: values[rows] for name, values in scores.items()}
            _add(self.by_language.setdefault(language, {}), chosen)

    def merge(self, other: CorpusSums) -> None:
        """Add the sums of other rows."""
        _merge(self.total, other.total)
        for language, sums in other.by_language.items():
            _merge(self.by_language.setdefault(language, {}), sums)

    def corpus(self, signature: str) -> dict[str, Any]:
        """Return corpus scores, with the keys and values of `compute()`."""
        scores = _means(self.total)
        scores["signature"] = signature
        if self.by_language:
            means = {}
            for language in sorted(self.by_language):
                means[language] = _means(self.by_language[language])
            add_languages(scores, means)
        return scores


def _add(sums: dict[str, ExactSum], scores: dict[str, np.ndarray]) -> None:
    for key, name in MEANS.items():
        if name in scores:
            total = sums.setdefault(key, ExactSum())
            total.add(scores[name])


def _merge(sums: dict[str, ExactSum], others: dict[str, ExactSum]) -> None:
    for key, other in others.items():
        total = sums.setdefault(key, ExactSum())
        total.merge(other)


def _means(sums: dict[str, ExactSum]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for key in MEANS:
        if key in sums:
            means[key] = sums[key].mean()
    means["n"] = sums["sta"].count
    return means


def _shifted(value: int, places: int) -> int:
    """Shift left, or right by a negative number of places."""
    # Only a subnormal number gets here, and its low bits are zeros.
    if places < 0:
        return value >> -places
    return value << places
