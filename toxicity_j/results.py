"""What a Scorer returns: the scores of each segment, and the corpus numbers that follow
from them. Arithmetic only.

J is the mean over segments of the products of the factors (Krishna et al. 2020, arXiv
2010.05700), never the product of the means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .signature import render

# Corpus key and the per-segment column whose mean it is.
MEANS = {"sta": "sta", "nontoxic_share": "nontoxic", "sim": "sim", "fl": "fl", "j": "j"}
_LISTED = ("sta", "sim", "fl", "j", "p_toxic")


# Arrays have no single truth value, so each object equals itself alone.
@dataclass(frozen=True, eq=False)
class Segments:
    """Scores of each segment, float64, *Shape:* (n,) each.

    Attributes:
        sta: style score, in [0, 1], higher is better.
        p_toxic: probability of the toxic class, in [0, 1], lower is better.
        nontoxic: 1 where the hard rule says not toxic, else 0.
        sim: content similarity, in [0, 1] or, for a cosine, [-1, 1]; None without a
            column that J needs, or if the protocol has none.
        fl: the third factor, in [0, 1]; None in the same cases.
        j: product of the factors; None without a column that it needs.
        signature: what was computed, with which models.
        languages: the language of each segment, if given.
        truncated: number of texts that were longer than a model reads, by role
            ("style", "content", "fluency"); equal texts of one block of rows count
            once, and roles without such texts are absent.
    """

    sta: np.ndarray
    p_toxic: np.ndarray
    nontoxic: np.ndarray
    sim: np.ndarray | None
    fl: np.ndarray | None
    j: np.ndarray | None
    signature: str
    languages: list[str] | None = None
    truncated: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sta)

    def corpus(self) -> dict[str, Any]:
        """Return the mean of each column over segments.

        Returns:
            `sta`, `nontoxic_share`, then `sim`, `fl`, `j` where computed, `n` and
            `signature`. With languages also `languages`, the same by language, and
            `macro`, the unweighted mean of each over languages. If a text was truncated
            also `truncated`.
        """
        scores: dict[str, Any] = dict(self._means(range(len(self))))
        scores["signature"] = self.signature
        if self.languages is not None:
            add_languages(scores, self.by_language())
        if self.truncated:
            scores["truncated"] = dict(self.truncated)
        return scores

    def by_language(self) -> dict[str, dict[str, float | int]]:
        """Return the means of each language, languages in alphabetical order.

        Raises:
            ValueError: the segments have no languages.
        """
        if self.languages is None:
            raise ValueError(
                "`languages` must be given to score() for results by language; got None"
            )
        # By index, because languages may be mixed in any order.
        indices: dict[str, list[int]] = {}
        for index, language in enumerate(self.languages):
            indices.setdefault(language, []).append(index)
        languages = sorted(indices)
        return {language: self._means(indices[language]) for language in languages}

    def as_lists(self) -> dict[str, list[float]]:
        """Return `sta`, `sim`, `fl`, `j` and `p_toxic`, where computed, as lists."""
        columns = {name: getattr(self, name) for name in _LISTED}
        return {
            name: column.tolist()
            for name, column in columns.items()
            if column is not None
        }

    def _means(self, indices: Sequence[int]) -> dict[str, float | int]:
        """Return the means over some of the segments, and their number."""
        scores: dict[str, float | int] = {}
        rows = np.array(indices, dtype=np.intp)
        for key, name in MEANS.items():
            column = getattr(self, name)
            if column is not None:
                chosen = column[rows].tolist()
                scores[key] = mean(chosen)
        scores["n"] = len(indices)
        return scores


def add_languages(
    scores: dict[str, Any], by_language: Mapping[str, Mapping[str, float | int]]
) -> None:
    """Add to corpus scores those of each language, their mean, and their names."""
    scores["signature"] = with_languages(scores["signature"], by_language)
    scores["languages"] = by_language
    scores["macro"] = macro_means(by_language)


def with_languages(signature: str, languages: Iterable[str]) -> str:
    """Return a signature that names the languages of the results, in their order."""
    names = render({"languages": ",".join(sorted(set(languages)))})
    return f"{signature}|{names}"


def mean(values: Sequence[float]) -> float:
    """Return the mean, correctly rounded.

    Raises:
        ValueError: no values.
    """
    if not len(values):
        raise ValueError("the mean of no segments is not defined")
    # fsum rounds once, whatever the order.
    return math.fsum(values) / len(values)


def product(factors: Iterable[np.ndarray | None]) -> np.ndarray:
    """Multiply the factors of J; None stands for one that a protocol leaves out.

    *Shape:* (n,) each.

    Raises:
        ValueError: every factor is None.
    """
    present = [factor for factor in factors if factor is not None]
    if not present:
        raise ValueError("`factors` must hold at least one array; got none")
    result = present[0]
    for factor in present[1:]:
        result = result * factor
    return result


def macro_means(by_language: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the unweighted mean over languages of each score."""
    columns: dict[str, list[float]] = {}
    for scores in by_language.values():
        for key, value in scores.items():
            columns.setdefault(key, []).append(value)
    # Each language has one vote, however many segments it has.
    columns.pop("n", None)
    return {key: mean(values) for key, values in columns.items()}
