"""Edits of a list of words that several rules share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random

from training.synthetic.spelling import bare, capitalized

Words = list[str]
Broken = Words | None
# Takes the words of a sentence; returns other words, or None where it finds nothing to
# change.
Rule = Callable[[Words, Random], Broken]
Find = Callable[[Words], list[int]]
Change = Callable[[Words, int, Random], Broken]


def at_one_place(find: Find, change: Change) -> Rule:
    """Make a rule that changes the words at one of the places that `find` returns."""

    def rule(words: Words, rng: Random) -> Broken:
        places = find(words)
        if not places:
            return None
        place = rng.choice(places)
        return change(words, place, rng)

    return rule


def places_of(words: Sequence[str], wanted: Collection[str]) -> list[int]:
    """Find where the words of a set stand."""
    return [place for place, word in enumerate(words) if bare(word) in wanted]


def followed(wanted: Collection[str]) -> Find:
    """Make a search for the words of a set that another word follows."""

    def find(words: Words) -> list[int]:
        return places_of(words[:-1], wanted)

    return find


def insert(words: Words, place: int, *new: str) -> list[str]:
    """Return the words with new ones before the one at a place."""
    return [*words[:place], *new, *words[place:]]


def put(words: Words, place: int, *new: str) -> list[str]:
    """Return the words with new ones instead of the one at a place."""
    return [*words[:place], *new, *words[place + 1 :]]


def ending(word: str, marks: str = ".,!?") -> str:
    """Return the punctuation that a word ends with."""
    stem = word.rstrip(marks)
    return word[len(stem) :]


def like(word: str, model: str) -> str:
    """Write a word with the capital and the final punctuation of another."""
    has_capital = model[:1].isupper()
    if has_capital and (word == "i" or model.lower() != "i"):
        word = capitalized(word)
    return word + ending(model, ".,!?;:")
