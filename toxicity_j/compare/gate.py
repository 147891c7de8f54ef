"""Gates for continuous integration: a floor under each score, and no new drop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .analysis import TIE, Draws, tested
from .attainable import fewest_resamples, fewest_segments, is_significant
from .comparison import Comparison
from .records import MEASURES, Texts
from .resampling import Array
from .verdict import counted, listed

if TYPE_CHECKING:
    from ..protocols import Protocol


def parse_floors(texts: Sequence[str]) -> dict[str, float]:
    """Read floors such as "j=0.5".

    Raises:
        ValueError: a text is not of that form, its number is not finite, or two name
            one measure.
    """
    floors: dict[str, float] = {}
    for text in texts:
        measure, _, value = text.partition("=")
        if measure not in MEASURES:
            names = ", ".join(MEASURES)
            raise ValueError(
                f"`--fail-under` must be one of {names}, then = and a number; got"
                f" {text!r}"
            )
        if measure in floors:
            raise ValueError(f"`--fail-under` must name {measure} once; got it twice")
        try:
            floors[measure] = float(value)
        except ValueError:
            floors[measure] = math.nan
        if not math.isfinite(floors[measure]):
            raise ValueError(
                f"`--fail-under {measure}=` must be followed by a number; got {text!r}"
            )
    return floors


def check_floors(
    floors: Mapping[str, float], protocol: Protocol, columns: Mapping[str, object]
) -> None:
    """Check before scoring that each measure with a floor will be computed.

    Args:
        floors: as `parse_floors` returns them.
        protocol: says which columns are needed.
        columns: by name, None where it is missing.

    Raises:
        ValueError: a measure needs a column that is missing, or the protocol leaves it
            out.
    """
    missing = [name for name in protocol.needs if columns[name] is None]
    left_out = {"sim": protocol.content is None, "fl": protocol.fluency is None}
    for measure in ("sim", "fl", "j"):
        if measure not in floors:
            continue
        if left_out.get(measure):
            raise ValueError(
                f"`--fail-under` names {measure}, which the protocol"
                f" {protocol.name!r} does not compute"
            )
        if missing:
            raise ValueError(
                f"`--fail-under` names {measure}, which needs {' and '.join(missing)}"
            )


def below_floors(
    name: str, scores: Mapping[str, float], floors: Mapping[str, float]
) -> list[str]:
    """Return a sentence for each measure of a system that is below its floor."""
    sentences = []
    for measure, floor in floors.items():
        value = scores[measure]
        if value < floor:
            below = f"{floor - value:.3g} below the floor of {floor:g}"
            sentences.append(f"{name}: {MEASURES[measure]} is {value:.4g}, {below}")
    return sentences


def shortfalls(comparison: Comparison, floors: Mapping[str, float]) -> list[str]:
    """Return a sentence for each system and measure below its floor."""
    sentences = []
    for system in comparison.systems:
        # It is there to be beaten.
        if system.name == comparison.baseline:
            continue
        scores = {measure: score.value for measure, score in system.scores.items()}
        sentences += below_floors(system.name, scores, floors)
    return sentences


def drops(new: Comparison, old: Comparison) -> list[str]:
    """Return a sentence for each system whose main score fell significantly.

    Systems are matched by name; one system on each side is matched whatever its name.
    The level is 1 minus the confidence of `new`, with Holm's correction over the
    systems.

    Raises:
        ValueError: the signatures differ, `old` keeps no per-segment scores, or
            anything that `check_against` refuses.
    """
    check_signature(new, old)
    draws = Draws(new.n_resamples, new.seed, new.confidence)
    names = [system.name for system in new.systems]
    check_against(old, names, new.n, new.texts, draws)
    matched = _matched(names, old)
    gaps = [
        _main_scores(new, name, new.main) - _main_scores(old, before, new.main)
        for name, before in matched
    ]
    # Of one test nothing is corrected.
    kind = "p"
    if len(matched) > 1:
        kind = "corrected p"
    measure = MEASURES[new.main]
    sentences = []
    for (name, _), change in zip(matched, tested(gaps, len(gaps), draws), strict=True):
        is_clear = is_significant(change.p_corrected, 1 - new.confidence)
        if is_clear and change.value < -TIE:
            sentences.append(
                f"{name}: {measure} fell by {-change.value:.3g} ({kind} ="
                f" {change.p_corrected:.2g})"
            )
    return sentences


def check_signature(new: Comparison, old: Comparison) -> None:
    """Check that two comparisons were scored with the same settings.

    Raises:
        ValueError: the signatures differ.
    """
    if new.signature != old.signature:
        raise ValueError(
            f"`--against` must have the signature {new.signature!r}; got"
            f" {old.signature!r}"
        )


def check_against(
    old: Comparison, names: Sequence[str], n: int, texts: Texts | None, draws: Draws
) -> None:
    """Check, without scores, that a test against saved results is fair and can fail.

    Args:
        old: the saved results.
        names: the systems that are held against them.
        n: segments.
        texts: of these systems; None where they are not known.
        draws: how the test resamples.

    Raises:
        ValueError: the segments are not the same, a system of `old` has no partner, or
            no drop can be significant.
    """
    _check_segments(old, n, texts)
    _check_can_fail(n, len(_matched(names, old)), draws)


def _check_segments(old: Comparison, n: int, texts: Texts | None) -> None:
    if n != old.n:
        raise ValueError(
            f"`--against` must have the same segments; it has {old.n}, this comparison"
            f" has {n}"
        )
    if texts is None or old.texts is None:
        return
    differing = []
    if texts.sources != old.texts.sources:
        differing.append("sources")
    # What the protocol does not read moves no score.
    is_read = "references:no" not in old.signature.split("|")
    if is_read and texts.references != old.texts.references:
        differing.append("references")
    if differing:
        raise ValueError(
            f"`--against` must have the same segments; its {listed(differing)} differ"
            " from those of this comparison"
        )


def _check_can_fail(n: int, system_count: int, draws: Draws) -> None:
    """Check that the test of so many systems can find a drop."""
    # Holm multiplies the smallest p-value by the number of systems.
    level = (1 - draws.confidence) / system_count
    needs = []
    if n < fewest_segments(level):
        needs.append(f"at least {fewest_segments(level)} segments (got {n})")
    if draws.n_resamples < fewest_resamples(level):
        needs.append(
            f"`--resamples` of at least {fewest_resamples(level)} (got"
            f" {draws.n_resamples})"
        )
    if needs:
        raise ValueError(
            "`--against` could never fail, because no drop could be significant: for"
            f" {counted(system_count, 'system', 'systems')} at `--confidence"
            f" {draws.confidence:g}` it needs {listed(needs)}, or a lower"
            " `--confidence`"
        )


def _matched(names: Sequence[str], old: Comparison) -> list[tuple[str, str]]:
    """Return each system with its partner in the saved results."""
    before = [system.name for system in old.systems]
    # A file is often renamed from one run to the next.
    if len(names) == len(before) == 1:
        return [(names[0], before[0])]
    missing = [name for name in before if name not in names]
    # A gate that leaves out a system would let it fall.
    if missing:
        raise ValueError(
            f"`--against` must have no system that this comparison lacks; it has"
            f" {missing} besides, this comparison has {list(names)}"
        )
    return [(name, name) for name in before]


def _main_scores(comparison: Comparison, name: str, measure: str) -> Array:
    """Return the per-segment scores of a system in one measure. *Shape:* (n,)"""
    columns = comparison.system(name).segments
    if measure not in columns:
        raise ValueError(
            f"the saved comparison keeps no per-segment scores of {name!r}, so nothing"
            " can be tested"
        )
    return np.array(columns[measure], dtype=np.float64)
