"""Find which column of a file plays which role, by given or usual names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .formats import ReaderError
from .tables import TEXT, Table

_SOURCE_NAMES = ("source", "sources", "toxic_sentence", "toxic_comment")
_LANGUAGE_NAMES = ("language", "languages", "lang")
_PREDICTION_NAMES = ("prediction", "predictions", "neutral_sentence")
_ID_NAME = "id"
# `reference`, `references`, `reference2`, `ref_1`, and RUSSE's three columns.
_REFERENCE_NAME = re.compile(r"(references?|refs?|neutral_comment)_?\d*")
# CLEF 2025's one column for outputs and for references: a reference in a file given as
# such.
_NEUTRAL = "neutral_sentence"
# Formats whose cells are all strings, numbers too.
_UNTYPED = ("csv", "tsv")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class ColumnNames:
    """Names of columns in files; what is not named is found by its usual names.

    Attributes:
        source: the texts that were rewritten.
        predictions: one column per system.
        references: one or more columns of references.
        language: the language of each row.
        id: what rows of different files are matched by.
    """

    source: str | None = None
    predictions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    language: str | None = None
    id: str | None = None


def source_column(table: Table, names: ColumnNames, role: str) -> str | None:
    """Return the column of source texts, or None.

    Raises:
        ReaderError: the file was given as sources (`role`) and has none.
    """
    if table.is_text and role == "sources":
        return TEXT
    if table.is_text:
        return None
    column = _found(table, names.source, _SOURCE_NAMES)
    if column is None and role == "sources":
        column = _only_text(table, names, "source", "--source-column")
    return column


def _found(table: Table, named: str | None, usual: Sequence[str]) -> str | None:
    """Return the column that the user named, or the first usual one, if it is there."""
    candidates = usual
    if named is not None:
        candidates = [named]
    # The first one that is there, so that a file with two of them is read alike each
    # time.
    for name in candidates:
        if name in table.columns:
            return name
    return None


def _only_text(table: Table, names: ColumnNames, what: str, option: str) -> str:
    """Return the column of a file that has one role: `text`, or its only one."""
    # CLEF 2024's files have `id` and `text`.
    if TEXT in table.columns:
        return TEXT
    others = [name for name in table.columns if not _is_id(name) and name != names.id]
    if len(others) == 1:
        return others[0]
    raise ReaderError(
        f"{table.path}: has no {what} column ({option}); its columns are"
        f" {_listed(table.columns)}"
    )


def prediction_columns(table: Table, names: ColumnNames) -> tuple[list[str], bool]:
    """Return the columns of outputs, and whether the file names the system.

    Raises:
        ReaderError: there is no such column.
    """
    if table.is_text:
        return [TEXT], True
    if names.predictions:
        for name in names.predictions:
            if name not in table.columns:
                raise ReaderError(
                    f"{table.path}: has no column `{name}`; its columns are"
                    f" {_listed(table.columns)}"
                )
        return list(names.predictions), len(names.predictions) == 1
    usual = _found(table, None, _PREDICTION_NAMES)
    # CLEF 2024: `text` beside an `id` is the output.
    if usual is None and TEXT in table.columns and id_column(table, names):
        usual = TEXT
    if usual is not None:
        return [usual], True
    taken = {
        _found(table, names.source, _SOURCE_NAMES),
        language_column(table, names),
        id_column(table, names),
        *reference_columns(table, names),
    }
    # Numbers and lists are no outputs.
    texts = [name for name in table.columns if _holds_texts(table, name)]
    rest = [name for name in texts if name not in taken]
    if not rest:
        raise ReaderError(
            f"{table.path}: has no column of outputs (--prediction-column); its columns"
            f" are {_listed(table.columns)}"
        )
    return rest, len(rest) == 1


def _holds_texts(table: Table, column: str) -> bool:
    """Return whether a column may hold outputs: strings that are not all numbers.

    A null among outputs is an error, which says so where the column is read.
    """
    cells = table.columns[column]
    first = next((cell for cell in cells if cell is not None), None)
    if first is not None and not isinstance(first, str):
        return False
    # The first row of a long table does not tell what the others hold.
    if table.format not in _UNTYPED or not table.is_whole:
        return True
    filled = [cell.strip() for cell in cells if cell.strip()]
    # A system may answer nothing, so blank cells alone are outputs.
    return not filled or not all(map(_NUMBER.fullmatch, filled))


def reference_columns(table: Table, names: ColumnNames) -> list[str]:
    """Return the columns that can only be references; empty if there are none."""
    if table.is_text:
        return []
    if names.references:
        return [name for name in names.references if name in table.columns]
    return [name for name in table.columns if _REFERENCE_NAME.fullmatch(name)]


def given_reference_columns(table: Table, names: ColumnNames) -> list[str]:
    """Return the reference columns of a file given as references.

    Raises:
        ReaderError: it has none.
    """
    if table.is_text:
        return [TEXT]
    columns = reference_columns(table, names)
    if columns:
        return columns
    if _NEUTRAL in table.columns:
        return [_NEUTRAL]
    return [_only_text(table, names, "reference", "--reference-column")]


def language_column(table: Table, names: ColumnNames) -> str | None:
    """Return the column of languages, or None."""
    if table.is_text:
        return None
    return _found(table, names.language, _LANGUAGE_NAMES)


def given_language_column(table: Table, names: ColumnNames) -> str:
    """Return the column of a file given as languages."""
    if table.is_text:
        return TEXT
    return language_column(table, names) or _only_text(
        table, names, "language", "--language-column"
    )


def id_column(table: Table, names: ColumnNames) -> str | None:
    """Return the column of ids, or None."""
    if table.is_text:
        return None
    column = _found(table, names.id, [_ID_NAME])
    spelled = list(filter(_is_id, table.columns))
    # Of `ID` and `Id` nothing says which is meant.
    if column is None and names.id is None and len(spelled) == 1:
        return spelled[0]
    return column


def _is_id(name: str) -> bool:
    return name.lower() == _ID_NAME


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
