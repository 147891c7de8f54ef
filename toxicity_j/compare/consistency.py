"""Check that the parts of a comparison that was read from a file fit each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..results import MEANS
from .comparison import Comparison
from .records import FACTORS, MEASURES, System, Texts


def check_consistent(comparison: Comparison) -> None:
    """Check names, measures and lengths, so that every form can be written.

    Raises:
        ValueError: two parts contradict each other; the field is named.
    """
    if comparison.n < 1:
        raise ValueError(f"`n` must be at least 1; got {comparison.n}")
    if not 0 < comparison.confidence < 1:
        raise ValueError(f"`confidence` must be in (0, 1); got {comparison.confidence}")
    names = [system.name for system in comparison.systems]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`systems` must have names that differ; got {names}")
    if comparison.baseline is not None:
        _check_known("baseline", [comparison.baseline], names)
    for group in comparison.groups:
        _check_known("groups", group, names)
    first = comparison.systems[0]
    _check_known("systems[0].scores", first.scores, MEASURES)
    _check_known("main", [comparison.main], first.scores)
    _check_known("smallest_difference", comparison.smallest_difference, first.scores)
    for index, system in enumerate(comparison.systems):
        _check_system(system, f"systems[{index}]", first, comparison.n)
    for index, pair in enumerate(comparison.pairs):
        place = f"pairs[{index}]"
        _check_known(place, [pair.first, pair.second], names)
        _check_equal(f"{place}.differences", pair.differences, first.scores)
        _check_known(f"{place}.contributions", pair.contributions, FACTORS)
    if comparison.languages is not None:
        _check_length("languages", comparison.languages, comparison.n)
    if comparison.texts is not None:
        _check_texts(comparison.texts, names, comparison.n)


def _check_system(system: System, place: str, first: System, n: int) -> None:
    """Check that a system has the columns of the first one."""
    _check_equal(f"{place}.scores", system.scores, first.scores)
    for measure, score in system.scores.items():
        if (score.low is None) != (score.high is None):
            raise ValueError(
                f"`{place}.scores[{measure!r}]` must have both ends or none"
            )
    languages = system.by_language or {}
    _check_equal(f"{place}.by_language", languages, first.by_language or {})
    for language, means in languages.items():
        _check_equal(f"{place}.by_language[{language!r}]", means, first.scores)
    _check_equal(f"{place}.macro", system.macro or {}, first.macro or {})
    if system.macro is not None:
        _check_equal(f"{place}.macro", system.macro, first.scores)
    # They need not be kept.
    if first.segments or system.segments:
        columns = {"p_toxic", *(MEANS[measure] for measure in first.scores)}
        _check_equal(f"{place}.segments", system.segments, columns)
    for column, values in system.segments.items():
        _check_length(f"{place}.segments[{column!r}]", values, n)


def _check_texts(texts: Texts, names: list[str], n: int) -> None:
    _check_known("texts.predictions", texts.predictions, names)
    for name, outputs in texts.predictions.items():
        _check_length(f"texts.predictions[{name!r}]", outputs, n)
    if texts.sources is not None:
        _check_length("texts.sources", texts.sources, n)
    if texts.references is not None:
        _check_length("texts.references", texts.references, n)


def _check_known(place: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"`{place}` must be of {list(known)}; got {name!r}")


def _check_equal(place: str, given: Iterable[str], known: Iterable[str]) -> None:
    if set(given) != set(known):
        raise ValueError(f"`{place}` must have {sorted(known)}; got {sorted(given)}")


def _check_length(place: str, values: Collection[object], n: int) -> None:
    if len(values) != n:
        raise ValueError(f"`{place}` must have {n} items; got {len(values)}")
