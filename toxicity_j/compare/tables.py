"""Read one file of texts: plain text, CSV, TSV, JSON Lines or parquet.

UTF-8 only; nothing is repaired.

A byte order mark at the start is dropped, because it belongs to the encoding. Blank
lines of plain text are empty segments. A TSV file has no quoting, except in the shared
tasks' files (see `read_table`): a quotation mark is a character like any other, and
each line is a row.
"""

from __future__ import annotations

import hashlib
import io
import sys
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from .formats import (
    ROW_READERS,
    NumberedRows,
    ReaderError,
    check_distinct,
    check_unicode,
    first_parquet_row,
    parquet_columns,
    shown,
    text_lines,
)

# Cells by column name.
Cells: TypeAlias = dict[str, list[Any]]

STDIN = "-"
FORMATS = ("text", "csv", "tsv", "jsonl", "parquet")
# The one column of a plain text file.
TEXT = "text"

_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Table:
    """What one file holds.

    Attributes:
        path: as the user typed it, "-" for standard input.
        format: one of `FORMATS`.
        columns: cells by column name, of equal length; strings, or for JSON Lines and
            parquet any value.
        lines: the line on which each row begins, from 1; for parquet the number of the
            row.
        sha256: digest of the file's bytes.
        terminated: whether plain text ends in a newline, which some scripts score with
            the text; True for tables.
        is_whole: False where only the first row was read.
    """

    path: str
    format: str
    columns: Cells
    lines: list[int]
    sha256: str
    terminated: bool = True
    is_whole: bool = True

    @property
    def is_text(self) -> bool:
        """Return True for plain text, whose rows are lines."""
        return self.format == "text"

    def counted(self) -> str:
        """Return the number of rows in words: "36 lines" or "36 rows"."""
        unit = "row"
        if self.is_text:
            unit = "line"
        count = len(self.lines)
        if count == 1:
            return f"1 {unit}"
        return f"{count} {unit}s"

    def strings(self, column: str) -> list[str]:
        """Return a column that must hold strings only.

        Raises:
            ReaderError: a cell is missing, is not a string, or holds a lone surrogate;
                its line is named.
        """
        cells = self.columns[column]
        for line, cell in zip(self.lines, cells, strict=True):
            place = f"{self.path}, line {line}: `{column}`"
            if not isinstance(cell, str):
                raise ReaderError(f"{place} must be a string; got {shown(cell)}")
            check_unicode(cell, place)
        return list(cells)


def read_table(path: str, *, file_format: str = "auto", quoting: str = "auto") -> Table:
    """Read one file.

    Args:
        path: a file, or "-" for standard input.
        file_format: one of `FORMATS`; with "auto" the suffix decides, and anything
            unknown is plain text.
        quoting: of TSV files. "none" keeps quotation marks, "csv" undoes quotes; "auto"
            undoes them in the files of CLEF 2025 and RUSSE 2022, which their scripts
            read so, and keeps them in all others.

    Raises:
        ReaderError: the file is missing, empty, not UTF-8, or not of its format.
    """
    data = _read_bytes(path)
    # An empty file is a mistake more often than a corpus of no segments.
    if data in (b"", _BOM):
        raise ReaderError(f"{path}: the file is empty")
    kind = file_format
    if kind == "auto":
        kind = _format_of(path)
    sha256 = hashlib.sha256(data).hexdigest()
    if kind == "parquet":
        columns = parquet_columns(path, data)
        return _table(path, kind, columns, _numbers(columns), sha256)
    text = _decode(path, data)
    if kind == "text":
        lines_of_text: Cells = {TEXT: text_lines(text)}
        terminated = text.endswith(("\n", "\r"))
        return _table(
            path,
            kind,
            lines_of_text,
            _numbers(lines_of_text),
            sha256,
            terminated=terminated,
        )
    # Untranslated: a line break inside a CSV cell is a part of the text.
    with_ends = io.StringIO(text, newline="")
    rows = ROW_READERS[kind](path, with_ends, quoting)
    columns, lines = _rows_to_columns(path, rows)
    return _table(path, kind, columns, lines, sha256)


def read_header(path: str) -> Table:
    """Read the first row of a table of any length, to see its columns.

    Args:
        path: a file whose suffix is that of a table.

    Raises:
        ReaderError: the file is missing, has no rows, or is not such a table.
    """
    kind = _format_of(path)
    if kind == "parquet":
        return _first_row(path, kind, first_parquet_row(path), [1])
    try:
        with Path(path).expanduser().open(encoding="utf-8-sig", newline="") as file:
            # The header and one row, which in CSV may take more lines than two.
            rows = list(islice(ROW_READERS[kind](path, file, "auto"), 2))
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(f"{path}: cannot be read ({error})") from None
    if not rows:
        raise ReaderError(f"{path}: the file is empty")
    columns, lines = _rows_to_columns(path, iter(rows))
    return _first_row(path, kind, columns, lines)


def _first_row(path: str, kind: str, columns: Cells, lines: list[int]) -> Table:
    return replace(_table(path, kind, columns, lines, ""), is_whole=False)


def _table(
    path: str,
    kind: str,
    columns: Cells,
    lines: list[int],
    sha256: str,
    *,
    terminated: bool = True,
) -> Table:
    table = Table(path, kind, columns, lines, sha256, terminated)
    if not table.lines:
        raise ReaderError(f"{path}: the file has a header but no rows")
    return table


def _format_of(path: str) -> str:
    suffix = Path(path).suffix.lower()
    return _BY_SUFFIX.get(suffix, "text")


def _numbers(columns: Cells) -> list[int]:
    """Return the number of each row, from 1."""
    for cells in columns.values():
        return list(range(1, len(cells) + 1))
    return []


def _read_bytes(path: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(path).expanduser().read_bytes()
    except FileNotFoundError:
        raise ReaderError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ReaderError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # a NUL in the path
        raise ReaderError(f"{path!r}: is not a path ({error})") from None


def _decode(path: str, data: bytes) -> str:
    body = data.removeprefix(_BOM)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        found = f"got the byte 0x{body[error.start]:02x}"
        if data.startswith(_UTF16_BOMS):
            found += "; it looks like UTF-16"
        raise ReaderError(
            f"{path}, line {line}: the text must be UTF-8; {found}"
        ) from None


def _rows_to_columns(path: str, rows: NumberedRows) -> tuple[Cells, list[int]]:
    _, header = next(rows)
    check_distinct(header, f"{path}, line 1")
    columns: Cells = {name: [] for name in header}
    lines: list[int] = []
    for number, cells in rows:
        if len(cells) != len(header):
            expected = f"{len(header)} cells as in the header"
            raise ReaderError(
                f"{path}, line {number}: must have {expected}; got {len(cells)}"
            )
        for name, cell in zip(header, cells, strict=True):
            columns[name].append(cell)
        lines.append(number)
    return columns, lines
