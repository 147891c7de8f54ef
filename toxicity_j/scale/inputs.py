"""Rows in: parquet, JSON Lines, CSV and TSV files and `datasets`, read a few thousand rows at a time.

A row that cannot be read is an error that names its file and line. What a text may be is the scorer's affair.
"""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

# Rows of one column by name, equal lengths.
Table = dict[str, list[Any]]

# Rows read at once.
READ_ROWS = 4096
# Characters of one CSV cell; the csv module stops at 131,072 unless told.
CELL_LIMIT = 1 << 27


@dataclass(frozen=True)
class Unit:
    """Consecutive rows that are scored together.

    Attributes:
        start: number of the first row, from 0.
        columns: texts by the scorer's argument name.
        position: share of the input that has been read so far, in [0, 1], or None where it is not known.
    """

    start: int
    columns: Table
    position: float | None = None

    @property
    def stop(self) -> int:
        """Return the number of the row after the last."""
        return self.start + len(self.columns["predictions"])

    def rows(self, start: int, stop: int) -> Table:
        """Return the columns of rows `start` to `stop`, numbered as in the input."""
        return {name: column[start - self.start : stop - self.start] for name, column in self.columns.items()}


class Rows:
    """An input whose rows can be read from the start, again and again.

    Args:
        data: a `datasets.Dataset` or `IterableDataset`; a path of a `.parquet`, `.jsonl`, `.ndjson`, `.csv` or `.tsv`
            file, or of a folder of them; or a list of paths.
        columns: the input's column by the scorer's argument name.

    Attributes:
        identity: what the manifest says of the input, JSON-like.
        total: number of rows, or None where only reading tells.

    Raises:
        FileNotFoundError: a path does not exist, or a folder holds no such file.
        TypeError: `data` is something else.
        ValueError: a file's suffix is unknown, or it is no regular file.
    """

    def __init__(self, data: Any, columns: Mapping[str, str]):
        self._columns = dict(columns)
        self._position: float | None = None
        self.total: int | None = None
        if isinstance(data, (str, Path)) or (isinstance(data, (list, tuple)) and data):
            self._read = self._open_files(data)
        elif hasattr(data, "iter") and hasattr(data, "select_columns"):
            self._read = self._open_dataset(data)
        else:
            raise TypeError(f"`data` must be a Dataset, an IterableDataset or a path; got {type(data).__name__}")

    def units(self, size: int) -> Iterator[Unit]:
        """Yield units of `size` rows, the last one shorter.

        Raises:
            ValueError: a row cannot be read, or a column is missing.
        """
        start, held = 0, _empty(self._columns)
        for table in self._read():
            for name, column in self._columns.items():
                held[name].extend(table[column])
            while len(held["predictions"]) >= size:
                yield Unit(start, {name: column[:size] for name, column in held.items()}, self._position)
                held = {name: column[size:] for name, column in held.items()}
                start += size
        if held["predictions"]:
            yield Unit(start, held, self._position)

    def _open_files(self, data: Any) -> Callable[[], Iterator[Table]]:
        paths = _paths(data)
        sizes = [path.stat().st_size for path in paths]
        files = [{"name": path.name, "bytes": size} for path, size in zip(paths, sizes, strict=True)]
        self.identity: dict[str, Any] = {"files": files}
        if all(path.suffix == ".parquet" for path in paths):
            self.total = sum(_parquet_rows(path) for path in paths)

        def read() -> Iterator[Table]:
            done = 0
            for path, size in zip(paths, sizes, strict=True):
                for table, offset in _READERS[path.suffix](path, list(self._columns.values())):
                    self._position = (done + offset) / max(1, sum(sizes))
                    yield table
                done += size

        return read

    def _open_dataset(self, data: Any) -> Callable[[], Iterator[Table]]:
        self.total = data.num_rows if hasattr(data, "num_rows") else None
        self.identity = {"dataset": type(data).__name__, "rows": self.total}
        wanted = list(self._columns.values())
        if data.column_names is not None:
            _require(wanted, data.column_names, "`data`")

        def read() -> Iterator[Table]:
            for table in data.select_columns(wanted).iter(batch_size=READ_ROWS):
                _require(wanted, table, "`data`")
                yield {name: list(table[name]) for name in wanted}

        return read


