"""Turn per-segment columns of several systems into estimates and tested pairs.

Arithmetic only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..results import mean
from .attainable import fewest_resamples
from .intervals import (
    intervals,
    is_decision,
    share_difference_interval,
    share_interval,
)
from .records import FACTORS, Difference, Estimate, Pair
from .resampling import Array, paired_p_values
from .statistics import effect_size, holm, smallest_detectable_difference

# Per-segment scores of one system by measure, *Shape:* (n,) each.
Measures = Mapping[str, Array]

# Lower and upper end of an interval; None where there is none.
Bounds = tuple[float | None, float | None]

# Scores that differ by up to this are equal, because scores of equal texts differ by up
# to about 1e-7 between machines and versions of torch.
TIE = 1e-6


@dataclass(frozen=True)
class Draws:
    """How to resample: number of samples, seed, and level of intervals in (0, 1)."""

    n_resamples: int
    seed: int
    confidence: float


def estimates(
    systems: Mapping[str, Measures], draws: Draws
) -> dict[str, dict[str, Estimate]]:
    """Return each system's mean of each measure, with its interval.

    All intervals come from the same draws; those of decisions are Wilson's.

    Args:
        systems: per-segment scores by system.
        draws: how to resample.
    """
    values: list[Array] = []
    for columns in systems.values():
        values.extend(columns.values())
    bounds = iter(_bounds(values, draws))
    found: dict[str, dict[str, Estimate]] = {}
    for name, columns in systems.items():
        found[name] = {}
        for measure, column in columns.items():
            found[name][measure] = _estimate(column, next(bounds), draws.confidence)
    return found


def tested_pairs(
    systems: Mapping[str, Measures],
    order: Sequence[tuple[str, str]],
    main: str,
    draws: Draws,
) -> list[Pair]:
    """Return each pair of systems with its differences, tested and corrected.

    P-values are corrected over the pairs, for each measure. Intervals of decisions'
    differences are Agresti and Min's.

    Args:
        systems: per-segment scores by system.
        order: the pairs, (first, second).
        main: the measure whose wins, ties and losses are counted.
        draws: how to resample.
    """
    if not order:
        return []
    first_system, _ = order[0]
    measures = list(systems[first_system])
    # One long list of columns, because equal draws for all make one pass over them.
    gaps: list[Array] = []
    for measure in measures:
        gaps += [
            systems[first][measure] - systems[second][measure]
            for first, second in order
        ]
    results = iter(tested(gaps, len(order), draws))
    differences: dict[tuple[str, str], dict[str, Difference]] = {}
    for measure in measures:
        for first, second in order:
            difference = next(results)
            one, other = systems[first][measure], systems[second][measure]
            if difference.low is not None and is_decision(one) and is_decision(other):
                low, high = share_difference_interval(one - other, draws.confidence)
                difference = replace(difference, low=low, high=high)
            differences.setdefault((first, second), {})[measure] = difference
    return [_pair(systems, names, main, differences[names]) for names in order]


def tested(gaps: Sequence[Array], count: int, draws: Draws) -> list[Difference]:
    """Test columns of differences; each `count` of them are corrected together.

    Differences up to `TIE` count as 0 in tests and effect sizes. Means and intervals
    are those of the differences as they are.

    Args:
        gaps: per-segment differences, *Shape:* (n,) each.
        count: number of columns per correction, which divides their number.
        draws: how to resample.
    """
    untied = list(map(_without_ties, gaps))
    # Tests are made on differences of at most 1, so that rounding has one size.
    scaled = [gap / (np.abs(gap).max() or 1.0) for gap in untied]
    p_values = paired_p_values(
        np.stack(scaled, axis=1),
        n_resamples=draws.n_resamples,
        seed=draws.seed,
    ).tolist()
    corrected: list[float] = []
    for start in range(0, len(gaps), count):
        corrected += holm(p_values[start : start + count])
    bounds = _bounds(gaps, draws)
    return list(map(_difference, gaps, bounds, p_values, corrected))


def smallest_differences(
    systems: Mapping[str, Measures], order: Sequence[tuple[str, str]], draws: Draws
) -> dict[str, float]:
    """Return, by measure, the smallest difference that tests show with a power of 0.8.

    The level is shared by the pairs (Bonferroni), as the smallest corrected p-value is.
    Pairs whose differences are all equal show no spread, so they say nothing of it; a
    measure without any other pair is left out, and so is one whose difference would be
    above 1. Where segments or resamples are too few for any difference to be
    significant, all are.
    """
    if not order:
        return {}
    level = (1 - draws.confidence) / len(order)
    if draws.n_resamples < fewest_resamples(level):
        return {}
    first_system, _ = order[0]
    smallest = {}
    for measure in systems[first_system]:
        found = []
        for first, second in order:
            gaps = _without_ties(systems[first][measure] - systems[second][measure])
            detectable = smallest_detectable_difference(
                gaps, np.zeros_like(gaps), level=level
            )
            if detectable:
                found.append(detectable)
        # The median, because one odd pair should not speak for all.
        typical = float(np.median(found or [0.0]))
        # Scores in [0, 1] differ by at most 1.
        if 0 < typical <= 1:
            smallest[measure] = typical
    return smallest


def contributions(first: Measures, second: Measures) -> dict[str, float]:
    """Return what each factor adds to the difference in mean STA * SIM * FL.

    Each factor is exchanged in every order of the three, and its effects are averaged
    (the Shapley value), so that the parts add up to the difference.
    """
    if not all(factor in first for factor in FACTORS):
        return {}
    parts = {}
    for factor in FACTORS:
        one, two = (other for other in FACTORS if other != factor)
        same = first[one] * first[two] + second[one] * second[two]
        crossed = first[one] * second[two] + second[one] * first[two]
        # Of six orders the factor comes first or last in four, where the others are
        # both of one system.
        exchanged = first[factor] - second[factor]
        effect = exchanged * (2 * same + crossed) / 6
        parts[factor] = mean(effect.tolist())
    return parts


def _estimate(column: Array, bounds: Bounds, confidence: float) -> Estimate:
    """Return the mean of a column with its interval: Wilson's if it holds decisions."""
    center = mean(column.tolist())
    low, high = bounds
    if low is not None and is_decision(column):
        low, high = share_interval(center, len(column), confidence)
    return Estimate(center, low, high)


