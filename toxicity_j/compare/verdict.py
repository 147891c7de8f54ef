"""Say in words what a comparison found, and what limits it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .records import MEASURES, Difference, Estimate, Pair, System

# A factor that works against the difference is named if its part is at least this share of the whole.
_WORTH_NAMING = 0.1


def show_number(value: float, *, signed: bool = False) -> str:
    """Return a score with three decimals, and a sign where asked."""
    shown = f"{value:+.3f}" if signed else f"{value:.3f}"
    return shown.removeprefix("-") if float(shown) == 0 and not signed else shown


def show_interval(low: float | None, high: float | None) -> str:
    """Return an interval in brackets, or nothing."""
    return "" if low is None or high is None else f"[{show_number(low)}, {show_number(high)}]"


def show_estimate(estimate: Estimate | Difference) -> str:
    """Return a value with its interval."""
    return f"{show_number(estimate.value)} {show_interval(estimate.low, estimate.high)}".rstrip()


def show_p(p_value: float) -> str:
    """Return a p-value as "p = 0.012" or "p < 0.001"."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def listed(names: Sequence[str]) -> str:
    """Return names as "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def is_different(pair: Pair, measure: str, level: float) -> bool:
    """Return True where two systems differ significantly after correction."""
    return pair.differences[measure].p_corrected <= level


def verdict(
    systems: Sequence[System],
    pairs: Sequence[Pair],
    groups: Sequence[Sequence[str]],
    main: str,
    level: float,
    smallest: Mapping[str, float],
    baseline: str | None,
) -> tuple[str, ...]:
    """Return sentences, the most important one first.

    Args:
        systems: best first.
        pairs: tested pairs; those with the baseline have it second.
        groups: systems that cannot be told apart.
        main: the measure that ranks.
        level: of the tests, in (0, 1).
        smallest: by measure, the smallest difference that can be shown.
        baseline: the system that the others are held against, or None.
    """
    if not pairs:
        return (f"{systems[0].name}: {MEASURES[main]} is {show_estimate(systems[0].scores[main])}.",)
    if baseline is not None:
        told = [pair for pair in pairs if pair.second == baseline]
    else:
        told = [pair for pair in pairs if {pair.first, pair.second} == {systems[0].name, systems[1].name}]
    several = len(pairs) > 1
    sentences = [pair_sentence(pair, main, level, corrected=several) for pair in told]
    close = [group for group in groups if len(group) > 1]
    said = {frozenset((pair.first, pair.second)) for pair in told}
    sentences += [
        f"{listed(group)} cannot be told apart on {MEASURES[main]}." for group in close if frozenset(group) not in said
    ]
    if close and main in smallest:
        sentences.append(
            f"With these segments a difference of {show_number(smallest[main])} on {MEASURES[main]} would be found "
            "in 4 of 5 cases; smaller ones may be there."
        )
    return tuple(sentences)


def pair_sentence(pair: Pair, main: str, level: float, *, corrected: bool) -> str:
    """Return which of two systems is better, by how much, how surely, and through which factor.

    Args:
        pair: the two systems.
        main: the measure.
        level: of the test, in (0, 1).
        corrected: say that the p-value is corrected.
    """
    difference = pair.differences[main]
    kind = "corrected " if corrected else ""
    p_value = f"{kind}{show_p(difference.p_corrected)}"
    if not is_different(pair, main, level):
        return (
            f"{pair.first} and {pair.second} cannot be told apart on {MEASURES[main]}: "
            f"the difference is {show_estimate(difference)}, {p_value}."
        )
    if difference.value >= 0:
        return _better(pair.first, pair.second, main, difference, p_value) + _causes(pair.contributions, 1) + "."
    turned = Difference(
        -difference.value,
        None if difference.high is None else -difference.high,
        None if difference.low is None else -difference.low,
        difference.p_value,
        difference.p_corrected,
        difference.effect_size,
    )
    return _better(pair.second, pair.first, main, turned, p_value) + _causes(pair.contributions, -1) + "."


def limits(
    n: int, pair_count: int, n_resamples: int, level: float, fewest: int, truncated: Mapping[str, Mapping[str, int]]
) -> tuple[str, ...]:
    """Return what limits the results: few segments, few resamples, truncated texts.

    Args:
        n: segments.
        pair_count: pairs tested.
        n_resamples: resamples of each test.
        level: of the tests, in (0, 1).
        fewest: segments below which no test can find a difference.
        truncated: by system, the number of truncated texts by role.
    """
    found = []
    if n < fewest:
        segments = "segment is" if n == 1 else "segments are"
        found.append(f"{n} {segments} too few: below {fewest} no difference can be significant.")
    floor = pair_count / (n_resamples + 1)
    if floor > level:
        needed = math.ceil(pair_count / level - 1e-9) - 1
        found.append(f"With {pair_count} pairs no difference can be significant below {needed} resamples.")
    elif floor > level / 5:
        found.append(
            f"With {pair_count} pairs and {n_resamples} resamples the smallest possible corrected p-value is "
            f"{floor:.3f}; more resamples can lower it."
        )
    for name, counts in truncated.items():
        for column, count in counts.items():
            texts = "text was" if count == 1 else "texts were"
            found.append(f"{name}: {count} {texts} truncated by the {column} model.")
    return tuple(found)


def _better(better: str, worse: str, main: str, difference: Difference, p_value: str) -> str:
    return f"{better} is better than {worse} on {MEASURES[main]} by {show_estimate(difference)}, {p_value}"


def _causes(contributions: Mapping[str, float], sign: int) -> str:
    """Return the factor behind most of a difference, and the one that works against it."""
    parts = {MEASURES[factor]: sign * part for factor, part in contributions.items()}
    if not parts or max(parts.values()) <= 0:
        return ""
    chief = max(parts, key=parts.__getitem__)
    contrary = min(parts, key=parts.__getitem__)
    text = f", mainly through {chief} ({show_number(parts[chief], signed=True)})"
    if parts[contrary] <= -_WORTH_NAMING * sum(parts.values()):
        text += f", in spite of {contrary} ({show_number(parts[contrary], signed=True)})"
    return text
