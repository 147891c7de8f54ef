"""Read systems, references and languages from files whose rows are matched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from .alignment import Keyed
from .formats import ReaderError, check_unicode
from .roles import (
    ColumnNames,
    given_language_column,
    given_reference_columns,
    language_column,
    prediction_columns,
    reference_columns,
)
from .tables import STDIN, Table

__all__ = [
    "AlignedFile",
    "Given",
    "languages_of",
    "named_systems",
    "outputs_of",
    "references_of",
    "sources_of",
    "unterminated_of",
]

Item = TypeVar("Item")
# Paths by the role that they were given for.
Given: TypeAlias = Mapping[str, list[str]]


@dataclass(frozen=True)
class AlignedFile:
    """A file whose rows match those of the others in `order`, which holds indices."""

    table: Table
    names: ColumnNames
    order: list[int]

    def strings(self, column: str) -> list[str]:
        """Return a column that must hold strings only, in the common order of rows."""
        cells = self.table.strings(column)
        return [cells[row] for row in self.order]


@dataclass(frozen=True)
class _System:
    """A column of outputs: its short and long name, and where it stands."""

    short: str
    long: str
    file: AlignedFile
    column: str


def named_systems(files: Sequence[AlignedFile]) -> dict[str, tuple[AlignedFile, str]]:
    """Name each system: by its file, or by its column where a file holds several."""
    found: list[_System] = []
    for file in files:
        found.extend(_systems_of_file(file))
    shorts = [system.short for system in found]
    systems: dict[str, tuple[AlignedFile, str]] = {}
    for system in found:
        name = system.short
        # The short name, as long as it says which system is meant.
        if shorts.count(name) > 1:
            name = system.long
        if name in systems:
            raise ReaderError(f"{name}: the system is given twice")
        systems[name] = (system.file, system.column)
    return systems


def _systems_of_file(file: AlignedFile) -> Iterator[_System]:
    path = file.table.path
    stem = Path(path).stem
    if path == STDIN:
        stem = "stdin"
    columns, by_file = prediction_columns(file.table, file.names)
    for column in columns:
        if by_file:
            yield _System(stem, path, file, column)
        else:
            yield _System(column, f"{stem}:{column}", file, column)


def outputs_of(systems: Mapping[str, tuple[AlignedFile, str]]) -> dict[str, list[str]]:
    """Return the outputs of each system, in the common order of rows."""
    outputs: dict[str, list[str]] = {}
    for name, (file, column) in systems.items():
        outputs[name] = file.strings(column)
    return outputs


def unterminated_of(
    systems: Mapping[str, tuple[AlignedFile, str]],
    files: Mapping[str, AlignedFile],
    given: Given,
) -> dict[str, tuple[str, ...]]:
    """Return, by system, the columns whose file does not end in a newline."""
    sources_end = all(files[path].table.terminated for path in given["sources"])
    found: dict[str, tuple[str, ...]] = {}
    for name, (file, _) in systems.items():
        lacking = []
        if not file.table.terminated:
            lacking.append("predictions")
        if not sources_end:
            lacking.append("sources")
        if lacking:
            found[name] = tuple(lacking)
    return found


def sources_of(
    files: Mapping[str, AlignedFile], keyed: Sequence[Keyed]
) -> list[str] | None:
    """Return each row's source; files that were matched by id may not differ in it."""
    found = []
    for one in keyed:
        if one.sources is not None:
            file = files[one.table.path]
            found.append((file, [one.sources[row] for row in file.order]))
    return _agreed(found, "sources")


def references_of(
    files: Mapping[str, AlignedFile], given: Given
) -> list[list[str]] | None:
    """Return each row's references: of files given for them, else of other tables."""
    if not given["references"]:
        return _own_references(files, given)
    parts = []
    for path in given["references"]:
        file = files[path]
        columns = given_reference_columns(file.table, file.names)
        parts.append(_merged(file, columns))
    # Each file has one reference or more for each row.
    return [list(chain.from_iterable(row)) for row in zip(*parts, strict=True)]


def _own_references(
    files: Mapping[str, AlignedFile], given: Given
) -> list[list[str]] | None:
    """Return the references that tables of sources and outputs hold by the way."""
    found: list[tuple[AlignedFile, list[list[str]]]] = []
    for path in (*given["sources"], *given["predictions"]):
        file = files[path]
        columns = reference_columns(file.table, file.names)
        if columns:
            found.append((file, _merged(file, columns)))
    return _agreed(found, "references")


def _merged(file: AlignedFile, columns: list[str]) -> list[list[str]]:
    """Return the references of each row, one or more from each column."""
    merged = []
    for row in file.order:
        place = f"{file.table.path}, line {file.table.lines[row]}"
        texts: list[str] = []
        for column in columns:
            texts += _reference_texts(file.table.columns[column][row], place)
        # A row with fewer references than others has empty cells (RUSSE 2022); a single
        # empty one is an empty reference.
        if len(columns) > 1:
            texts = [text for text in texts if text]
        if not texts:
            raise ReaderError(f"{place}: has no reference")
        merged.append(texts)
    return merged


def _reference_texts(cell: Any, place: str) -> list[str]:
    """Return the references of one cell, which may hold one or a list of them."""
    texts = [cell]
    if isinstance(cell, list):
        texts = cell
    for text in texts:
        if not isinstance(text, str):
            raise ReaderError(f"{place}: a reference must be a string; got {text!r}")
        check_unicode(text, f"{place}: a reference")
    return texts


def languages_of(files: Mapping[str, AlignedFile], given: Given) -> list[str] | None:
    """Return each row's language: of the file given for it, else of other tables."""
    if given["languages"]:
        file = files[given["languages"][0]]
        named = given_language_column(file.table, file.names)
        return list(map(str.strip, file.strings(named)))
    found = []
    for file in files.values():
        column = language_column(file.table, file.names)
        if column is not None:
            found.append((file, file.strings(column)))
    return _agreed(found, "languages")


def _agreed(
    found: Sequence[tuple[AlignedFile, list[Item]]], what: str
) -> list[Item] | None:
    """Return what the first file says, which no other may contradict."""
    if not found:
        return None
    (first, values), *others = found
    for file, other in others:
        for row, (ours, theirs) in enumerate(zip(values, other, strict=True)):
            # Two answers to one question: the user has to say which file is right.
            if ours != theirs:
                line = file.table.lines[file.order[row]]
                raise ReaderError(
                    f"{file.table.path}, line {line}: other {what} than in"
                    f" {first.table.path}"
                )
    return values
