"""Turn per-segment columns of several systems into estimates, tested pairs, ranks and
groups. Arithmetic only.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .intervals import intervals, share_interval
from .records import FACTORS, Difference, Estimate, Pair
from .resampling import Array, paired_p_values
from .statistics import effect_size, holm, smallest_detectable_difference

# Per-segment scores of one system by measure, *Shape:* (n,) each.
Columns = Mapping[str, Array]

# Lower and upper end of an interval; None where there is none.
Bounds = tuple[float | None, float | None]

# Differences between scores that are smaller than this are rounding, and count as ties.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Draws:
    """How to resample: number of samples, seed, and level of the intervals in (0,
    1).
    """

    n_resamples: int
    seed: int
    confidence: float


def estimates(
    systems: Mapping[str, Columns], draws: Draws
) -> dict[str, dict[str, Estimate]]:
    """Return each system's mean of each measure, with intervals from the same draws;
    Wilson's for decisions.

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


def ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Return ranks by name, 1 for the highest score; equal scores share a rank, and the
    next one is left out.
    """
    # The place of the first equal score, which equal ones share.
    descending = sorted(scores.values(), reverse=True)
    return {name: 1 + descending.index(score) for name, score in scores.items()}


def tested_pairs(
    systems: Mapping[str, Columns],
    order: Sequence[tuple[str, str]],
    main: str,
    draws: Draws,
) -> list[Pair]:
    """Return each pair of systems with its differences, tested and corrected over the
    pairs for each measure.

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
    gaps: list[Array] = []
    for measure in measures:
        gaps += [
            systems[first][measure] - systems[second][measure]
            for first, second in order
        ]
    tested = iter(_tested(gaps, len(order), draws))
    differences: dict[tuple[str, str], dict[str, Difference]] = {}
    for measure in measures:
        for names in order:
            differences.setdefault(names, {})[measure] = next(tested)
    return [_pair(systems, names, main, differences[names]) for names in order]


def indistinct_groups(
    names: Sequence[str], different: set[frozenset[str]]
) -> list[tuple[str, ...]]:
    """Return the largest sets of systems of which no two differ (Piepho 2004, insert
    and absorb).

    Args:
        names: best first.
        different: pairs that differ significantly.

    Returns:
        Groups, by their best member; a system may stand in several.
    """
    groups = [frozenset(names)]
    for pair in combinations(names, 2):
        if frozenset(pair) not in different:
            continue
        split: list[frozenset[str]] = []
        for group in groups:
            split.extend(_without_pair(group, pair))
        groups = _largest(split)
    places = dict(zip(names, range(len(names)), strict=True))
    by_place = [sorted(map(places.__getitem__, group)) for group in groups]
    return [tuple(names[place] for place in group) for group in sorted(by_place)]


def letters(names: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the letters of each system: one per group that it stands in, "a" for the
    best group.
    """
    marked = dict.fromkeys(names, "")
    for index, group in enumerate(groups):
        label = f"({index + 1})"
        if index < len(string.ascii_letters):
            label = string.ascii_letters[index]
        for name in group:
            marked[name] += label
    return marked


def smallest_differences(
    systems: Mapping[str, Columns], order: Sequence[tuple[str, str]], level: float
) -> dict[str, float]:
    """Return, by measure, the smallest difference that a test shows with a power of
    0.8; the median over pairs.

    The level is shared by the pairs (Bonferroni), as the smallest corrected p-value is.
    """
    if not order:
        return {}
    first_system, _ = order[0]
    smallest = {}
    for measure in systems[first_system]:
        found = []
        for first, second in order:
            one, other = systems[first][measure], systems[second][measure]
            detectable = smallest_detectable_difference(
                one, other, level=level / len(order)
            )
            if detectable is not None:
                found.append(detectable)
        if found:
            # The median, because one odd pair should not speak for all.
            smallest[measure] = float(np.median(found))
    return smallest


def contributions(first: Columns, second: Columns) -> dict[str, float]:
    """Return the part of the difference in mean STA * SIM * FL that comes from each
    factor.

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
        effect = (first[factor] - second[factor]) * (2 * same + crossed) / 6
        parts[factor] = _mean(effect)
    return parts


def _estimate(column: Array, bounds: Bounds, confidence: float) -> Estimate:
    """Return the mean of a column with its interval: Wilson's if it holds decisions."""
    mean = _mean(column)
    low, high = bounds
    is_decision = np.isin(column, (0.0, 1.0)).all()
    if low is not None and is_decision:
        low, high = share_interval(mean, len(column), confidence)
    return Estimate(mean, low, high)


def _tested(gaps: Sequence[Array], count: int, draws: Draws) -> list[Difference]:
    """Test columns of differences; the p-values of each `count` columns are corrected
    together.
    """
    # Tests are made on differences of at most 1, so that rounding has one size.
    scaled = [gap / (np.abs(gap).max() or 1.0) for gap in gaps]
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


def _difference(
    gaps: Array, bounds: Bounds, p_value: float, p_corrected: float
) -> Difference:
    low, high = bounds
    return Difference(
        value=_mean(gaps),
        low=low,
        high=high,
        p_value=p_value,
        p_corrected=p_corrected,
        effect_size=effect_size(gaps, np.zeros_like(gaps)),
    )


def _pair(
    systems: Mapping[str, Columns],
    names: tuple[str, str],
    main: str,
    differences: dict[str, Difference],
) -> Pair:
    first, second = names
    gaps = systems[first][main] - systems[second][main]
    wins = int(np.sum(gaps > _ROUNDING))
    losses = int(np.sum(gaps < -_ROUNDING))
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


def _bounds(values: Sequence[Array], draws: Draws) -> list[Bounds]:
    """Return the ends of an interval for the mean of each column; None for one
    segment.
    """
    if len(values[0]) < 2:
        return [(None, None)] * len(values)
    low, high = intervals(
        np.stack(values, axis=1),
        n_resamples=draws.n_resamples,
        seed=draws.seed,
        level=draws.confidence,
    )
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _mean(values: Array) -> float:
    return math.fsum(values) / len(values)


def _without_pair(group: frozenset[str], pair: tuple[str, str]) -> list[frozenset[str]]:
    """Return a group as it is, or, where it holds both of a pair, once without each."""
    if not group.issuperset(pair):
        return [group]
    return [group - {name} for name in pair]


def _largest(groups: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Return the groups that no other group contains."""
    unique = set(groups)
    return [group for group in unique if not any(group < other for other in unique)]
