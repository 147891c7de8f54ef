"""Checkpoints that a kill cannot tear."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, **parts: Any) -> None:
    """Write the parts to `path`; a kill at any moment leaves the checkpoint before, or
    this one, whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        torch.save(parts, file)
        file.flush()
        # Or a power cut could leave the new name on an empty file.
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_checkpoint(path: Path, *names: str) -> dict[str, Any]:
    """Read a checkpoint.

    Args:
        path: the file.
        names: parts that it must hold.

    Raises:
        ValueError: The file is damaged or lacks a part.
    """
    try:
        # Weights only, because a pickle could run any code.
        parts = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"`path` must be a whole checkpoint; {path} is damaged ({error})"
        ) from error
    held = parts if isinstance(parts, dict) else ()
    missing = set(names).difference(held)
    if missing:
        raise ValueError(
            f"`path` must be a checkpoint with {sorted(names)}; {path} lacks"
            f" {sorted(missing)}"
        )
    return parts
