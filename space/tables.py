"""The table of sentences: from uploads or pasted text to cells, and from cells to
checked columns.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from .limits import (
    MAX_FILE_BYTES,
    MAX_ROWS,
    MAX_SYSTEMS,
    InputError,
    check_files,
    check_text,
)

FILE_TYPES = [".txt", ".csv", ".tsv", ".jsonl", ".parquet"]

# What a column's or a file's name says of its role; every other name is a system's.
_SOURCE = re.compile(
    r"(sources?|src|inputs?|toxic|toxic_sentence|toxic_comment)", re.IGNORECASE
)
_REFERENCE = re.compile(
    r"(references?|refs?|human|neutral_comment)[ _-]?\d*", re.IGNORECASE
)
_LANGUAGE = re.compile(r"(languages?|langs?)", re.IGNORECASE)

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
    """Return "sources", "references", "languages" or "systems" for the name of a column
    or file.
    """
    name = name.strip()
    for role, pattern in (
        ("sources", _SOURCE),
        ("references", _REFERENCE),
        ("languages", _LANGUAGE),
    ):
        if pattern.fullmatch(name):
            return role
    return "systems"


def read_files(paths: Sequence[str | Path]) -> Table:
    """Read uploaded files into one table. A text file is named by its role:
    `sources.txt`, `references.txt`.

    Raises:
        InputError: the files are too many, too large, or cannot be read as columns that
            match.
    """
    from toxicity_j.compare.readers import ReaderError, read_columns

    check_files(paths)
    by_role: dict[str, list[str]] = {
        "sources": [],
        "references": [],
        "languages": [],
        "systems": [],
    }
    for path in paths:
        by_role[role_of(Path(path).stem)].append(str(path))
    sources, languages = by_role["sources"], by_role["languages"]
    if len(sources) > 1 or len(languages) > 1:
        raise InputError(
            "More than one file is named as the sources (or the languages)."
        )
    if not by_role["systems"]:
        # One table may hold everything, whatever its name is.
        by_role["systems"], sources = sources, []
    try:
        inputs = read_columns(
            by_role["systems"],
            sources=sources[0] if sources else None,
            references=by_role["references"],
            languages=languages[0] if languages else None,
        )
    except ReaderError as error:
        raise InputError(_without_folders(str(error), paths)) from error
    except (OSError, ImportError) as error:
        raise InputError(
            f"The upload could not be read ({type(error).__name__})."
        ) from error
    return _table(inputs)


def read_pasted(text: str) -> Table:
    """Read a pasted table: names of columns in the first line, then a row per line,
    split at tabs or commas.

    Raises:
        InputError: it is empty or too large, or not a table.
    """
    if not text.strip():
        raise InputError(
            "Paste a table first: column names in the first line, one of them “source”."
        )
    if len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        raise InputError("The pasted table has over 5 MB.")
    first = text.lstrip("\n").splitlines()[0]
    suffix = ".tsv" if "\t" in first else ".csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rewrite{suffix}"
        path.write_text(
            text.strip("\n") + "\n", encoding="utf-8", errors="surrogatepass"
        )
        return read_files([path])


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
    is_missing = cell is None or (isinstance(cell, float) and math.isnan(cell))
    return "" if is_missing else str(cell)


def _filled_rows(rows: Sequence[Sequence[Any]], width: int) -> dict[int, list[str]]:
    """Return the rows that have text, by their number from 1."""
    numbered = {}
    for number, row in enumerate(rows, start=1):
        cells = [_text_of(cell) for cell in row]
        if len(cells) != width:
            raise InputError("Every row must have a cell per column.")
        if any(cell.strip() for cell in cells):
            numbered[number] = cells
    if not numbered:
        raise InputError(
            "The table is empty: write a source and a rewrite into a row, or load the"
            " example."
        )
    if len(numbered) > MAX_ROWS:
        raise InputError(
            f"The table has {len(numbered):,} rows; at most {MAX_ROWS} are scored here."
        )
    return numbered


def _checked_systems(found: list[NamedColumn]) -> dict[str, list[str]]:
    systems = dict(found)
    if len(systems) != len(found):
        raise InputError("Two systems have the same name; rename one column.")
    if not systems:
        raise InputError(
            "There is no rewrite: give a column of rewrites beside “source”."
        )
    if len(systems) > MAX_SYSTEMS:
        raise InputError(
            f"There are {len(systems)} systems; at most {MAX_SYSTEMS} are compared"
            " here."
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
        if any(text.strip() for text in texts):
            by_role[role_of(name)].append((name or f"column {index + 1}", texts))
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
            for text in columns.references[index]:
                check_text(text, f"A reference of row {number}")
        for name, texts in columns.systems.items():
            check_text(texts[index], f"The rewrite of row {number} by {name}")


def _table(inputs: Any) -> Table:
    """Return what `read_columns` read as cells, the source first.

    Raises:
        InputError: there are too many rows or systems.
    """
    columns = named_columns(inputs, "reference ")
    if len(inputs.systems) > MAX_SYSTEMS:
        raise InputError(
            f"The upload has {len(inputs.systems)} systems; at most {MAX_SYSTEMS} are"
            " compared here."
        )
    rows = [list(row) for row in zip(*(texts for _, texts in columns), strict=True)]
    if len(rows) > MAX_ROWS:
        raise InputError(
            f"The upload has {len(rows):,} rows; at most {MAX_ROWS} are scored here."
        )
    return Table([name for name, _ in columns], rows)


def named_columns(found: Any, further: str) -> list[NamedColumn]:
    """Return the columns of a table, the source first; a row with fewer references gets
    empty cells.

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
    for index, texts in enumerate(zip_longest(*(found.references or []), fillvalue="")):
        name = f"{further}{index + 1}" if index else "reference"
        columns.append((name, list(texts)))
    return columns


def _without_folders(message: str, paths: Sequence[str | Path]) -> str:
    """Return a message without the server's folders: visitors know their files by
    name.
    """
    for path in paths:
        message = message.replace(f"{Path(path).parent}/", "")
    return message
