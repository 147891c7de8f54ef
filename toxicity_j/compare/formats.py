"""Turn the content of one file into rows: CSV, TSV, JSON Lines, parquet, text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

# The line on which each row begins, and its cells.
NumberedRows: TypeAlias = Iterator[tuple[int, Any]]

# Headers of the shared tasks' TSV files, which their scripts read with
# pandas.read_csv(sep="\t"): it undoes quotes. pan-webis-de/pan-code:
# clef25/text-detoxification/evaluation/utils.py; s-nlp/russe_detox_2022: evaluation/.
_READ_BY_PANDAS = ("toxic_sentence", "toxic_comment")


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


def csv_rows(path: str, text: str, quoting: str) -> NumberedRows:
    """Yield the first line and the cells of each row; the first row is the header."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise ReaderError(f"{path}, line {start}: not CSV ({error})") from None


def tsv_rows(path: str, text: str, quoting: str) -> NumberedRows:
    """Yield the line and the cells of each row; the first row is the header."""
    return tsv_cells(path, text_lines(text), quoting)


def tsv_cells(path: str, lines: Iterable[str], quoting: str = "auto") -> NumberedRows:
    """Yield the number and the cells of each line, of which the first is the header.

    Raises:
        ReaderError: a quote does not close on its line.
    """
    has_quotes = quoting == "csv"
    for number, line in enumerate(lines, start=1):
        if number == 1 and quoting == "auto":
            header = line.split("\t")
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


def jsonl_rows(path: str, text: str, quoting: str) -> NumberedRows:
    """Yield line 1's keys, then the line and the values of each object."""
    header: list[str] = []
    for number, line in enumerate(text_lines(text), start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            reason = str(error)
            if not line.strip():
                reason = "the line is blank"
            raise ReaderError(f"{path}, line {number}: not JSON ({reason})") from None
        if not isinstance(row, dict):
            raise ReaderError(
                f"{path}, line {number}: must be a JSON object; got {shown(row)}"
            )
        if number == 1:
            header = list(row)
            yield number, header
        for name in header:
            if name not in row:
                raise ReaderError(
                    f"{path}, line {number}: `{name}` is missing; line 1 has it"
                )
        yield number, [row[name] for name in header]


ROW_READERS: dict[str, Callable[[str, str, str], NumberedRows]] = {
    "csv": csv_rows,
    "tsv": tsv_rows,
    "jsonl": jsonl_rows,
}


def parquet_columns(path: str, data: bytes) -> dict[str, list[Any]]:
    """Return the columns of a parquet file.

    Raises:
        ReaderError: pyarrow is not installed, or the bytes are not parquet.
    """
    with _parquet_errors(path):
        from pyarrow import parquet

        columns: dict[str, list[Any]] = parquet.read_table(io.BytesIO(data)).to_pydict()
    return columns


def first_parquet_row(path: str) -> dict[str, list[Any]]:
    """Return the first row of a parquet file of any length.

    Raises:
        ReaderError: as `parquet_columns`.
    """
    with _parquet_errors(path):
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            batch = next(file.iter_batches(batch_size=1), None)
            names = file.schema_arrow.names
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
