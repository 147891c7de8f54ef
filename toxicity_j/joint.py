"""J and the other corpus numbers from per-segment scores, and the signature that travels with them. Arithmetic only.

J is the mean over segments of STA * SIM * FL (Krishna et al. 2020, arXiv 2010.05700), never the product of the means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

# Corpus key and the per-segment column whose mean it is.
_MEANS = {"sta": "sta", "nontoxic_share": "nontoxic", "sim": "sim", "fl": "fl", "j": "j"}


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
        `sta`, `nontoxic_share`, then `sim`, `fl`, `j` where computed, and `n`; with languages also `languages`, the same by language, and
        `macro`, the unweighted mean over languages of each.
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
