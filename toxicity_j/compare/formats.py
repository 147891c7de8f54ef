"""Turn the content of one file into rows: CSV, TSV, JSON Lines, parquet, text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, KeysView, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

# The line on which each row begins, and its cells.
NumberedRows: TypeAlias = Iterator[tuple[int, Any]]

# Headers of the shared tasks' TSV files, which their scripts read with
# pandas.read_csv(sep="\t"): it undoes quotes. pan-webis-de/pan-code:
# clef25/text-detoxification/evaluation/utils.py; s-nlp/russe_detox_2022: evaluation/.
_READ_BY_PANDAS = ("toxic_sentence", "toxic_comment")


# Characters of one cell; the csv module stops at 131,072 unless told.
CELL_LIMIT = 1 << 27


class ReaderError(ValueError):
    """A file cannot be read as columns of texts; one line says which and why."""


def text_lines(text: str) -> list[str]:
    """Split text into lines at LF, CRLF and CR, as Python's text mode does.

    U+2028, form feeds and the like stay inside their line.
    """
    # str.splitlines would also cut at U+2028 and at form feeds, which texts hold.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1]:
        return lines
    return lines[:-1]


def check_unicode(text: str, place: str) -> None:
    """Raise a ReaderError if a text holds a lone surrogate."""
    if text.isascii():
        return
    try:
        # What no file can hold, no tokenizer reads.
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ReaderError(
            f"{place} has a lone surrogate at character {error.start}"
        ) from None


def check_distinct(header: Sequence[str], place: str) -> None:
    """Raise a ReaderError if two columns have one name."""
    # Only the last of them would be kept.
    for name in header:
        count = header.count(name)
        if count > 1:
            raise ReaderError(f"{place}: the column `{name}` stands {count} times")


def _allow_long_cells() -> None:
    # Never lowered again: the limit is the process's, and another thread may be
    # reading.
    limit = csv.field_size_limit()
    csv.field_size_limit(max(CELL_LIMIT, limit))


def csv_cells(path: str, lines: Iterable[str]) -> NumberedRows:
    """Yield the first line and the cells of each row; the first row is the header.

    Args:
        path: the file's name, for messages.
        lines: with their ends, of whatever kind.

    Raises:
        ReaderError: a row is not CSV.
    """
    _allow_long_cells()
    reader = csv.reader(lines, strict=True)
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise ReaderError(f"{path}, line {start}: not CSV ({error})") from None


def _csv_rows(path: str, lines: Iterable[str], quoting: str) -> NumberedRows:
    return csv_cells(path, lines)


def _without_ends(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line.rstrip("\r\n")


def tsv_cells(path: str, lines: Iterable[str], quoting: str = "auto") -> NumberedRows:
    """Yield the number and the cells of each line, of which the first is the header.

    Args:
        path: the file's name, for messages.
        lines: with their ends, of whatever kind.
        quoting: "csv" undoes quotes, "none" does not; with "auto" the header decides.

    Raises:
        ReaderError: a quote does not close on its line.
    """
    _allow_long_cells()
    has_quotes = quoting == "csv"
    for number, line in enumerate(_without_ends(lines), start=1):
        if number == 1 and quoting == "auto":
            header = [name.strip('"') for name in line.split("\t")]
            has_quotes = any(name in header for name in _READ_BY_PANDAS)
        if has_quotes:
            yield number, _unquoted(path, number, line)
        else:
            yield number, line.split("\t")


def _unquoted(path: str, number: int, line: str) -> list[str]:
    """Split one TSV line and undo its quotes, as pandas does."""
    # With its newline: a quote that stays open takes it into the last cell.
    reader = csv.reader([line + "\n"], delimiter="\t")
    try:
        cells = next(reader)
    except csv.Error as error:
        raise ReaderError(f"{path}, line {number}: not TSV ({error})") from None
    if cells and cells[-1].endswith("\n"):
        raise ReaderError(
            f'{path}, line {number}: a cell opens a quote (") that does not close on'
            " its line"
        )
    return cells or [""]


def json_object(line: str | bytes, place: str) -> dict[str, Any]:
    """Read one line of JSON Lines.

    Args:
        line: one line.
        place: the file and the line's number, for messages.

    Raises:
        ReaderError: the line is blank, is not JSON or no object, or an object has two
            values for one key.
    """

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) == len(pairs):
            return row
        # Of two values only the last would be kept.
        keys = [key for key, _ in pairs]
        key = next(key for key in keys if keys.count(key) > 1)
        raise ReaderError(f"{place}: the key `{key}` stands {keys.count(key)} times")

    if not line.strip():
        raise ReaderError(f"{place}: not JSON (the line is blank)")
    try:
        row = json.loads(line, object_pairs_hook=distinct)
    except ReaderError:
        raise
    except (ValueError, RecursionError) as error:
        raise ReaderError(f"{place}: not JSON ({error})") from None
    if not isinstance(row, dict):
        raise ReaderError(f"{place}: must be a JSON object; got {shown(row)}")
    return row


def check_keys(keys: KeysView[str], header: KeysView[str], place: str) -> None:
    """Raise a ReaderError if an object has other keys than that of line 1."""
    for name in header:
        if name not in keys:
            raise ReaderError(f"{place}: `{name}` is missing; line 1 has it")
    # Columns are found by line 1: the texts of another one would be lost.
    for name in keys:
        if name not in header:
            raise ReaderError(f"{place}: `{name}` is missing in line 1")


def _jsonl_rows(path: str, lines: Iterable[str], quoting: str) -> NumberedRows:
    """Yield line 1's keys, then the line and the values of each object."""
    header: dict[str, Any] = {}
    for number, line in enumerate(_without_ends(lines), start=1):
        place = f"{path}, line {number}"
        row = json_object(line, place)
        if number == 1:
            header = row
            yield number, list(header)
        check_keys(row.keys(), header.keys(), place)
        yield number, [row[name] for name in header]


