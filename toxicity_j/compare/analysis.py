"""Turn per-segment columns of several systems into estimates, tested pairs, ranks and groups. Arithmetic only."""

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

# Differences between scores that are smaller than this are rounding, and count as ties.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Draws:
    """How to resample: number of samples, seed, and level of the intervals in (0, 1)."""

    n_resamples: int
    seed: int
    confidence: float


def estimates(systems: Mapping[str, Columns], draws: Draws) -> dict[str, dict[str, Estimate]]:
    """Return each system's mean of each measure, with intervals from the same draws; Wilson's for decisions.

    Args:
        systems: per-segment scores by system.
        draws: how to resample.
    """
    keys = [(name, measure) for name, columns in systems.items() for measure in columns]
    values = [systems[name][measure] for name, measure in keys]
    low, high = _bounds(values, draws)
    found: dict[str, dict[str, Estimate]] = {name: {} for name in systems}
    for (name, measure), column, bottom, top in zip(keys, values, low, high, strict=True):
        if bottom is not None and np.isin(column, (0.0, 1.0)).all():
            bottom, top = share_interval(_mean(column), len(column), draws.confidence)
        found[name][measure] = Estimate(_mean(column), bottom, top)
    return found


def ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Return ranks by name, 1 for the highest score; equal scores share a rank, and the next one is left out."""
    return {name: 1 + sum(other > score for other in scores.values()) for name, score in scores.items()}


def tested_pairs(
    systems: Mapping[str, Columns], order: Sequence[tuple[str, str]], main: str, draws: Draws
) -> list[Pair]:
    """Return each pair of systems with its differences, tested and corrected over the pairs for each measure.

    Args:
        systems: per-segment scores by system.
        order: the pairs, (first, second).
        main: the measure whose wins, ties and losses are counted.
        draws: how to resample.
    """
    if not order:
        return []
    measures = list(systems[order[0][0]])
    keys = [(measure, names) for measure in measures for names in order]
    values = [systems[first][measure] - systems[second][measure] for measure, (first, second) in keys]
    low, high = _bounds(values, draws)
    # Tests are made on differences of at most 1, so that rounding has one size.
    scaled = np.stack([value / (np.abs(value).max() or 1.0) for value in values], axis=1)
    p_values = paired_p_values(scaled, n_resamples=draws.n_resamples, seed=draws.seed).tolist()
    count = len(order)
    corrected = [p for start in range(0, len(keys), count) for p in holm(p_values[start : start + count])]
    differences: dict[tuple[str, str], dict[str, Difference]] = {names: {} for names in order}
    for place, (measure, names) in enumerate(keys):
        differences[names][measure] = Difference(
            value=_mean(values[place]),
            low=low[place],
            high=high[place],
            p_value=p_values[place],
            p_corrected=corrected[place],
            effect_size=_effect(values[place]),
        )
    return [_pair(systems, names, main, differences[names]) for names in order]


def indistinct_groups(names: Sequence[str], different: set[frozenset[str]]) -> list[tuple[str, ...]]:
    """Return the largest sets of systems of which no two differ (Piepho 2004, insert and absorb).

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
        split = [kept for group in groups for kept in _without_pair(group, pair)]
        groups = _largest(split)
    place = {name: index for index, name in enumerate(names)}
    members = [tuple(sorted(group, key=place.__getitem__)) for group in groups]
    return sorted(members, key=lambda group: [place[name] for name in group])


def letters(names: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the letters of each system: one per group that it stands in, "a" for the best group."""
    labels = [*string.ascii_letters, *(f"({number})" for number in range(53, 53 + len(groups)))]
    marked = dict.fromkeys(names, "")
    for label, group in zip(labels, groups, strict=False):
        for name in group:
            marked[name] += label
    return marked


def smallest_differences(
    systems: Mapping[str, Columns], order: Sequence[tuple[str, str]], level: float
) -> dict[str, float]:
    """Return, by measure, the smallest difference that a test shows with a power of 0.8; the median over pairs.

    The level is shared by the pairs (Bonferroni), as the smallest corrected p-value is.
    """
    if not order:
        return {}
    smallest = {}
    for measure in systems[order[0][0]]:
        found = [_smallest(systems, names, measure, level / len(order)) for names in order]
        known = [value for value in found if value is not None]
        if known:
            smallest[measure] = float(np.median(known))
    return smallest


def contributions(first: Columns, second: Columns) -> dict[str, float]:
    """Return the part of the difference in mean STA * SIM * FL that comes from each factor.

    Each factor is exchanged in every order of the three, and its effects are averaged (the Shapley value), so that the
    parts add up to the difference.
    """
    if not all(factor in first for factor in FACTORS):
        return {}
    parts = {}
    for factor in FACTORS:
        one, two = (other for other in FACTORS if other != factor)
        same = first[one] * first[two] + second[one] * second[two]
        crossed = first[one] * second[two] + second[one] * first[two]
        parts[factor] = _mean((first[factor] - second[factor]) * (2 * same + crossed) / 6)
    return parts


def _pair(
    systems: Mapping[str, Columns], names: tuple[str, str], main: str, differences: dict[str, Difference]
) -> Pair:
    first, second = (systems[name] for name in names)
    gaps = first[main] - second[main]
    wins = int(np.sum(gaps > _ROUNDING))
    losses = int(np.sum(gaps < -_ROUNDING))
    parts = contributions(first, second) if main == "j" else {}
    return Pair(*names, differences, parts, wins, len(gaps) - wins - losses, losses)


def _bounds(values: Sequence[Array], draws: Draws) -> tuple[list[float | None], list[float | None]]:
    """Return lower and upper ends of the mean of each column; None for one segment."""
    if len(values[0]) < 2:
        nothing: list[float | None] = [None] * len(values)
        return nothing, nothing
    matrix = np.stack(values, axis=1)
    low, high = intervals(matrix, n_resamples=draws.n_resamples, seed=draws.seed, level=draws.confidence)
    return [float(value) for value in low], [float(value) for value in high]


def _smallest(systems: Mapping[str, Columns], names: tuple[str, str], measure: str, level: float) -> float | None:
    first, second = (systems[name][measure] for name in names)
    return smallest_detectable_difference(first, second, level=level)


def _effect(differences: Array) -> float | None:
    return effect_size(differences, np.zeros_like(differences))


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