def _paths(data: Any) -> list[Path]:
    given = [data] if isinstance(data, (str, Path)) else list(data)
    paths: list[Path] = []
    for item in given:
        path = Path(item).expanduser()
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix in _READERS)
            if not inside:
                raise FileNotFoundError(f"`data` must hold files ending in {', '.join(_READERS)}; {path} holds none")
            paths += inside
        else:
            paths.append(path)
    for path in paths:
        _check_file(path)
    return paths


def _check_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"`data` must be an existing file; there is no {path}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"`data` must be a regular file; {path} is not one")
    if path.suffix not in _READERS:
        raise ValueError(f"`data` must end in {', '.join(_READERS)}; got {path}")


def _parquet_rows(path: Path) -> int:
    return int(_open_parquet(path).metadata.num_rows)


def _open_parquet(path: Path) -> Any:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        return parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"`data` must be parquet files; {path} is not readable as one ({error})") from error


def _read_parquet(path: Path, columns: list[str]) -> Iterator[tuple[Table, int]]:
    import pyarrow

    file = _open_parquet(path)
    _require(columns, file.schema_arrow.names, str(path))
    size, total, read = path.stat().st_size, max(1, file.metadata.num_rows), 0
    try:
        for batch in file.iter_batches(batch_size=READ_ROWS, columns=columns):
            read += batch.num_rows
            yield {name: batch.column(name).to_pylist() for name in columns}, size * read // total
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path}: damaged after row {read} ({error})") from error


def _read_json_lines(path: Path, columns: list[str]) -> Iterator[tuple[Table, int]]:
    table = _empty(columns)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = _json_row(line, f"{path}:{number}")
            _require(columns, row, f"{path}:{number}")
            for name in columns:
                table[name].append(row[name])
            if len(table[columns[0]]) == READ_ROWS:
                yield table, file.tell()
                table = _empty(columns)
        yield table, file.tell()


def _json_row(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place}: not a line of JSON ({error})") from None
    if not isinstance(row, dict):
        raise ValueError(f"{place}: must be a JSON object; got {type(row).__name__}")
    return row


def _read_delimited(path: Path, columns: list[str], *, dialect: Mapping[str, Any]) -> Iterator[tuple[Table, int]]:
    with path.open("rb") as file:
        reader = csv.reader(_decoded(file, path), strict=True, **dialect)
        # Never lowered again: the limit is the process's, and another thread may be reading.
        csv.field_size_limit(max(CELL_LIMIT, csv.field_size_limit()))
        try:
            yield from _csv_tables(reader, path, columns, file)
        except csv.Error as error:
            raise ValueError(f"{path}:{reader.line_num}: {error}") from None


def _csv_tables(reader: Any, path: Path, columns: list[str], file: IO[bytes]) -> Iterator[tuple[Table, int]]:
    header: list[str] = next(reader, [])
    _require(columns, header, str(path))
    places = {name: header.index(name) for name in columns}
    table = _empty(columns)
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise ValueError(f"{path}:{reader.line_num}: {len(cells)} cells, the header has {len(header)}")
        for name, place in places.items():
            table[name].append(cells[place])
        if len(table[columns[0]]) == READ_ROWS:
            yield table, file.tell()
            table = _empty(columns)
    yield table, file.tell()


def _decoded(file: IO[bytes], path: Path) -> Iterator[str]:
    """Yield lines of UTF-8 text, with or without a byte order mark, ends of line kept."""
    number = 0
    try:
        for number, line in enumerate(file, 1):
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}:{number}: not UTF-8 ({error})") from None


def _empty(names: Any) -> Table:
    return {name: [] for name in names}


def _require(wanted: list[str], present: Any, place: str) -> None:
    for name in wanted:
        if name not in present:
            raise ValueError(f"{place}: there is no column {name!r}; columns: {', '.join(map(str, present))}")


# A `.tsv` holds quotes as they are: shared tasks write them unescaped.
_TSV: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
_READERS: dict[str, Callable[[Path, list[str]], Iterator[tuple[Table, int]]]] = {
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".csv": partial(_read_delimited, dialect={}),
    ".tsv": partial(_read_delimited, dialect=_TSV),
}
