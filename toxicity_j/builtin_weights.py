"""The shipped weight files: where they are found, how they are checked, how they are
stored.

Each built-in model is one safetensors file: its tensors, and in the header's metadata
its configuration and its tokenizer. Two-dimensional tensors are stored as int8 with one
scale per row, which loses at most 1/254 of a row's largest weight.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from .version import VERSION

if TYPE_CHECKING:
    import torch

# Where the weights are published, and the tag they are pinned to. The digests below are
# written by `python -m training.release`.
HUB_SPACE = "toxicity-j/toxicity_j"
HUB_REVISION = f"v{VERSION}"
SHA256 = {
    "encoder.safetensors": (
        "472ef88c710f3bff6cf5bc01f667acbe22de9fea282dd1285a02c0575d86222f"
    ),
    "identifier.safetensors": (
        "b3a08ddd671309e5f9df904c6119c4b7d823c9cd73c47510b90ed851d9337a0a"
    ),
}

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
    import torch
    from safetensors.torch import save

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
    import torch

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


@functools.cache
def find_weights(name: str) -> Path:
    """Find a shipped weight file.

    It is looked for beside this module, in the folder given to `evaluate.load`, in the
    installed package, and on the Hub. A file counts only when its SHA-256 is the one
    this version was released with.

    Args:
        name: a key of `SHA256`.

    Raises:
        ValueError: `name` is not a shipped file.
        OSError: no folder holds the file as released and the Hub did not give it; the
            message lists each place tried.
    """
    if name not in SHA256:
        raise ValueError(f"`name` must be one of {sorted(SHA256)}; got {name!r}")
    tried = []
    own = Path(__file__).resolve().parent
    for folder in dict.fromkeys([own, *_folders, *_package_folders()]):
        path = folder / name
        if not path.is_file():
            tried.append(f"{path} (no such file)")
        elif file_digest(path) != SHA256[name]:
            tried.append(f"{path} (its SHA-256 is not this release's)")
        else:
            return path
    return _download(name, tried)


def remember_folder(folder: str | Path) -> None:
    """Add a folder to those where `find_weights` looks, because `evaluate.load` copies
    code alone.
    """
    _folders[Path(folder).resolve()] = None


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_folders: dict[Path, None] = {}


def _with_sorted_header(blob: bytes) -> bytes:
    """Sort the header of a safetensors file: safetensors writes metadata in the order
    of a hash map.
    """
    size = int.from_bytes(blob[:8], "little")
    header, tensors = blob[8 : 8 + size], blob[8 + size :]
    in_order = json.dumps(json.loads(header), sort_keys=True, separators=(",", ":"))
    # The tensors behind the header are aligned to 8 bytes.
    padded = in_order.encode() + b" " * (-len(in_order.encode()) % 8)
    return len(padded).to_bytes(8, "little") + padded + tensors


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


def _package_folders() -> list[Path]:
    """Return the folders of an installed (or importable) `toxicity_j` package, without
    importing it.
    """
    try:
        spec = importlib.util.find_spec("toxicity_j")
    except (
        ValueError
    ):  # a module of that name without a spec, such as a script run as __main__
        spec = None
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(folder).resolve() for folder in spec.submodule_search_locations]


def _download(name: str, tried: list[str]) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        path = Path(
            hf_hub_download(HUB_SPACE, name, repo_type="space", revision=HUB_REVISION)
        )
    except Exception as error:
        places = "; ".join(tried)
        raise OSError(
            f"the built-in weights {name} were not found. Tried: {places}; "
            f"the Hub, {HUB_SPACE}@{HUB_REVISION} ({type(error).__name__}: {error}). "
            "Install the package (`pip install .`), "
            "or give `evaluate.load` the toxicity_j folder of a clone."
        ) from error
    if file_digest(path) != SHA256[name]:
        raise OSError(
            f"the built-in weights {name} from the Hub, {HUB_SPACE}@{HUB_REVISION}, are"
            " damaged: their SHA-256 is not this release's"
        )
    return path
