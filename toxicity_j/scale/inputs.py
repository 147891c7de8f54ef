"""Rows in: files and `datasets`, cut into units that are scored together.

How a file is read is in `files`; what a text may be is the scorer's affair.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import (
    READ_ROWS,
    READERS,
    Table,
    empty_table,
    is_readable,
    parquet_rows,
    require,
)

__all__ = ["Rows", "Table", "Unit"]

_SUFFIXES = ", ".join(READERS)


@dataclass(frozen=True)
class Unit:
    """Consecutive rows that are scored together.

    Attributes:
        start: number of the first row, from 0.
        columns: texts by the scorer's argument name.
        position: share of the input that has been read so far, in [0, 1], or None where
            it is not known.
    """

    start: int
    columns: Table
    position: float | None = None

    @property
    def stop(self) -> int:
        """Return the number of the row after the last."""
        return self.start + len(self.columns["predictions"])

    @property
    def name(self) -> str:
        """Return how messages name its rows."""
        return f"rows {self.start} to {self.stop - 1}"

    def rows(self, start: int, stop: int) -> Table:
        """Return the columns of rows `start` to `stop`, numbered as in the input."""
        rows = slice(start - self.start, stop - self.start)
        return {name: column[rows] for name, column in self.columns.items()}


class Rows:
    """An input whose rows can be read from the start, again and again.

    Args:
        data: a `datasets.Dataset` or `IterableDataset`; a path of a `.parquet`,
            `.jsonl`, `.ndjson`, `.csv`, `.tsv` or `.tab` file, or of a folder of them;
            or a list of paths.
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
        is_list = isinstance(data, (list, tuple)) and len(data) > 0
        if is_list or isinstance(data, (str, Path)):
            self._read = self._open_files(data)
        # By what it can do, because `datasets` need not be installed.
        elif hasattr(data, "iter") and hasattr(data, "select_columns"):
            self._read = self._open_dataset(data)
        else:
            raise TypeError(
                "`data` must be a Dataset, an IterableDataset or a path; got"
                f" {type(data).__name__}"
            )

    def units(self, size: int) -> Iterator[Unit]:
        """Yield units of `size` rows, the last one shorter.

        Raises:
            ValueError: a row cannot be read, or a column is missing.
        """
        start, held = 0, empty_table(self._columns)
        # Files come in pieces of other sizes, and end anywhere.
        for table in self._read():
            for name, column in self._columns.items():
                held[name].extend(table[column])
            while len(held["predictions"]) >= size:
                unit = {name: column[:size] for name, column in held.items()}
                yield Unit(start, unit, self._position)
                held = {name: column[size:] for name, column in held.items()}
                start += size
        if held["predictions"]:
            yield Unit(start, held, self._position)

    def _open_files(self, data: Any) -> Callable[[], Iterator[Table]]:
        paths = _paths(data)
        sizes = {path: path.stat().st_size for path in paths}
        files = [{"name": path.name, "bytes": sizes[path]} for path in paths]
        self.identity: dict[str, Any] = {"files": files}
        # Only parquet says how many rows it has before they are read.
        if {path.suffix.lower() for path in paths} == {".parquet"}:
            self.total = sum(map(parquet_rows, paths))
        # By bytes, because the number of rows is not known before all are read.
        everything = max(1, sum(sizes[path] for path in paths))
        wanted = list(self._columns.values())

        def read() -> Iterator[Table]:
            done = 0
            for path in paths:
                read_file = READERS[path.suffix.lower()]
                for table, offset in read_file(path, wanted):
                    self._position = (done + offset) / everything
                    yield table
                done += sizes[path]

        return read

    def _open_dataset(self, data: Any) -> Callable[[], Iterator[Table]]:
        self.total = getattr(data, "num_rows", None)
        self.identity = {"dataset": type(data).__name__, "rows": self.total}
        wanted = list(self._columns.values())
        if data.column_names is not None:
            require(wanted, data.column_names, "`data`")

        def read() -> Iterator[Table]:
            for table in data.select_columns(wanted).iter(batch_size=READ_ROWS):
                # A stream may not know its columns until it is read.
                require(wanted, table, "`data`")
                yield {name: list(table[name]) for name in wanted}

        return read


def _paths(data: Any) -> list[Path]:
    if isinstance(data, (str, Path)):
        data = [data]
    paths: list[Path] = []
    for item in data:
        path = Path(item).expanduser()
        if path.is_dir():
            paths += _inside(path)
        else:
            paths.append(path)
    for path in paths:
        _check_file(path)
    return paths


def _inside(folder: Path) -> list[Path]:
    """Return the files of a folder that can be read, by their names."""
    # Sorted, because a folder's own order differs from machine to machine.
    found = sorted(file for file in folder.iterdir() if is_readable(file))
    if not found:
        raise FileNotFoundError(
            f"`data` must hold files ending in {_SUFFIXES}; {folder} holds none"
        )
    return found


def _check_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"`data` must be an existing file; there is no {path}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"`data` must be a regular file; {path} is not one")
    if not is_readable(path):
        raise ValueError(f"`data` must end in {_SUFFIXES}; got {path}")
