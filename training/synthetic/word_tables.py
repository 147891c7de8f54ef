"""What rules that edit a sentence share: tables of words, and the exchange of a word by
a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from random import Random

from training.synthetic.spelling import capitalized
from training.synthetic.templates import FOLDER

__all__ = ["TABLES", "Edited", "Rule", "by_table", "exchange", "replaced"]

Edited = tuple[str, float] | None
# Takes a sentence; returns the edited sentence with its kept meaning in [0, 1], or None
# where it finds nothing to edit.
Rule = Callable[[str, Random], Edited]


# Word -> other words.
Table = dict[str, list[str]]


def _read_tables() -> dict[str, Table]:
    """Read the tables by name; "<>" stands for both directions."""
    tables: dict[str, Table] = {}
    text = (FOLDER / "edit_tables.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        name, colon, entries = line.partition(": ")
        if line.startswith("#") or not colon:
            continue
        table = tables.setdefault(name, {})
        for entry in entries.split(", "):
            _add_entry(table, entry)
    return tables


def _add_entry(table: Table, entry: str) -> None:
    if "<>" in entry:
        one, two = entry.split("<>")
        table.setdefault(one, []).append(two)
        table.setdefault(two, []).append(one)
    else:
        word, others = entry.split(">")
        table.setdefault(word, []).extend(others.split("|"))


TABLES = _read_tables()


def _any_word(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    any_of_them = "|".join(longest_first)
    return re.compile(rf"(?i)(?<![\w'’])({any_of_them})(?![\w'’])")


_PATTERNS = {name: _any_word(table) for name, table in TABLES.items()}


def _like(word: str, model: str) -> str:
    """Write a word with the case of another."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    if model[:1].isupper():
        return capitalized(word)
    return word


def replaced(text: str, match: re.Match[str], new: str) -> str:
    """Put something in place of what was found in a text."""
    return text[: match.start()] + new + text[match.end() :]


def exchange(text: str, rng: Random, name: str, most: int = 1) -> str | None:
    """Exchange up to `most` words by a table; None where no word stands in it."""
    found = list(_PATTERNS[name].finditer(text))
    if not found:
        return None
    chosen = rng.sample(found, min(most, len(found)))
    # From the end, so that the places of the others stay.
    chosen.sort(key=re.Match.start, reverse=True)
    for match in chosen:
        word = match[0]
        others = TABLES[name].get(word.lower())
        if others:
            other = rng.choice(others)
            text = replaced(text, match, _like(other, word))
    return text


def by_table(name: str, label: float, most: int = 1) -> Rule:
    """Make a rule that exchanges up to `most` words by a table, and gives every result
    the same label.
    """

    def rule(text: str, rng: Random) -> Edited:
        changed = exchange(text, rng, name, most)
        if not changed:
            return None
        return changed, label

    return rule
