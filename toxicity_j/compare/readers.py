"""Read the columns of a comparison from files: systems, sources, references and languages, checked and aligned.

Files are matched by their `id` column where both have one, else by their source column, else row by row. The formats of
the shared tasks are known by their headers: CLEF 2024 (`id`, `text`), CLEF 2025 (`toxic_sentence`, `neutral_sentence`,
`lang`) and RUSSE 2022 (`toxic_comment`, `neutral_comment1` to `neutral_comment3`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .alignment import Keyed, row_order
from .formats import ReaderError, check_unicode
from .roles import (
    ColumnNames,
    given_language_column,
    given_reference_columns,
    id_column,
    language_column,
    prediction_columns,
    reference_columns,
    source_column,
)
from .tables import STDIN, Table, read_table

__all__ = ["ColumnNames", "Inputs", "ReaderError", "read_columns"]


@dataclass(frozen=True)
class Inputs:
    """Columns of equal length, in the order of the sources.

    Attributes:
        systems: the outputs of each system, by name.
        sources: the texts that were rewritten, or None.
        references: one list of references per segment, or None.
        languages: the language of each segment, or None.
        files: SHA-256 of each file, by its path as typed.
        unterminated: by system, the columns whose plain text file does not end in a newline, as `Scorer.score` takes
            them; systems without such a column are absent.
    """

    systems: dict[str, list[str]]
    sources: list[str] | None = None
    references: list[list[str]] | None = None
    languages: list[str] | None = None
    files: dict[str, str] = field(default_factory=dict)
    unterminated: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """A file whose rows are known to match those of the others: `order` holds them as indices."""

    table: Table
    names: ColumnNames
    order: list[int]

    def strings(self, column: str) -> list[str]:
        cells = self.table.strings(column)
        return [cells[row] for row in self.order]


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
        predictions: at least one file: plain text with one system, or a table with one or more.
        sources: a file; without it, the tables' own source column, if they have one.
        references: files, one reference per row each; without them, the tables' own reference columns.
        languages: a file; without it, the tables' own language column.
        names: column names that are not the usual ones.
        file_format: as `read_table`.
        quoting: as `read_table`.

    Raises:
        ReaderError: a file cannot be read, has no column for its role, or does not match the others; one line that
            names the file, both counts and the first line where they part.
    """
    if not predictions:
        raise ReaderError("`predictions` must name at least one file")
    names = names or ColumnNames()
    given = {"sources": [sources] if sources else [], "references": list(references)}
    given |= {"predictions": list(predictions), "languages": [languages] if languages else []}
    paths = [path for role in given.values() for path in role]
    if paths.count(STDIN) > 1:
        raise ReaderError(f"{STDIN}: standard input can be read once; it was given {paths.count(STDIN)} times")
    options = {"file_format": file_format, "quoting": quoting}
    tables = {path: read_table(path, **options) for path in dict.fromkeys(paths)}
    _check_named(tables, names)
    keyed = {path: _keyed(table, names, _role(given, path)) for path, table in tables.items()}
    first = next((one for one in keyed.values() if one.sources is not None), keyed[paths[0]])
    files = {path: _File(tables[path], names, row_order(first, one)) for path, one in keyed.items()}
    systems = _systems([files[path] for path in predictions])
    unterminated = {name: _unterminated(file, files, given) for name, (file, _) in systems.items()}
    return Inputs(
        systems={name: file.strings(column) for name, (file, column) in systems.items()},
        sources=first.sources,
        references=_references(files, given),
        languages=_languages(files, given),
        files={path: table.sha256 for path, table in tables.items()},
        unterminated={name: columns for name, columns in unterminated.items() if columns},
    )


def _check_named(tables: dict[str, Table], names: ColumnNames) -> None:
    """Raise a ReaderError if a column that the user names is in no file."""
    for name in (names.source, names.language, names.id, *names.references):
        if name is not None and not any(name in table.columns for table in tables.values()):
            raise ReaderError(f"{', '.join(tables)}: there is no column {name!r}")


def _role(given: dict[str, list[str]], path: str) -> str:
    return next(role for role, paths in given.items() if path in paths)


