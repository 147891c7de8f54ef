"""The table of sentences: from uploads or pasted text to cells, and from cells to checked columns."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .limits import MAX_FILE_BYTES, MAX_ROWS, MAX_SYSTEMS, InputError, check_files, check_text

FILE_TYPES = [".txt", ".csv", ".tsv", ".jsonl", ".parquet"]

# What a column's or a file's name says of its role; every other name is a system's.
_SOURCE = re.compile(r"(sources?|src|inputs?|toxic|toxic_sentence|toxic_comment)", re.IGNORECASE)
_REFERENCE = re.compile(r"(references?|refs?|human|neutral_comment)[ _-]?\d*", re.IGNORECASE)
_LANGUAGE = re.compile(r"(languages?|langs?)", re.IGNORECASE)

EMPTY_HEADERS = ["source", "system A", "system B", "reference"]
EMPTY_ROWS = 8


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
    """Return "sources", "references", "languages" or "systems" for the name of a column or file."""
    name = name.strip()
    for role, pattern in (("sources", _SOURCE), ("references", _REFERENCE), ("languages", _LANGUAGE)):
        if pattern.fullmatch(name):
            return role
    return "systems"


def read_files(paths: Sequence[str | Path]) -> Table:
    """Read uploaded files into one table. A text file is named by its role: `sources.txt`, `references.txt`.

    Raises:
        InputError: the files are too many, too large, or cannot be read as columns that match.
    """
    from toxicity_j.compare.readers import ReaderError, read_columns

    check_files(paths)
    by_role: dict[str, list[str]] = {"sources": [], "references": [], "languages": [], "systems": []}
    for path in paths:
        by_role[role_of(Path(path).stem)].append(str(path))
    sources, languages = by_role["sources"], by_role["languages"]
    if len(sources) > 1 or len(languages) > 1:
        raise InputError("More than one file is named as the sources (or the languages).")
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
        raise InputError(f"The upload could not be read ({type(error).__name__}).") from error
    return _table(inputs)


def read_pasted(text: str) -> Table:
    """Read a pasted table: names of columns in the first line, then a row per line, split at tabs or commas.

    Raises:
        InputError: it is empty or too large, or not a table.
    """
    if not text.strip():
        raise InputError("Paste a table first: column names in the first line, one of them “source”.")
    if len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        raise InputError("The pasted table has over 5 MB.")
    first = text.lstrip("\n").splitlines()[0]
    suffix = ".tsv" if "\t" in first else ".csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rewrite{suffix}"
        path.write_text(text.strip("\n") + "\n", encoding="utf-8", errors="surrogatepass")
        return read_files([path])


def checked_columns(headers: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Columns:
    """Return the columns of a table; blank rows and blank columns are left out.

    Raises:
        InputError: there is no text, no system, or too much of something, or names repeat.
    """
    names = ["" if name is None else str(name).strip() for name in headers]
    cells = [["" if _missing(cell) else str(cell) for cell in row] for row in rows]
    if any(len(row) != len(names) for row in cells):
        raise InputError("Every row must have a cell per column.")
    numbered = [(number, row) for number, row in enumerate(cells, start=1) if any(cell.strip() for cell in row)]
    if not numbered:
        raise InputError("The table is empty: write a source and a rewrite into a row, or load the example.")
    if len(numbered) > MAX_ROWS:
        raise InputError(f"The table has {len(numbered):,} rows; at most {MAX_ROWS} are scored here.")
    by_role = _by_role(names, [row for _, row in numbered])
    systems = dict(by_role["systems"])
    if len(systems) != len(by_role["systems"]):
        raise InputError("Two systems have the same name; rename one column.")
    if not systems:
        raise InputError("There is no rewrite: give a column of rewrites beside “source”.")
    if len(systems) > MAX_SYSTEMS:
        raise InputError(f"There are {len(systems)} systems; at most {MAX_SYSTEMS} are compared here.")
    sources = by_role["sources"][0][1] if by_role["sources"] else None
    languages = by_role["languages"][0][1] if by_role["languages"] else None
    references = [texts for _, texts in by_role["references"]]
    merged = [[text for text in row if text.strip()] for row in zip(*references, strict=True)] if references else None
    columns = Columns([number for number, _ in numbered], systems, sources, merged, languages)
    _check_cells(columns)
    return columns


def _by_role(names: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[tuple[str, list[str]]]]:
    """Return the columns that have text, by role, as (name, cells)."""
    by_role: dict[str, list[tuple[str, list[str]]]] = {}
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
            if not columns.sources[index].strip():
                raise InputError(f"Row {number} has no source.")
            check_text(columns.sources[index], f"The source of row {number}")
        for text in columns.references[index] if columns.references else []:
            check_text(text, f"A reference of row {number}")
        for name, texts in columns.systems.items():
            check_text(texts[index], f"The rewrite of row {number} by {name}")


def _table(inputs: Any) -> Table:
    """Return what `read_columns` read as cells, the source first.

    Raises:
        InputError: there are too many rows or systems.
    """
    columns: list[tuple[str, list[str]]] = []
    if inputs.sources is not None:
        columns.append(("source", list(inputs.sources)))
    if inputs.languages is not None:
        columns.append(("language", list(inputs.languages)))
    columns += [(name, list(texts)) for name, texts in inputs.systems.items()]
    if inputs.references is not None:
        most = max(len(row) for row in inputs.references)
        for place in range(most):
            name = "reference" if place == 0 else f"reference {place + 1}"
            columns.append((name, [row[place] if place < len(row) else "" for row in inputs.references]))
    if len(inputs.systems) > MAX_SYSTEMS:
        raise InputError(f"The upload has {len(inputs.systems)} systems; at most {MAX_SYSTEMS} are compared here.")
    rows = [list(row) for row in zip(*(texts for _, texts in columns), strict=True)]
    if len(rows) > MAX_ROWS:
        raise InputError(f"The upload has {len(rows):,} rows; at most {MAX_ROWS} are scored here.")
    return Table([name for name, _ in columns], rows)


def _without_folders(message: str, paths: Sequence[str | Path]) -> str:
    """Return a message without the server's folders: visitors know their files by name."""
    for path in paths:
        message = message.replace(f"{Path(path).parent}/", "")
    return message


def _missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and cell != cell)
