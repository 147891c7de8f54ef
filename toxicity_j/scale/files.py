"""Files of rows by their suffix, read a few thousand rows at a time.

A row that cannot be read is an error that names its file and line.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

from ..compare.formats import (
    NumberedRows,
    check_distinct,
    check_keys,
    csv_cells,
    json_object,
    tsv_cells,
)

__all__ = [
    "READERS",
    "READ_ROWS",
    "Table",
    "empty_table",
    "is_readable",
    "parquet_rows",
    "require",
]

# Rows of one column by name, equal lengths.
Table: TypeAlias = dict[str, list[Any]]

# Some rows at a time, and how many bytes of the file were read by then.
Pieces: TypeAlias = Iterator[tuple[Table, int]]

# Rows read at once.
READ_ROWS = 4096


def parquet_rows(path: Path) -> int:
    """Return the number of rows of a parquet file."""
    return int(_open_parquet(path).metadata.num_rows)


def _open_parquet(path: Path) -> Any:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        return parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(
            f"`data` must be parquet files; {path} is not readable as one ({error})"
        ) from error


def _read_parquet(path: Path, columns: list[str]) -> Pieces:
    import pyarrow

    file = _open_parquet(path)
    check_distinct(file.schema_arrow.names, str(path))
    require(columns, file.schema_arrow.names, str(path))
    # Bytes are what other files report, so rows are turned into a share of them.
    size = path.stat().st_size
    total = max(1, file.metadata.num_rows)
    read = 0
    try:
        for batch in file.iter_batches(batch_size=READ_ROWS, columns=columns):
            read += batch.num_rows
            table = {name: batch.column(name).to_pylist() for name in columns}
            yield table, size * read // total
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path}: damaged after row {read} ({error})") from error


def _read_json_lines(path: Path, columns: list[str]) -> Pieces:
    table = empty_table(columns)
    header: dict[str, Any] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            place = f"{path}:{number}"
            # Line by line, so that an error can say which.
            row = json_object(line, place)
            if number == 1:
                header = row
                require(columns, header, place)
            check_keys(row.keys(), header.keys(), place)
            for name in columns:
                table[name].append(row[name])
            if len(table[columns[0]]) == READ_ROWS:
                yield table, file.tell()
                table = empty_table(columns)
        yield table, file.tell()


def _read_csv(path: Path, columns: list[str]) -> Pieces:
    with path.open("rb") as file:
        rows = csv_cells(str(path), _decoded(file, path))
        yield from _tables(rows, path, columns, file)


def _read_tsv(path: Path, columns: list[str]) -> Pieces:
    with path.open("rb") as file:
        rows = tsv_cells(str(path), _decoded(file, path))
        yield from _tables(rows, path, columns, file)


def _tables(
    rows: NumberedRows, path: Path, columns: list[str], file: IO[bytes]
) -> Pieces:
    """Collect rows of cells, of which the first is the header."""
    no_row: tuple[int, list[str]] = (0, [])
    _, header = next(rows, no_row)
    check_distinct(header, str(path))
    require(columns, header, str(path))
    places = {name: header.index(name) for name in columns}
    table = empty_table(columns)
    for number, cells in rows:
        if len(cells) != len(header):
            raise ValueError(
                f"{path}:{number}: {len(cells)} cells, the header has {len(header)}"
            )
        for name, place in places.items():
            table[name].append(cells[place])
        if len(table[columns[0]]) == READ_ROWS:
            yield table, file.tell()
            table = empty_table(columns)
    yield table, file.tell()


def _decoded(file: IO[bytes], path: Path) -> Iterator[str]:
    """Yield lines of UTF-8 text with their ends; a byte order mark is dropped."""
    number = 0
    try:
        for number, line in enumerate(file, 1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            text = line.decode("utf-8")
            # A file is cut at LF; CR ends a line as well. The ends are left as they
            # are, because a CSV cell may hold one.
            yield from io.StringIO(text, newline="")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}:{number}: not UTF-8 ({error})") from None


def empty_table(names: Iterable[str]) -> Table:
    """Return columns without rows."""
    return {name: [] for name in names}


def require(wanted: list[str], present: Any, place: str) -> None:
    """Check that every wanted column is there.

    Raises:
        ValueError: one is not; it is named.
    """
    for name in wanted:
        if name not in present:
            columns = ", ".join(map(str, present))
            raise ValueError(
                f"{place}: there is no column {name!r}; columns: {columns}"
            )


READERS: dict[str, Callable[[Path, list[str]], Pieces]] = {
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".tab": _read_tsv,
}


def is_readable(path: Path) -> bool:
    """Return whether a file's suffix, in any case, is known."""
    return path.suffix.lower() in READERS
