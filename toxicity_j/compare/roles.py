"""Find which column of a file plays which role, by given or usual names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .formats import ReaderError
from .tables import TEXT, Table

_SOURCE_NAMES = ("source", "sources", "toxic_sentence", "toxic_comment")
_LANGUAGE_NAMES = ("language", "languages", "lang")
_PREDICTION_NAMES = ("prediction", "predictions", "neutral_sentence")
_ID_NAMES = ("id",)
# `reference`, `references`, `reference2`, `ref_1`, and RUSSE's three columns.
_REFERENCE_NAME = re.compile(r"(references?|refs?|neutral_comment)_?\d*")
# CLEF 2025's one column for outputs and for references: a reference in a file given as
# such.
_NEUTRAL = "neutral_sentence"


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
        column = _only_text(table, "source", "--source-column")
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


def _only_text(table: Table, what: str, option: str) -> str:
    """Return the column of a file that has one role: `text`, or its only one."""
    # CLEF 2024's files have `id` and `text`.
    if TEXT in table.columns:
        return TEXT
    others = [name for name in table.columns if name not in _ID_NAMES]
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
    strings = [name for name, cells in table.columns.items() if _holds_strings(cells)]
    rest = [name for name in strings if name not in taken]
    if not rest:
        raise ReaderError(
            f"{table.path}: has no column of outputs (--prediction-column); its columns"
            f" are {_listed(table.columns)}"
        )
    return rest, len(rest) == 1


def _holds_strings(cells: Sequence[Any]) -> bool:
    """Return whether the first cell that is no null is a string, or all are nulls.

    A null among outputs is an error, which says so where the column is read.
    """
    first = next((cell for cell in cells if cell is not None), None)
    return first is None or isinstance(first, str)


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
    return [_only_text(table, "reference", "--reference-column")]


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
        table, "language", "--language-column"
    )


def id_column(table: Table, names: ColumnNames) -> str | None:
    """Return the column of ids, or None."""
    if table.is_text:
        return None
    return _found(table, names.id, _ID_NAMES)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
