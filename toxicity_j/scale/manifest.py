"""The manifest of a folder of shards, and how files there are written.

A file is written under another name, flushed to the disk and renamed, so that a crash
leaves no half of one.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "FORMAT",
    "MANIFEST",
    "Manifest",
    "ShardError",
    "remove_temporary",
    "write_atomically",
    "write_json",
]

MANIFEST = "manifest.json"
# Raised when the layout changes, so that an older run is refused instead of misread.
FORMAT = 1


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
        write_json(folder / MANIFEST, asdict(self))

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
            raise ShardError(
                f"`out` holds a damaged manifest: {path} ({error})"
            ) from error
        if manifest.format != FORMAT:
            raise ShardError(
                f"`out` must be of format {FORMAT}; {path} is of format"
                f" {manifest.format}"
            )
        return manifest

    def check(self, expected: Manifest) -> None:
        """Compare with what this run would write.

        Raises:
            ShardError: they differ; both values are named.
        """
        for name in ("signature", "input", "columns", "window"):
            found, wanted = getattr(self, name), getattr(expected, name)
            if found != wanted:
                raise ShardError(
                    f"`out` holds scores with another {name}; there {found!r}, here"
                    f" {wanted!r}. Choose another folder"
                )


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1)
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8"))


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, flush it and rename it to `path`.

    Raises:
        OSError: the file cannot be written; nothing is left behind.
    """
    # In the same folder, because a file is renamed whole only within a file system.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        _flush(temporary)
        os.replace(temporary, path)
        # The new name is an entry of the folder, which wants a flush too (fsync(2)).
        _flush(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OSError(
            error.errno, f"cannot write {path}: {error.strerror or error}"
        ) from error


def remove_temporary(folder: Path, *names: str) -> None:
    """Delete what a killed run left half-written of files whose names match one of
    these, with * and ?.
    """
    for name in names:
        for path in folder.glob(f".{name}.*.tmp"):
            path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