def _keyed(table: Table, names: ColumnNames, role: str) -> Keyed:
    """Find what the rows of a file can be matched by."""
    id_name, column = id_column(table, names), source_column(table, names, role)
    ids = None if id_name is None else [_id(table, row, id_name) for row in range(len(table.lines))]
    sources = None if column is None else table.strings(column)
    return Keyed(table, role, ids, sources)


def _id(table: Table, row: int, column: str) -> str:
    value = table.columns[column][row]
    if not isinstance(value, (str, int)):
        raise ReaderError(f"{table.path}, line {table.lines[row]}: `{column}` must be a string; got {value!r}")
    return str(value)


def _systems(files: Sequence[_File]) -> dict[str, tuple[_File, str]]:
    """Name each system: by its file, or by its column where a file holds several."""
    found: list[tuple[str, str, _File, str]] = []
    for file in files:
        path = file.table.path
        stem = "stdin" if path == STDIN else Path(path).stem
        columns, by_file = prediction_columns(file.table, file.names)
        for column in columns:
            short, long = (stem, path) if by_file else (column, f"{stem}:{column}")
            found.append((short, long, file, column))
    shorts = [short for short, *_ in found]
    systems: dict[str, tuple[_File, str]] = {}
    for short, long, file, column in found:
        name = short if shorts.count(short) == 1 else long
        if name in systems:
            raise ReaderError(f"{name}: the system is given twice")
        systems[name] = (file, column)
    return systems


def _unterminated(system: _File, files: dict[str, _File], given: dict[str, list[str]]) -> tuple[str, ...]:
    """Return the columns of one system whose file does not end in a newline."""
    columns = {"predictions": [system], "sources": [files[path] for path in given["sources"]]}
    return tuple(role for role, used in columns.items() if not all(file.table.terminated for file in used))


def _references(files: dict[str, _File], given: dict[str, list[str]]) -> list[list[str]] | None:
    if not given["references"]:
        own = [files[path] for path in (*given["sources"], *given["predictions"]) if not files[path].table.is_text]
        columns = [(file, reference_columns(file.table, file.names)) for file in own]
        return _agreed([(file, _merged(file, found)) for file, found in columns if found], "references")
    parts = [
        _merged(file, given_reference_columns(file.table, file.names))
        for file in map(files.__getitem__, given["references"])
    ]
    return [[text for part in parts for text in part[row]] for row in range(len(parts[0]))]


def _merged(file: _File, columns: list[str]) -> list[list[str]]:
    """Return the references of each row; of several columns, empty cells are left out, as RUSSE's files have them."""
    merged = []
    for row in file.order:
        cells = [file.table.columns[column][row] for column in columns]
        texts = [text for cell in cells for text in (cell if isinstance(cell, list) else [cell])]
        place = f"{file.table.path}, line {file.table.lines[row]}"
        for text in texts:
            if not isinstance(text, str):
                raise ReaderError(f"{place}: a reference must be a string; got {text!r}")
            check_unicode(text, f"{place}: a reference")
        kept = [text for text in texts if text] if len(columns) > 1 else texts
        if not kept:
            raise ReaderError(f"{place}: has no reference")
        merged.append(kept)
    return merged


def _languages(files: dict[str, _File], given: dict[str, list[str]]) -> list[str] | None:
    if given["languages"]:
        file = files[given["languages"][0]]
        return [text.strip() for text in file.strings(given_language_column(file.table, file.names))]
    columns = [(file, language_column(file.table, file.names)) for file in files.values()]
    return _agreed([(file, file.strings(column)) for file, column in columns if column], "languages")


def _agreed(found: list[tuple[_File, list[Any]]], what: str) -> list[Any] | None:
    """Return what the first file says, which no other may contradict."""
    if not found:
        return None
    (first, values), *others = found
    for file, other in others:
        for row, (ours, theirs) in enumerate(zip(values, other, strict=True)):
            if ours != theirs:
                line = file.table.lines[file.order[row]]
                raise ReaderError(f"{file.table.path}, line {line}: other {what} than in {first.table.path}")
    return values
