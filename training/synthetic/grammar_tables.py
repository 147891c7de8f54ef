"""The words that rules of grammar are about, read from `texts/fluency_tables.txt`."""

from __future__ import annotations

from training.synthetic.templates import FOLDER

__all__ = ["TABLES", "both_ways", "word_set"]


def _read_tables() -> dict[str, str]:
    text = (FOLDER / "fluency_tables.txt").read_text(encoding="utf-8")
    tables = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, entries = line.split(": ", 1)
            tables[name] = entries
    return tables


TABLES = _read_tables()


def both_ways(name: str) -> dict[str, list[str]]:
    """Read a table of "a/b, c/d" as word -> words it is confused with."""
    table: dict[str, list[str]] = {}
    for entry in TABLES[name].split(", "):
        one, two = entry.split("/")
        table.setdefault(one, []).append(two)
        table.setdefault(two, []).append(one)
    return table


def word_set(name: str) -> frozenset[str]:
    """Read a table of words with spaces between them."""
    words = TABLES[name].split()
    return frozenset(words)
