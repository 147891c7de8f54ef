"""Shards: parquet files of scores that are either whole or absent, and the manifest that says what they hold.

A file is written under another name, flushed to the disk and renamed, so that a crash leaves no half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .inputs import Table

MANIFEST = "manifest.json"
SCORES = "scores.json"
FORMAT = 1
# Score columns, where computed; `row` comes before them and `language` after.
SCORE_COLUMNS = ("sta", "p_toxic", "nontoxic", "sim", "fl", "j")
_NAME = re.compile(r"scores-(\d{12})-(\d{12})\.parquet")
_METADATA = b"toxicity_j"


class ShardError(ValueError):
    """Shards or a manifest that do not belong to this run, or are damaged."""


@dataclass(frozen=True)
class Manifest:
    """What a folder of shards holds.

    Attributes:
        signature: of the scores, without what depends on the rows.
        input: identity of the input, see `Rows`.
        columns: the input's column by the scorer's argument name.
        window: rows per shard.
        rows: number of rows, once all are scored.
        format: version of this layout.
    """

    signature: str
    input: dict[str, Any]
    columns: dict[str, str]
    window: int
    rows: int | None = None
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        """Write the manifest into `folder`."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        write_atomically(folder / MANIFEST, lambda path: path.write_text(text, encoding="utf-8"))

    @classmethod
    def load(cls, folder: Path) -> Manifest | None:
        """Read the manifest of `folder`; None where there is none.

        Raises:
            ShardError: it cannot be read, or is of another format.
        """
        path = folder / MANIFEST
        if not path.exists():
            return None
        try:
            manifest = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ShardError(f"`out` holds a damaged manifest: {path} ({error})") from error
        if manifest.format != FORMAT:
            raise ShardError(f"`out` must be of format {FORMAT}; {path} is of format {manifest.format}")
        return manifest

    def check(self, expected: Manifest) -> None:
        """Compare with what this run would write.

        Raises:
            ShardError: they differ; both values are named.
        """
        for name in ("signature", "input", "columns", "window"):
            found, wanted = getattr(self, name), getattr(expected, name)
            if found != wanted:
                message = f"`out` holds scores with another {name}; there {found!r}, here {wanted!r}"
                raise ShardError(f"{message}. Choose another folder")


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
        """Return what was written beside the scores: `digest` of the texts, `signature`, `truncated`.

        Raises:
            ShardError: the file is damaged.
        """
        import pyarrow.parquet as parquet

        metadata = self._read(lambda: parquet.read_schema(self.path)).metadata or {}
        if _METADATA not in metadata:
            raise ShardError(f"`out` holds a file without the scores' description: {self.path}")
        info: dict[str, Any] = json.loads(metadata[_METADATA])
        return info

    def table(self, columns: list[str] | None = None) -> Any:
        """Return the rows as a `pyarrow.Table`.

        Raises:
            ShardError: the file is damaged or holds another number of rows.
        """
        import pyarrow.parquet as parquet

        table = self._read(lambda: parquet.ParquetFile(self.path).read(columns=columns))
        if table.num_rows != self.stop - self.start:
            raise ShardError(f"{self.path}: holds {table.num_rows} rows; its name says {self.stop - self.start}")
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
            raise ShardError(f"`out` holds a damaged shard: {self.path} ({error})") from error


def shard_path(folder: Path, start: int, stop: int) -> Path:
    """Return the file of rows `start` to `stop`."""
    return folder / f"scores-{start:012d}-{stop:012d}.parquet"


def list_shards(folder: str | Path) -> list[Shard]:
    """Return the shards in a folder by their rows.

    Raises:
        ShardError: two of them overlap.
    """
    matches = [(path, _NAME.fullmatch(path.name)) for path in Path(folder).iterdir()]
    shards = [Shard(path, int(match[1]), int(match[2])) for path, match in matches if match is not None]
    shards.sort(key=lambda shard: shard.start)
    for before, after in zip(shards, shards[1:], strict=False):
        if after.start < before.stop:
            raise ShardError(f"`out` holds shards of the same rows: {before.path.name} and {after.path.name}")
    return shards


def read_shards(out: str | Path) -> list[Shard]:
    """Return the shards of a finished run, which hold each row once.

    Raises:
        FileNotFoundError: there is no manifest.
        ShardError: the run has not finished, or a shard is missing.
    """
    folder = Path(out)
    manifest = Manifest.load(folder)
    if manifest is None:
        raise FileNotFoundError(f"`out` must be a folder of score_dataset; there is no {folder / MANIFEST}")
    if manifest.rows is None:
        raise ShardError(f"`out` is not finished: run score_dataset on {folder} again")
    shards = list_shards(folder)
    expected = 0
    for shard in shards:
        if shard.start != expected:
            break
        expected = shard.stop
    if expected != manifest.rows or shards[-1].stop != manifest.rows:
        raise ShardError(f"`out` must hold {manifest.rows} rows; the rows from {expected} on are missing or too many")
    return shards


def write_shard(
    folder: Path, start: int, scores: dict[str, np.ndarray], languages: list[str] | None, info: dict[str, Any]
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

    rows = len(scores["sta"])
    columns: dict[str, Any] = {"row": np.arange(start, start + rows), **scores}
    if languages is not None:
        columns["language"] = pyarrow.array(languages, pyarrow.string())
    table = pyarrow.table(columns).replace_schema_metadata({_METADATA: json.dumps(info)})
    path = shard_path(folder, start, start + rows)
    write_atomically(path, lambda temporary: parquet.write_table(table, temporary))
    return path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, flush it and rename it to `path`.

    Raises:
        OSError: the file cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OSError(error.errno, f"cannot write {path}: {error.strerror or error}") from error


def remove_temporary(folder: Path) -> None:
    """Delete what a killed run left half-written."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def text_digest(columns: Table) -> str:
    """Return a digest of the texts of consecutive rows, by which a changed input is noticed."""
    text = json.dumps(columns, sort_keys=True, default=repr)
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).hexdigest()


def slices(start: int, stop: int, window: int) -> Iterator[tuple[int, int]]:
    """Yield the rows of each shard between `start` and `stop`."""
    for first in range(start, stop, window):
        yield first, min(first + window, stop)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
