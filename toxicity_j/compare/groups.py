"""Rank systems, and group those that cannot be told apart. Arithmetic only."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from itertools import combinations


def ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Return ranks by name, 1 for the highest score; equal scores share a rank.

    The next rank after a shared one is left out.
    """
    # The place of the first equal score, which equal ones share.
    descending = sorted(scores.values(), reverse=True)
    return {name: 1 + descending.index(score) for name, score in scores.items()}


def indistinct_groups(
    names: Sequence[str], different: set[frozenset[str]]
) -> list[tuple[str, ...]]:
    """Return the largest sets of systems of which no two differ.

    The algorithm is insert and absorb (Piepho 2004).

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
    # By the places of their members, so that the order does not hang on that of sets.
    places = {name: place for place, name in enumerate(names)}
    by_place = [sorted(map(places.__getitem__, group)) for group in groups]
    return [tuple(names[place] for place in group) for group in sorted(by_place)]


def letters(names: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the letters of each system, one per group; "a" is the best group's."""
    marked = dict.fromkeys(names, "")
    for index, group in enumerate(groups):
        # More groups than letters are numbered.
        label = f"({index + 1})"
        if index < len(string.ascii_letters):
            label = string.ascii_letters[index]
        for name in group:
            marked[name] += label
    return marked


def _without_pair(group: frozenset[str], pair: tuple[str, str]) -> list[frozenset[str]]:
    """Return a group as it is, or, where it holds both of a pair, once without each."""
    if not group.issuperset(pair):
        return [group]
    return [group - {name} for name in pair]


def _largest(groups: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Return the groups that no other group contains."""
    unique = set(groups)
    largest = []
    for group in unique:
        is_part = any(group < other for other in unique)
        if not is_part:
            largest.append(group)
    return largest
