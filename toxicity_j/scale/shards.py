"""Shards: parquet files of scores, whole or absent, each named by its rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from .inputs import Table
from .manifest import MANIFEST, Manifest, ShardError, write_atomically

__all__ = [
    "SCORES",
    "SCORE_COLUMNS",
    "SHARDS",
    "Shard",
    "list_shards",
    "read_shards",
    "shard_path",
    "slices",
    "text_digest",
    "write_shard",
]

SCORES = "scores.json"
# Score columns, where computed; `row` comes before them and `language` after.
SCORE_COLUMNS = ("sta", "p_toxic", "nontoxic", "sim", "fl", "j")
# Names of shards, with * for what differs.
SHARDS = "scores-*.parquet"
# Twelve digits, so that names sort like numbers.
_NAME = re.compile(r"scores-(\d{12})-(\d{12})\.parquet")
# Key of the description in parquet's own metadata, where no second file can be lost.
_METADATA = b"toxicity_j"


@dataclass(frozen=True)
class Shard:
    """One file of scores.

    Attributes:
        path: the file.
        start: number of its first row.
        stop: number of the row after its last.
    """

    path: Path
    start: int
    stop: int

    def info(self) -> dict[str, Any]:
        """Return what is beside the scores: `digest`, `signature`, `truncated`.

        Raises:
            ShardError: the file is damaged.
        """
        import pyarrow.parquet as parquet

        schema = self._read(lambda: parquet.read_schema(self.path))
        metadata = schema.metadata or {}
        if _METADATA not in metadata:
            raise ShardError(
                f"`out` holds a file without the scores' description: {self.path}"
            )
        info: dict[str, Any] = json.loads(metadata[_METADATA])
        return info

    def table(self, columns: list[str] | None = None) -> Any:
        """Return the rows as a `pyarrow.Table`.

        Raises:
            ShardError: the file is damaged or holds another number of rows.
        """
        import pyarrow.parquet as parquet

        table = self._read(lambda: parquet.ParquetFile(self.path).read(columns=columns))
        rows = self.stop - self.start
        if table.num_rows != rows:
            raise ShardError(
                f"{self.path}: holds {table.num_rows} rows; its name says {rows}"
            )
        return table

    def column(self, name: str) -> np.ndarray:
        """Return one column of scores. *Shape:* (rows,), float64."""
        values: np.ndarray = self.table([name]).column(name).to_numpy()
        return values

    def _read(self, read: Callable[[], Any]) -> Any:
        import pyarrow

        try:
            return read()
        except (pyarrow.ArrowException, OSError, KeyError) as error:
            raise ShardError(
                f"`out` holds a damaged shard: {self.path} ({error})"
            ) from error


def shard_path(folder: Path, start: int, stop: int) -> Path:
    """Return the file of rows `start` to `stop`."""
    return folder / f"scores-{start:012d}-{stop:012d}.parquet"


def list_shards(folder: str | Path) -> list[Shard]:
    """Return the shards in a folder by their rows.

    Raises:
        ShardError: two of them overlap.
    """
    shards = []
    for path in Path(folder).iterdir():
        match = _NAME.fullmatch(path.name)
        if match is not None:
            start, stop = map(int, match.groups())
            shards.append(Shard(path, start, stop))
    shards.sort(key=attrgetter("start"))
    # Rows that stand in two shards would count twice.
    for before, after in pairwise(shards):
        if after.start < before.stop:
            raise ShardError(
                f"`out` holds shards of the same rows: {before.path.name} and"
                f" {after.path.name}"
            )
    return shards


def read_shards(out: str | Path) -> list[Shard]:
    """Return the shards of a finished run, which hold each row once.

    Raises:
        FileNotFoundError: there is no manifest.
        ShardError: the run has not finished, or a shard is missing.
    """
    folder = Path(out).expanduser()
    manifest = Manifest.load(folder)
    if manifest is None:
        raise FileNotFoundError(
            f"`out` must be a folder of score_dataset; there is no {folder / MANIFEST}"
        )
    if manifest.rows is None:
        raise ShardError(f"`out` is not finished: run score_dataset on {folder} again")
    shards = list_shards(folder)
    # The first gap, to name the row from which on a run has to be done again.
    expected = 0
    for shard in shards:
        if shard.start != expected:
            break
        expected = shard.stop
    if expected != manifest.rows or shards[-1].stop != manifest.rows:
        raise ShardError(
            f"`out` must hold {manifest.rows} rows; the rows from {expected} on are"
            " missing or too many"
        )
    return shards


def write_shard(
    folder: Path,
    start: int,
    scores: dict[str, np.ndarray],
    languages: list[str] | None,
    info: dict[str, Any],
) -> Path:
    """Write the scores of consecutive rows to one file, whole or not at all.

    Args:
        folder: where to.
        start: number of the first row.
        scores: float64 columns of equal length.
        languages: one per row, or None.
        info: `digest`, `signature` and `truncated`.

    Raises:
        OSError: the disk is full or the folder cannot be written; the file is named.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    stop = start + len(scores["sta"])
    columns: dict[str, Any] = {"row": np.arange(start, stop), **scores}
    if languages is not None:
        columns["language"] = pyarrow.array(languages, pyarrow.string())
    table = pyarrow.table(columns)
    table = table.replace_schema_metadata({_METADATA: json.dumps(info)})
    path = shard_path(folder, start, stop)
    write_atomically(path, lambda temporary: parquet.write_table(table, temporary))
    return path


def text_digest(columns: Table) -> str:
    """Return a digest of rows of texts, by which a changed input is noticed."""
    # JSON keeps cells apart, whatever they hold; `default` is for cells of other types,
    # which the scorer rejects by name.
    text = json.dumps(columns, sort_keys=True, default=repr)
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def slices(start: int, stop: int, window: int) -> Iterator[tuple[int, int]]:
    """Yield the rows of each shard between `start` and `stop`."""
    for first in range(start, stop, window):
        yield first, min(first + window, stop)
