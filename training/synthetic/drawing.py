"""Draws from tables of rules, each with a weight, and draws of distinct examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import TypeVar

__all__ = ["draw_distinct", "draw_rules", "draw_unlabeled"]

R = TypeVar("R")
K = TypeVar("K")
V = TypeVar("V")
# So many draws per wanted example, then the source counts as exhausted.
_TRIES = 20


def draw_rules(
    rules: Mapping[str, tuple[R, int]], rng: Random
) -> Iterator[tuple[str, R]]:
    """Yield names and rules in random order, drawn by weight among those that are
    left.
    """
    names = list(rules)
    while names:
        weights = [rules[name][1] for name in names]
        name = rng.choices(names, weights)[0]
        rule, _ = rules[name]
        yield name, rule
        names.remove(name)


def draw_distinct(
    make: Callable[[int], tuple[K, V] | None],
    count: int,
    rng: Random,
    at_most: bool = False,
) -> list[tuple[K, V]]:
    """Draw examples with distinct keys, in random order.

    Args:
        make: draws an example's key and the rest of it, or None where a draw gives
            none; gets the number of the draw.
        count: how many.
        rng: decides the order.
        at_most: fewer will do.

    Raises:
        ValueError: If there are not so many, and fewer will not do.
    """
    found: dict[K, V] = {}
    for turn in range(_TRIES * count):
        if len(found) >= count:
            break
        example = make(turn)
        if example is not None:
            key, rest = example
            found.setdefault(key, rest)
    if len(found) < count and not at_most:
        raise ValueError(f"`count`: expected at most {len(found)}, got {count}")
    examples = list(found.items())
    rng.shuffle(examples)
    return examples


def draw_unlabeled(
    make: Callable[[int], K | None], count: int, rng: Random, at_most: bool = False
) -> list[K]:
    """Draw distinct examples that are nothing but their key; see `draw_distinct`."""

    def alone(turn: int) -> tuple[K, None] | None:
        key = make(turn)
        return None if key is None else (key, None)

    return [key for key, _ in draw_distinct(alone, count, rng, at_most)]
