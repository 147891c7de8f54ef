"""Say in words what a comparison found, and what limits it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .attainable import (
    fewest_resamples,
    fewest_segments,
    is_significant,
    smallest_p_value,
)
from .records import MEASURES, Difference, Estimate, Pair, System

# A factor that works against the difference is named if its part is at least this share
# of the whole.
_WORTH_NAMING = 0.1


def show_number(value: float, *, signed: bool = False) -> str:
    """Return a score with three decimals, and a sign where asked."""
    if signed:
        return f"{value:+.3f}"
    shown = f"{value:.3f}"
    # Rounded to nothing, so it has no sign either.
    if shown == "-0.000":
        return "0.000"
    return shown


def show_interval(low: float | None, high: float | None) -> str:
    """Return an interval in brackets, or nothing."""
    if low is None or high is None:
        return ""
    return f"[{show_number(low)}, {show_number(high)}]"


def show_estimate(estimate: Estimate | Difference) -> str:
    """Return a value with its interval."""
    value = show_number(estimate.value)
    interval = show_interval(estimate.low, estimate.high)
    return f"{value} {interval}".rstrip()


def show_p(p_value: float) -> str:
    """Return a p-value as "p = 0.012" or "p < 0.001"."""
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}"


def listed(names: Sequence[str]) -> str:
    """Return names as "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    *others, last = names
    return f"{', '.join(others)} and {last}"


def is_different(pair: Pair, measure: str, level: float) -> bool:
    """Return True where two systems differ significantly after correction."""
    return is_significant(pair.differences[measure].p_corrected, level)


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
        only = systems[0]
        estimate = show_estimate(only.scores[main])
        return (f"{only.name}: {MEASURES[main]} is {estimate}.",)
    told = [pair for pair in pairs if pair.second == baseline]
    if baseline is None:
        # Without a baseline, what readers ask first is whether the best one is better
        # than the next.
        best = {systems[0].name, systems[1].name}
        told = [pair for pair in pairs if {pair.first, pair.second} == best]
    several = len(pairs) > 1
    sentences = [pair_sentence(pair, main, level, corrected=several) for pair in told]
    # A group of two of which a sentence has spoken is not named again.
    close = [group for group in groups if len(group) > 1]
    said = [{pair.first, pair.second} for pair in told]
    unsaid = [group for group in close if set(group) not in said]
    sentences += [
        f"{listed(group)} cannot be told apart on {MEASURES[main]}." for group in unsaid
    ]
    detectable = show_number(smallest.get(main, 0.0))
    # A difference that rounds to nothing is no news.
    if close and detectable != "0.000":
        sentences.append(
            f"With these segments a difference of {detectable} on"
            f" {MEASURES[main]} would be found in 4 of 5 cases;"
            " smaller ones may be there."
        )
    return tuple(sentences)


def pair_sentence(pair: Pair, main: str, level: float, *, corrected: bool) -> str:
    """Return which of two systems is better, by how much, and through which factor.

    Args:
        pair: the two systems.
        main: the measure.
        level: of the test, in (0, 1).
        corrected: say that the p-value is corrected.
    """
    difference = pair.differences[main]
    p_value = show_p(difference.p_corrected)
    if corrected:
        p_value = f"corrected {p_value}"
    if not is_different(pair, main, level):
        return (
            f"{pair.first} and {pair.second} cannot be told apart on {MEASURES[main]}: "
            f"the difference is {show_estimate(difference)}, {p_value}."
        )
    better, worse, sign = pair.first, pair.second, 1
    # A sentence names the better system first, so that its difference is positive.
    if difference.value < 0:
        better, worse, sign = pair.second, pair.first, -1
        difference = _turned(difference)
    causes = _causes(pair.contributions, sign)
    return (
        f"{better} is better than {worse} on {MEASURES[main]} by"
        f" {show_estimate(difference)}, {p_value}{causes}."
    )


def limits(
    n: int,
    pair_count: int,
    n_resamples: int,
    level: float,
    truncated: Mapping[str, Mapping[str, int]],
) -> tuple[str, ...]:
    """Return what limits the results: few segments, few resamples, truncated texts.

    Args:
        n: segments.
        pair_count: pairs tested.
        n_resamples: resamples of each test.
        level: of the tests, in (0, 1).
        truncated: by system, the number of truncated texts by role.
    """
    found = _limits_of_tests(n, pair_count, n_resamples, level)
    for name, counts in truncated.items():
        for column, count in counts.items():
            texts = counted(count, "text was", "texts were")
            found.append(f"{name}: {texts} truncated by the {column} model.")
    return tuple(found)


def _limits_of_tests(
    n: int, pair_count: int, n_resamples: int, level: float
) -> list[str]:
    """Return why no difference can be significant, or why hardly any can."""
    # Holm multiplies the smallest p-value by the number of pairs.
    shared_level = level / max(pair_count, 1)
    pairs = counted(pair_count, "pair", "pairs")
    found = []
    needed = fewest_segments(shared_level)
    if n < needed:
        segments = counted(n, "segment is", "segments are")
        several = ""
        if pair_count > 1:
            several = f" for {pairs}"
        found.append(
            f"{segments} too few{several}: below {needed} no difference can be"
            " significant."
        )
    needed = fewest_resamples(shared_level)
    if pair_count and n_resamples < needed:
        found.append(
            f"With {pairs} no difference can be significant below {needed} resamples."
        )
    smallest = smallest_p_value(n, n_resamples)
    if not found and pair_count * smallest > level / 5:
        kind = "p-value"
        if pair_count > 1:
            kind = "corrected p-value"
        # Resamples alone would reach a smaller one.
        cause = "resamples"
        if smallest > 1 / (n_resamples + 1):
            cause = "segments"
        found.append(
            f"With {pairs}, {n} segments and {n_resamples} resamples the smallest"
            f" possible {kind} is {pair_count * smallest:.3f}; more {cause} can lower"
            " it."
        )
    return found


def counted(count: int, one: str, several: str) -> str:
    """Return a number with its noun, as "1 pair" or "3 pairs"."""
    if count == 1:
        return f"{count} {one}"
    return f"{count} {several}"


def _turned(difference: Difference) -> Difference:
    """Return the difference with the systems exchanged."""
    turned = replace(difference, value=-difference.value)
    # The ends change places, too.
    if difference.low is None or difference.high is None:
        return turned
    return replace(turned, low=-difference.high, high=-difference.low)


def _causes(contributions: Mapping[str, float], sign: int) -> str:
    """Return the factor behind most of a difference, and the one against it."""
    parts = {factor: sign * part for factor, part in contributions.items()}
    if not parts or max(parts.values()) <= 0:
        return ""
    chief = max(parts, key=parts.__getitem__)
    contrary = min(parts, key=parts.__getitem__)
    text = f", mainly through {_named(chief, parts)}"
    whole = sum(parts.values())
    if parts[contrary] <= -_WORTH_NAMING * whole:
        text += f", in spite of {_named(contrary, parts)}"
    return text


def _named(factor: str, parts: Mapping[str, float]) -> str:
    """Return a factor with its part, as "SIM (+0.123)"."""
    return f"{MEASURES[factor]} ({show_number(parts[factor], signed=True)})"
