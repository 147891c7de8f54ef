"""The shipped weight files: where they are found, how they are checked, how they are stored.

Each built-in model is one safetensors file: its tensors, and in the header's metadata its configuration and its
tokenizer. Two-dimensional tensors are stored as int8 with one scale a row, which loses at most 1/254 of a row's
largest weight.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

# Where the weights are published, and the tag they are pinned to. The digests below are written by `python -m
# training.release`.
HUB_SPACE = "toxicity-j/toxicity_j"
HUB_REVISION = "v0.3.0"
SHA256 = {
    "encoder.safetensors": "d7395ea5ac9d17811107e62290597f13294e896a9de12bef86b3c426413c78d9",
    "identifier.safetensors": "59bc5686df09f440c315c5c5009f089fc15d9b88df457f33330a2fb85ff964e9",
}

INT8_MAX = 127


def save_tensors(
    path: str | Path, state: dict[str, torch.Tensor], metadata: dict[str, str], *, int8: bool = True
) -> None:
    """Writes tensors and metadata to one safetensors file.

    Args:
        path: the file to write; replaced when it exists.
        state: name to floating-point tensor, any shape.
        metadata: what the header carries, text to text.
        int8: store each two-dimensional tensor as int8 rows, beside `<name>.scale` of shape (rows, 1); the rest stays
            float32.
    """
    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach().float().cpu().contiguous()
        if int8 and tensor.dim() == 2:
            scale = tensor.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / INT8_MAX
            tensors[name] = torch.round(tensor / scale).to(torch.int8)
            tensors[f"{name}.scale"] = scale
        else:
            tensors[name] = tensor
    save_file(tensors, str(path), metadata)


def load_tensors(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Reads what `save_tensors` wrote: float32 tensors by name, and the metadata.

    Raises:
        FileNotFoundError: `path` does not exist.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"`path` must be a safetensors file; there is none at {path}")
    with safe_open(str(path), framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a safe_open is no dict)
        metadata = file.metadata() or {}
    state = {}
    for name, tensor in stored.items():
        if tensor.dtype == torch.int8:
            state[name] = tensor.float() * stored[f"{name}.scale"]
        elif not name.endswith(".scale"):
            state[name] = tensor
    return state, metadata


def find_weights(name: str) -> Path:
    """Finds a shipped weight file: beside this module, in the folder given to `evaluate.load`, in the installed
    package, else on the Hub.

    A file counts only when its SHA-256 is the one this version was released with.

    Args:
        name: a key of `SHA256`.

    Raises:
        ValueError: `name` is no shipped file.
        OSError: no folder holds the file as released and the Hub did not give it; the message lists each place tried.
    """
    if name not in SHA256:
        raise ValueError(f"`name` must be one of {sorted(SHA256)}; got {name!r}")
    with _lock:
        if name not in _found:
            _found[name] = _find(name)
        return _found[name]


def remember_folder(folder: str | Path) -> None:
    """Adds a folder to those where `find_weights` looks: `evaluate.load` copies code alone, so the Metric says where
    it came from.
    """
    _folders[Path(folder).resolve()] = None


_lock = threading.Lock()
_folders: dict[Path, None] = {}
_found: dict[str, Path] = {}


def _find(name: str) -> Path:
    tried = []
    for folder in dict.fromkeys([Path(__file__).resolve().parent, *_folders, *_package_folders()]):
        path = folder / name
        if not path.is_file():
            tried.append(f"{path} (no such file)")
        elif _sha256(path) != SHA256[name]:
            tried.append(f"{path} (its SHA-256 is not this release's)")
        else:
            return path
    return _download(name, tried)


def _package_folders() -> list[Path]:
    """The folders of an installed (or importable) `toxicity_j` package, without importing it."""
    try:
        spec = importlib.util.find_spec("toxicity_j")
    except ValueError:  # a module of that name without a spec, such as a script run as __main__
        spec = None
    return [Path(folder).resolve() for folder in (spec.submodule_search_locations or [])] if spec else []


def _download(name: str, tried: list[str]) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        path = Path(hf_hub_download(HUB_SPACE, name, repo_type="space", revision=HUB_REVISION))
    except Exception as error:
        raise OSError(
            f"the built-in weights {name} were not found. Tried: {'; '.join(tried)}; "
            f"the Hub, {HUB_SPACE}@{HUB_REVISION} ({type(error).__name__}: {error}). "
            "Install the package (`pip install .`), "
            "or give `evaluate.load` the toxicity_j folder of a clone."
        ) from error
    if _sha256(path) != SHA256[name]:
        raise OSError(
            f"the built-in weights {name} from the Hub, {HUB_SPACE}@{HUB_REVISION}, are damaged: "
            "their SHA-256 is not this release's"
        )
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
