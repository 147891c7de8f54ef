"""The table of sentences, and the checked columns that its cells make."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from .limits import MAX_ROWS, MAX_SYSTEMS, InputError, check_text

# What a column's or a file's name says of its role; every other name is a system's.
_SOURCE = re.compile(
    r"(sources?|src|inputs?|toxic|toxic_sentence|toxic_comment)", re.IGNORECASE
)
_REFERENCE = re.compile(
    r"(references?|refs?|human|neutral_comment)[ _-]?\d*", re.IGNORECASE
)
_LANGUAGE = re.compile(r"(languages?|langs?)", re.IGNORECASE)

# What the button "Empty table" gives: enough columns to see that there may be several.
EMPTY_HEADERS = ["source", "system A", "system B", "reference"]
EMPTY_ROWS = 8

# The name of a column and its cells.
NamedColumn = tuple[str, list[str]]


@dataclass(frozen=True)
class Columns:
    """Columns of equal length, blank rows left out.

    Attributes:
        rows: the number of each row in the table, from 1.
        systems: by name, the rewrites.
        sources: what was rewritten, or None where no cell has any.
        references: one list per row, or None where no cell has any.
        languages: one per row, or None where no cell has any.
    """

    rows: list[int]
    systems: dict[str, list[str]]
    sources: list[str] | None = None
    references: list[list[str]] | None = None
    languages: list[str] | None = None


@dataclass(frozen=True)
class Table:
    """Cells of text under headers; rows have equal length."""

    headers: list[str]
    rows: list[list[str]]


def role_of(name: str) -> str:
    """Return the role that the name of a column or file has, "systems" if no other."""
    name = name.strip()
    for role, pattern in (
        ("sources", _SOURCE),
        ("references", _REFERENCE),
        ("languages", _LANGUAGE),
    ):
        if pattern.fullmatch(name):
            return role
    return "systems"


def checked_columns(headers: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Columns:
    """Return the columns of a table; blank rows and blank columns are left out.

    Raises:
        InputError: there is no text, no system, or too much of something, or names
            repeat.
    """
    names = [_text_of(name).strip() for name in headers]
    numbered = _filled_rows(rows, len(names))
    by_role = _by_role(names, list(numbered.values()))
    columns = Columns(
        list(numbered),
        _checked_systems(by_role["systems"]),
        _only_column(by_role["sources"]),
        _merged_references(by_role["references"]),
        _only_column(by_role["languages"]),
    )
    _check_cells(columns)
    return columns


def _text_of(cell: Any) -> str:
    # The table of the page is a data frame, in which empty cells may be NaN.
    is_nan = isinstance(cell, float) and math.isnan(cell)
    if cell is None or is_nan:
        return ""
    return str(cell)


def _filled_rows(rows: Sequence[Sequence[Any]], width: int) -> dict[int, list[str]]:
    """Return the rows that have text, by their number from 1."""
    numbered = {}
    for number, row in enumerate(rows, start=1):
        cells = [_text_of(cell) for cell in row]
        if len(cells) != width:
            raise InputError("Every row must have a cell per column.")
        # Numbers stay those of the table, so that a message names the row one sees.
        if any(map(str.strip, cells)):
            numbered[number] = cells
    if not numbered:
        raise InputError(
            "The table is empty: write a source and a rewrite into a row,"
            " or load the example."
        )
    if len(numbered) > MAX_ROWS:
        raise InputError(
            f"The table has {len(numbered):,} rows; at most {MAX_ROWS} are scored here."
        )
    return numbered


def _checked_systems(found: list[NamedColumn]) -> dict[str, list[str]]:
    systems = dict(found)
    # Of two columns of one name the dict has kept the last.
    if len(systems) != len(found):
        raise InputError("Two systems have the same name; rename one column.")
    if not systems:
        raise InputError(
            "There is no rewrite: give a column of rewrites beside “source”."
        )
    if len(systems) > MAX_SYSTEMS:
        raise InputError(
            f"There are {len(systems)} systems;"
            f" at most {MAX_SYSTEMS} are compared here."
        )
    return systems


def _only_column(found: list[NamedColumn]) -> list[str] | None:
    if not found:
        return None
    _, texts = found[0]
    return texts


def _merged_references(found: list[NamedColumn]) -> list[list[str]] | None:
    """Return the references of each row, without empty cells."""
    if not found:
        return None
    columns = [texts for _, texts in found]
    # A row may have fewer references than others.
    return [list(filter(str.strip, row)) for row in zip(*columns, strict=True)]


def _by_role(
    names: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, list[NamedColumn]]:
    """Return the columns that have text, by role."""
    by_role: dict[str, list[NamedColumn]] = {}
    for role in ("sources", "references", "languages", "systems"):
        by_role[role] = []
    for index, name in enumerate(names):
        texts = [row[index] for row in rows]
        # Blank columns do not count, as blank rows do not.
        if any(map(str.strip, texts)):
            shown = name or f"column {index + 1}"
            by_role[role_of(name)].append((shown, texts))
    for role in ("sources", "languages"):
        if len(by_role[role]) > 1:
            raise InputError(f"Two columns are named as the {role}; rename one.")
    return by_role


def _check_cells(columns: Columns) -> None:
    for index, number in enumerate(columns.rows):
        if columns.sources is not None:
            source = columns.sources[index]
            if not source.strip():
                raise InputError(f"Row {number} has no source.")
            check_text(source, f"The source of row {number}")
        if columns.references is not None:
            if not any(map(str.strip, columns.references[index])):
                raise InputError(f"Row {number} has no reference.")
            for text in columns.references[index]:
                check_text(text, f"A reference of row {number}")
        for name, texts in columns.systems.items():
            check_text(texts[index], f"The rewrite of row {number} by {name}")


def named_columns(found: Any, further: str) -> list[NamedColumn]:
    """Return the columns of a table, the source first.

    A row with fewer references than others gets empty cells.

    Args:
        found: `Columns`, or what `read_columns` read.
        further: what the names of the second reference and of those behind it begin
            with.
    """
    columns: list[NamedColumn] = []
    if found.sources is not None:
        columns.append(("source", list(found.sources)))
    if found.languages is not None:
        columns.append(("language", list(found.languages)))
    columns += [(name, list(texts)) for name, texts in found.systems.items()]
    references = zip_longest(*(found.references or []), fillvalue="")
    for number, texts in enumerate(references, start=1):
        name = "reference"
        if number > 1:
            name = f"{further}{number}"
        columns.append((name, list(texts)))
    return columns
