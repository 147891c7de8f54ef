"""Pairs of sentences built by grammar: who does what to whom, when, where, how many.

Words come from lists, so that the two sides of a pair share nearly all of their words
whether they say the same or not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random

from training.synthetic.spelling import capitalized
from training.synthetic.templates import FOLDER, read_slots

__all__ = ["Row", "lower_at_times", "one_person", "role_pair"]

# Shares of sentences about numbers, and about teams and countries.
_NUMBER_SHARE, _TEAM_SHARE = 0.3, 0.2
_WORDS = read_slots(FOLDER / "role_words.txt")
_NUMBER_WORDS = {
    2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight",
    9: "nine", 10: "ten", 11: "eleven", 12: "twelve", 15: "fifteen", 20: "twenty",
    30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 80: "eighty", 90: "ninety",
    100: "a hundred",
}  # fmt: skip
_PLURALS = ("the police", "the fans", "the students", "the strikers", "the rebels")

# Half of the day, of a time of day: "5 pm".
_HALF_OF_DAY = re.compile(r"(?i)(?<=\d)( ?)([ap])(?=\.?m\b)")
_OTHER_HALF = str.maketrans("apAP", "paPA")
# Share of times that are times of day.
_CLOCK_SHARE = 0.35

# Source, prediction, kept meaning in [0, 1].
Row = tuple[str, str, float]


@dataclass(frozen=True)
class _Deed:
    """Who did what to whom.

    Attributes:
        doer: who did it.
        verb: past tense, and after a "/" the participle where it differs.
        other: to whom.
        where_and_when: may be empty.
    """

    doer: str
    verb: str
    other: str
    where_and_when: str

    def active(self) -> str:
        """Say it in the active voice."""
        past, _, _ = self.verb.partition("/")
        return f"{self.doer} {past} {self.other}"

    def passive(self) -> str:
        """Say it in the passive voice."""
        _, _, participle = self.verb.rpartition("/")
        was = "were" if self.other in _PLURALS else "was"
        return f"{self.other} {was} {participle} by {self.doer}"

    def in_either_voice(self, rng: Random) -> str:
        """Say it in the active voice, or at times in the passive."""
        clause = self.passive() if rng.random() < 0.3 else self.active()
        return _sentence(clause, self.where_and_when, rng)


def role_pair(is_changed: bool, rng: Random) -> Row:
    """Draw a pair whose meaning is changed or kept."""
    if rng.random() < _NUMBER_SHARE:
        return _number_pair(is_changed, rng)
    if rng.random() < _TEAM_SHARE:
        return _team_pair(is_changed, rng)
    doer = _person(rng)
    other = _person(rng, doer)
    deed = _Deed(doer, rng.choice(_WORDS["verbs"]), other, _where_and_when(rng))
    if is_changed:
        changed, label = _changed(deed, rng)
        return deed.in_either_voice(rng), changed.in_either_voice(rng), label
    clauses = [deed.active(), deed.passive()]
    rng.shuffle(clauses)
    source, text = (_sentence(clause, deed.where_and_when, rng) for clause in clauses)
    return source, text, 0.96


def _changed(deed: _Deed, rng: Random) -> tuple[_Deed, float]:
    """Return another deed, and how much of the first is left of it."""
    part = rng.choice(["roles", "roles", "roles", "person", "verb", "where and when"])
    if part == "roles":
        return replace(deed, doer=deed.other, other=deed.doer), 0.1
    if part == "person":
        third = _person(rng, deed.doer, deed.other)
        field = rng.choice(["doer", "other"])
        return replace(deed, **{field: third}), 0.17
    elsewhere = _where_and_when(rng)
    if _HALF_OF_DAY.search(deed.where_and_when):
        other_half = _other_half(deed.where_and_when)
        return replace(deed, where_and_when=other_half), 0.3
    # One that is left out or added says less or more, not something else.
    if part == "where and when" and "" != elsewhere != deed.where_and_when != "":
        return replace(deed, where_and_when=elsewhere), 0.3
    others = [verb for verb in _WORDS["verbs"] if verb != deed.verb]
    return replace(deed, verb=rng.choice(others)), 0.15


def one_person(rng: Random, *taken: str) -> str:
    """Draw a name or a description of one person, none of those that are taken."""
    return _person(rng, *taken, *_PLURALS)


def lower_at_times(row: Row, share: float, rng: Random) -> Row:
    """Write a share of the pairs in lower case."""
    source, text, label = row
    if rng.random() < share:
        return source.lower(), text.lower(), label
    return row


def _person(rng: Random, *taken: str) -> str:
    words = _WORDS[rng.choice(["names", "people"])]
    return rng.choice([word for word in words if word not in taken])


def _where_and_when(rng: Random) -> str:
    found = []
    if rng.random() < 0.35:
        place = rng.choice(_WORDS["places"])
        found.append(f"in {place}")
    if rng.random() < 0.5:
        is_clock = rng.random() < _CLOCK_SHARE
        found.append(_time_of_day(rng) if is_clock else rng.choice(_WORDS["times"]))
    return " ".join(found)


def _time_of_day(rng: Random) -> str:
    minutes = rng.choice(["", "", "", ":15", ":30", ":45"])
    half = rng.choice(["", " "]) + rng.choice(_WORDS["halves of the day"])
    return f"{rng.choice(_WORDS['about'])} {rng.randint(1, 12)}{minutes}{half}"


def _sentence(clause: str, where_and_when: str, rng: Random) -> str:
    body = f"{clause} {where_and_when}".strip()
    if where_and_when and rng.random() < 0.3:
        body = f"{where_and_when}, {clause}"
    # "p.m." has its stop.
    return capitalized(body).removesuffix(".") + "."


def _other_half(when: str) -> str:
    """Write a time before noon as the same after noon, or the reverse."""
    return _HALF_OF_DAY.sub(lambda found: found[0].translate(_OTHER_HALF), when)


def _team_pair(is_changed: bool, rng: Random) -> Row:
    one, other = rng.sample(_WORDS["teams"], 2)
    result = rng.choice(_WORDS["results"])
    end = rng.choice([*_WORDS["scores"], _where_and_when(rng)])
    source = _sentence(f"{one} {result} {other}", end, rng)
    if not is_changed:
        return source, source.rstrip(".").lower(), 0.97
    if rng.random() < 0.7:
        return source, _sentence(f"{other} {result} {one}", end, rng), 0.12
    third = rng.choice([team for team in _WORDS["teams"] if team not in (one, other)])
    return source, _sentence(f"{one} {result} {third}", end, rng), 0.18


def _number_pair(is_changed: bool, rng: Random) -> Row:
    skeleton = rng.choice(_WORDS["measures"])
    if rng.random() < 0.5:
        subject, thing = rng.choice(_WORDS["counted"]), rng.choice(_WORDS["things"])
        clause = f"{subject} {{n}} {thing}"
        skeleton = _sentence(clause, _where_and_when(rng), rng)
    number = _number(rng)
    # "10th" and "tenth" are of other lists.
    has_words = number in _NUMBER_WORDS and "{n}th" not in skeleton
    shown = str(number)
    if has_words and rng.random() < 0.5:
        shown = _NUMBER_WORDS[number]
    source = skeleton.replace("{n}", shown)
    if is_changed:
        other = _other_number(number, rng)
        return source, skeleton.replace("{n}", str(other)), 0.2
    if not has_words:
        return source, source.rstrip(".").lower(), 0.97
    both = {str(number), _NUMBER_WORDS[number]}
    (written,) = both - {shown}
    return source, skeleton.replace("{n}", written), 0.97


def _number(rng: Random) -> int:
    if rng.random() < 0.5:
        return rng.choice([*_NUMBER_WORDS])
    lowest, highest = rng.choice([(2, 99), (100, 999), (1000, 3000)])
    return rng.randint(lowest, highest)


def _other_number(number: int, rng: Random) -> int:
    backwards = int(str(number)[::-1])
    near = (number * 10, number + rng.randint(1, 9), number * 2, backwards)
    other = rng.choice([*near, _number(rng)])
    return number + 1 if other == number else other