def _difference(
    gaps: Array, bounds: Bounds, p_value: float, p_corrected: float
) -> Difference:
    low, high = bounds
    untied = _without_ties(gaps)
    return Difference(
        value=mean(gaps.tolist()),
        low=low,
        high=high,
        p_value=p_value,
        p_corrected=p_corrected,
        effect_size=effect_size(untied, np.zeros_like(untied)),
    )


def _pair(
    systems: Mapping[str, Measures],
    names: tuple[str, str],
    main: str,
    differences: dict[str, Difference],
) -> Pair:
    first, second = names
    gaps = _without_ties(systems[first][main] - systems[second][main])
    wins = int(np.sum(gaps > 0))
    losses = int(np.sum(gaps < 0))
    parts = {}
    if main == "j":
        parts = contributions(systems[first], systems[second])
    return Pair(
        first=first,
        second=second,
        differences=differences,
        contributions=parts,
        wins=wins,
        ties=len(gaps) - wins - losses,
        losses=losses,
    )


def _without_ties(gaps: Array) -> Array:
    """Return differences with 0 for those that are ties."""
    return np.where(np.abs(gaps) <= TIE, 0.0, gaps)


def _bounds(values: Sequence[Array], draws: Draws) -> list[Bounds]:
    """Return the interval of each column's mean; (None, None) for one segment."""
    if len(values[0]) < 2:
        return [(None, None)] * len(values)
    low, high = intervals(
        np.stack(values, axis=1),
        n_resamples=draws.n_resamples,
        seed=draws.seed,
        level=draws.confidence,
    )
    return list(zip(low.tolist(), high.tolist(), strict=True))
