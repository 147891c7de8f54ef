"""J and the other corpus numbers from per-segment scores, and the signature that travels with them. Arithmetic only.

J is the mean over segments of STA * SIM * FL (Krishna et al. 2020, arXiv 2010.05700), never the product of the means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Corpus key and the per-segment column whose mean it is.
_MEANS = {"sta": "sta", "nontoxic_share": "nontoxic", "sim": "sim", "fl": "fl", "j": "j"}


@dataclass(frozen=True)
class Segments:
    """Scores of each segment, float64, *Shape:* (n,) each.

    Attributes:
        sta: style score, in [0, 1], higher is better.
        p_toxic: probability of the toxic class, in [0, 1], lower is better.
        nontoxic: 1 where the hard rule says not toxic, else 0.
        sim: content similarity, in [0, 1] or, for a cosine, [-1, 1]; None without sources.
        fl: the third factor, in [0, 1]; None without sources.
        j: sta * sim * fl; None without sources.
        signature: what was computed, with which models.
    """

    sta: np.ndarray
    p_toxic: np.ndarray
    nontoxic: np.ndarray
    sim: np.ndarray | None
    fl: np.ndarray | None
    j: np.ndarray | None
    signature: str

    def as_lists(self) -> dict[str, list[float]]:
        """Columns of Python floats: `sta`, `sim`, `fl`, `j` where computed, and `p_toxic`."""
        names = ("sta", "sim", "fl", "j", "p_toxic")
        return {name: getattr(self, name).tolist() for name in names if getattr(self, name) is not None}


def joint(sta: Sequence[float], sim: Sequence[float], fl: Sequence[float]) -> list[float]:
    """J of each segment, sta * sim * fl."""
    return [float(a) * float(b) * float(c) for a, b, c in zip(sta, sim, fl, strict=True)]


def mean(values: Sequence[float]) -> float:
    """The mean, correctly rounded, so that it does not depend on the order of segments.

    Raises:
        ValueError: no values.
    """
    if not len(values):
        raise ValueError("the mean of no segments is not defined")
    return math.fsum(values) / len(values)


def corpus_scores(
    segments: Mapping[str, Sequence[float] | None], languages: Sequence[str] | None = None
) -> dict[str, float | int | dict]:
    """Corpus scores: the mean of each column that was computed, over segments.

    Args:
        segments: columns `sta`, `nontoxic`, and `sim`, `fl`, `j` or None where they were not computed; equal lengths.
        languages: the language of each segment.

    Returns:
        `sta`, `nontoxic_share`, then `sim`, `fl`, `j` where computed, and `n`; with languages also `languages`, the
        same by language, and `macro`, the unweighted mean over languages of each.
    """
    scores = _scores(segments, range(len(segments["sta"])))
    if languages is None:
        return scores
    places: dict[str, list[int]] = {}
    for place, language in enumerate(languages):
        places.setdefault(language, []).append(place)
    by_language = {language: _scores(segments, places[language]) for language in sorted(places)}
    macro = {key: mean([row[key] for row in by_language.values()]) for key in scores if key != "n"}
    return {**scores, "languages": by_language, "macro": macro}


def signature(parts: Mapping[str, object]) -> str:
    """One string from a setting's name to its value, in sacrebleu's manner: `j:emnlp2021|style:...|version:0.1.0`.

    A bool reads yes or no; "|" in a value would end it, so it is written as "/".
    """
    return "|".join(f"{name}:{_shown(value)}" for name, value in parts.items())


def _scores(segments: Mapping[str, Sequence[float] | None], places: Sequence[int]) -> dict[str, float | int]:
    scores: dict[str, float | int] = {}
    for key, column in _MEANS.items():
        values = segments.get(column)
        if values is not None:
            scores[key] = mean([float(values[place]) for place in places])
    return {**scores, "n": len(places)}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value).removeprefix("0") if 0 < value < 1 else repr(value)
    return str(value).replace("|", "/")
