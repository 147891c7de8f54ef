"""The file of a built-in model: how it is written, and how a model is made from it.

Each is one safetensors file: the tensors, and in the header's metadata the
configuration and the tokenizer. Two-dimensional tensors may be stored as int8 with one
scale per row, which loses at most 1/254 of a row's largest weight.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from .builtin_weights import find_weights

Built = TypeVar("Built")

# The largest number that int8 holds with either sign.
INT8_MAX = 127


def save_tensors(
    path: str | Path,
    state: dict[str, torch.Tensor],
    metadata: dict[str, str],
    *,
    int8: bool = True,
) -> None:
    """Write tensors and metadata to one safetensors file, byte-equal for equal input.

    The file is complete or absent: it is written beside `path` and moved there. Its
    mode is 0644.

    Args:
        path: the file to write; replaced when it exists.
        state: name to floating-point tensor, any shape.
        metadata: what the header carries, text to text.
        int8: store each two-dimensional tensor as int8 rows, beside `<name>.scale` of
            shape (rows, 1); the rest stays float32.
    """
    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach().float().cpu().contiguous()
        if not int8 or tensor.dim() != 2:
            tensors[name] = tensor
            continue
        largest = tensor.abs().amax(dim=1, keepdim=True)
        scale = largest.clamp_min(1e-12) / INT8_MAX
        tensors[name] = torch.round(tensor / scale).to(torch.int8)
        tensors[f"{name}.scale"] = scale
    blob = save(tensors, metadata)
    _write_atomically(Path(path), _with_sorted_header(blob))


def load_tensors(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read what `save_tensors` wrote: float32 tensors by name, and the metadata.

    Raises:
        FileNotFoundError: `path` is not a regular file.
        ValueError: the file is damaged, or a tensor holds NaN or infinity.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"`path` must be a safetensors file; there is none at {path}"
        )
    try:
        with safe_open(str(path), framework="pt") as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is not a dict)
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(
            f"`path` must be a safetensors file; {path} is damaged ({error})"
        ) from error
    state = {}
    for name, tensor in stored.items():
        if tensor.dtype == torch.int8:
            if f"{name}.scale" not in stored:
                raise ValueError(
                    f"`path` must hold a scale for each int8 tensor; {path} lacks"
                    f" {name}.scale"
                )
            state[name] = tensor.float() * stored[f"{name}.scale"]
        elif not name.endswith(".scale"):
            state[name] = tensor
    broken = [
        name for name, tensor in state.items() if not torch.isfinite(tensor).all()
    ]
    if broken:
        names = ", ".join(broken)
        raise ValueError(
            f"`path` must hold finite weights; {path} has NaN or infinity in {names}"
        )
    return state, metadata


def load_model(
    path: str | Path | None,
    file: str,
    kind: str,
    build: Callable[[dict[str, torch.Tensor], dict[str, str]], Built],
) -> Built:
    """Make a model from the file that its `save_pretrained` wrote.

    Args:
        path: the file, or a folder that holds it; the shipped file when None.
        file: its name in a folder.
        kind: what the file must hold, for messages.
        build: makes the model of tensors and metadata.

    Raises:
        FileNotFoundError: `path` does not exist.
        OSError: the shipped weights were not found.
        TypeError: `path` is not a path.
        ValueError: the file is damaged, or does not hold such a model.
    """
    if path is None:
        path = find_weights(file)
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"`path` must be a path; got {path!r:.100}")
    path = Path(path)
    if path.is_dir():
        path = path / file
    state, metadata = load_tensors(path)
    if not {"config", "tokenizer"} <= metadata.keys():
        raise ValueError(
            f"`path` must be a file written by save_pretrained; got {path}"
        )
    try:
        # A network draws weights before it gets those of the file; the user's random
        # numbers stay as they are. Not on the meta device instead, whose first use
        # imports torch._dynamo for two seconds.
        with torch.random.fork_rng(devices=[]):
            return build(state, metadata)
    except Exception as error:  # tokenizers raises bare Exception
        raise ValueError(
            f"`path` must hold a whole {kind}; {path} does not ({error})"
        ) from error


def _with_sorted_header(blob: bytes) -> bytes:
    """Sort the header of a safetensors file."""
    # safetensors writes metadata in the order of a hash map, which differs by process.
    size = int.from_bytes(blob[:8], "little")
    end = 8 + size
    header = json.loads(blob[8:end])
    in_order = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    # The tensors behind the header are aligned to 8 bytes.
    padded = in_order + b" " * (-len(in_order) % 8)
    return len(padded).to_bytes(8, "little") + padded + blob[end:]


def _write_atomically(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