# From a path, lines with their ends, and the quoting of TSV.
ROW_READERS: dict[str, Callable[[str, Iterable[str], str], NumberedRows]] = {
    "csv": _csv_rows,
    "tsv": tsv_cells,
    "jsonl": _jsonl_rows,
}


def parquet_columns(path: str, data: bytes) -> dict[str, list[Any]]:
    """Return the columns of a parquet file.

    Raises:
        ReaderError: pyarrow is not installed, the bytes are not parquet, or two columns
            have one name.
    """
    with _parquet_errors(path):
        from pyarrow import parquet

        file = parquet.ParquetFile(io.BytesIO(data))
        check_distinct(file.schema_arrow.names, path)
        columns: dict[str, list[Any]] = file.read().to_pydict()
    return columns


def first_parquet_row(path: str) -> dict[str, list[Any]]:
    """Return the first row of a parquet file of any length.

    Raises:
        ReaderError: as `parquet_columns`.
    """
    with _parquet_errors(path):
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            check_distinct(names, path)
            batch = next(file.iter_batches(batch_size=1), None)
    if batch is None:
        return {name: [] for name in names}
    columns: dict[str, list[Any]] = batch.to_pydict()
    return columns


@contextmanager
def _parquet_errors(path: str) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise ReaderError(
            f"{path}: parquet files need pyarrow (pip install pyarrow)"
        ) from None
    except ReaderError:
        raise
    except (ValueError, OSError) as error:  # Arrow's errors are ValueErrors or OSErrors
        reason = " ".join(str(error).split())
        raise ReaderError(f"{path}: not parquet ({reason})") from None


def shown(value: object) -> str:
    """Return a value for a message, shortened."""
    if value is None:
        return "null"
    shown = repr(value)
    if len(shown) <= 40:
        return shown
    return shown[:37] + "..."
