"""Read the systems, sources, references and languages of a comparison from files.

Files are matched by their `id` column where two or more have one, else by their source
column, else row by row. The formats of the shared tasks are known by their headers:
CLEF 2024 (`id`, `text`), CLEF 2025 (`toxic_sentence`, `neutral_sentence`, `lang`) and
RUSSE 2022 (`toxic_comment`, `neutral_comment1` to `neutral_comment3`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from .alignment import Keyed, row_orders
from .contents import (
    AlignedFile,
    Given,
    languages_of,
    named_systems,
    outputs_of,
    references_of,
    sources_of,
    unterminated_of,
)
from .formats import ReaderError
from .roles import ColumnNames, id_column, source_column
from .tables import STDIN, Table, read_table

__all__ = ["ColumnNames", "Inputs", "ReaderError", "check_named", "read_columns"]


@dataclass(frozen=True)
class Inputs:
    """Columns of equal length, in the order of the sources.

    Attributes:
        systems: the outputs of each system, by name.
        sources: the texts that were rewritten, or None.
        references: one list of references per segment, or None.
        languages: the language of each segment, or None.
        files: SHA-256 of each file, by its path as typed.
        unterminated: by system, the columns whose plain text file does not end in a
            newline, as `Scorer.score` takes them; systems without such a column are
            absent.
    """

    systems: dict[str, list[str]]
    sources: list[str] | None = None
    references: list[list[str]] | None = None
    languages: list[str] | None = None
    files: dict[str, str] = field(default_factory=dict)
    unterminated: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_columns(
    predictions: Sequence[str],
    *,
    sources: str | None = None,
    references: Sequence[str] = (),
    languages: str | None = None,
    names: ColumnNames | None = None,
    file_format: str = "auto",
    quoting: str = "auto",
) -> Inputs:
    """Read and check every file of a comparison.

    Args:
        predictions: at least one file: plain text of one system, or a table of any.
        sources: a file; when None, the tables' own source column, if any.
        references: files of one reference per row; when empty, the tables' own columns.
        languages: a file; when None, the tables' own language column.
        names: column names that are not the usual ones.
        file_format: as `read_table`.
        quoting: as `read_table`.

    Raises:
        ReaderError: a file cannot be read, has no column for its role, or does not
            match the others; it names the file, both counts and the first odd line.
    """
    if not predictions:
        raise ReaderError("`predictions` must name at least one file")
    names = names or ColumnNames()
    given: Given = {
        "sources": _optional(sources),
        "references": list(references),
        "predictions": list(predictions),
        "languages": _optional(languages),
    }
    tables = _read_tables(given, file_format, quoting)
    check_named(tables, names)
    keyed = [_keyed(table, names, _role(given, path)) for path, table in tables.items()]
    files: dict[str, AlignedFile] = {}
    for one, order in zip(keyed, row_orders(keyed), strict=True):
        files[one.table.path] = AlignedFile(one.table, names, order)
    systems = named_systems([files[path] for path in predictions])
    return Inputs(
        systems=outputs_of(systems),
        sources=sources_of(files, keyed),
        references=references_of(files, given),
        languages=languages_of(files, given),
        files={path: table.sha256 for path, table in tables.items()},
        unterminated=unterminated_of(systems, files, given),
    )


def _optional(path: str | None) -> list[str]:
    if not path:
        return []
    return [path]


def _read_tables(given: Given, file_format: str, quoting: str) -> dict[str, Table]:
    """Read each file once, whatever the number of its roles."""
    paths = list(chain.from_iterable(given.values()))
    times = paths.count(STDIN)
    if times > 1:
        raise ReaderError(
            f"{STDIN}: standard input can be read once; it was given {times} times"
        )
    # None where it was closed (`<&-`).
    if times and sys.stdin is None:
        raise ReaderError(f"{STDIN}: standard input is closed")
    # One file may hold sources, outputs and references.
    distinct = dict.fromkeys(paths)
    return {
        path: read_table(path, file_format=file_format, quoting=quoting)
        for path in distinct
    }


def check_named(tables: dict[str, Table], names: ColumnNames) -> None:
    """Raise a ReaderError if a column that the user names is in no file."""
    known: set[str] = set()
    for table in tables.values():
        known.update(table.columns)
    # Columns of predictions are looked for in their own files.
    for name in (names.source, names.language, names.id, *names.references):
        if name is not None and name not in known:
            paths = ", ".join(tables)
            raise ReaderError(f"{paths}: there is no column {name!r}")


def _role(given: Given, path: str) -> str:
    """Return the first role that a file was given for."""
    roles = [role for role, paths in given.items() if path in paths]
    return roles[0]


def _keyed(table: Table, names: ColumnNames, role: str) -> Keyed:
    """Find what the rows of a file can be matched by."""
    ids, sources = None, None
    id_name = id_column(table, names)
    if id_name is not None:
        ids = [_id(table, row, id_name) for row in range(len(table.lines))]
    column = source_column(table, names, role)
    if column is not None:
        sources = table.strings(column)
    return Keyed(table, role, ids, sources)


def _id(table: Table, row: int, column: str) -> str:
    value = table.columns[column][row]
    # JSON has ids that are numbers; they match the same digits in a CSV file.
    if not isinstance(value, (str, int)):
        raise ReaderError(
            f"{table.path}, line {table.lines[row]}: `{column}` must be a string; got"
            f" {value!r}"
        )
    return str(value)
