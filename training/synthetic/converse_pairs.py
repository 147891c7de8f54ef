"""Pairs of sentences about two persons, things or steps, said from either end: "sold
to" and "bought from", "heavier" and "lighter", "first" and "after". Both sides share
their words whether they say the same or not.
"""

from __future__ import annotations

from random import Random

from training.synthetic.role_sentences import Row, lower_at_times, one_person
from training.synthetic.spelling import capitalized
from training.synthetic.templates import FOLDER, read_slots

__all__ = ["converse_pair"]

_WORDS = read_slots(FOLDER / "converses.txt")
_CONVERSES = [converse.split(" = ") for converse in _WORDS["converses"]]
# Of each two adjectives, comparative and base form.
_ADJECTIVES = [
    (name.rsplit(" ", 1), fillers[0].rsplit(" ", 1))
    for name, fillers in _WORDS.items()
    if " " in name
]
_COMPARED = [words for name, words in _WORDS.items() if name.startswith("compared_")]
_KEPT, _CHANGED = 0.95, 0.12
# Persons are compared as often as things of all other kinds together.
_PERSON_SHARE, _LOWER_SHARE = 0.3, 0.3


def converse_pair(is_changed: bool, rng: Random) -> Row:
    """Draw a pair whose meaning is changed or kept."""
    pair = rng.choice([_told, _compared, _in_order])
    source, text = map(_written, pair(is_changed, rng))
    label = _CHANGED if is_changed else _KEPT
    return lower_at_times((source, text, label), _LOWER_SHARE, rng)


def _told(is_changed: bool, rng: Random) -> tuple[str, str]:
    """Tell what two persons have to do with each other."""
    one = one_person(rng)
    words = {
        "a": one,
        "b": one_person(rng, one),
        "thing": rng.choice(_WORDS["thing"]),
    }
    others = words | {"a": words["b"], "b": words["a"]} if is_changed else words
    source, text = rng.sample(rng.choice(_CONVERSES), 2)
    if is_changed and rng.random() < 0.5:
        text = source
    return source.format(**words), text.format(**others)


def _compared(is_changed: bool, rng: Random) -> tuple[str, str]:
    """Compare two persons or things."""
    one, other = rng.sample(rng.choice(_COMPARED), 2)
    if rng.random() < _PERSON_SHARE:
        one = one_person(rng)
        other = one_person(rng, one)
    (more, base), (less, opposite) = rng.sample(rng.choice(_ADJECTIVES), 2)
    source = f"{one} is {more} than {other}"
    kept = (
        f"{other} is {less} than {one}",
        f"compared with {other}, {one} is {more}",
        f"{other} is not as {base} as {one}",
        f"of {one} and {other}, the former is {more}",
    )
    changed = (
        f"{other} is {more} than {one}",
        f"{one} is {less} than {other}",
        f"compared with {one}, {other} is {more}",
        f"{one} is not as {base} as {other}",
        f"{other} is not as {opposite} as {one}",
        f"{one} is as {base} as {other}",
    )
    return source, rng.choice(changed if is_changed else kept)


def _in_order(is_changed: bool, rng: Random) -> tuple[str, str]:
    """Tell which of two steps comes first."""
    first, second = rng.sample(_WORDS["steps"], 2)
    source = rng.choice(_orders(first, second))
    others = _orders(second, first) if is_changed else _orders(first, second)
    return source, rng.choice([text for text in others if text != source])


def _orders(first: str, second: str) -> tuple[str, ...]:
    return (
        f"{first}, then {second}",
        f"first {first} and then {second}",
        f"before you {second}, {first}",
        f"{first} before you {second}",
        f"after you {first}, {second}",
        f"{second}, but {first} first",
        f"don't {second} until you {first}",
    )


def _written(clause: str) -> str:
    return capitalized(clause) + "."
