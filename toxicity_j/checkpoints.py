"""Model references and checkpoints: what a name means, and one error if loading fails.

Weights are read from safetensors files only, and no code of a model's authors is run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .checks import is_hub_id, is_revision, looks_like_folder
from .protocols import ENCODER, IDENTIFIER, WIETING

_BUILT_IN = (ENCODER, IDENTIFIER, WIETING)

# What of a model folder can move a score, in it or one folder below.
_SUFFIXES = {".safetensors", ".bin", ".pt", ".model", ".json", ".txt"}
_PICKLES = {".bin", ".pt", ".pth", ".pkl"}


@dataclass(frozen=True)
class ModelRef:
    """Which model is meant: a built-in name, else an existing folder, else a Hub id.

    Attributes:
        name: a built-in name, a Hub id, or the folder as the user wrote it.
        revision: a branch, tag or commit of a Hub model; "main" when none was given, ""
            for a folder.
        folder: the folder; None for any other.
    """

    name: str
    revision: str = "main"
    folder: Path | None = None

    @classmethod
    def parse(cls, model: str | ModelRef, argument: str) -> ModelRef:
        """Make a reference of what a user gave.

        Args:
            model: a built-in name, a Hub id, optionally `@revision`, or a folder.
            argument: where it was given, for messages.

        Raises:
            TypeError: it is not a string.
            ValueError: it is empty, a folder that does not exist, not the form of a
                Hub id, or a built-in name with a revision.
        """
        if isinstance(model, ModelRef):
            return model
        kinds = "a Hub id, an existing folder or a built-in name"
        if not isinstance(model, str):
            raise TypeError(f"`{argument}` must be a string: {kinds}; got {model!r}")
        if not model.strip() or "\0" in model:
            raise ValueError(f"`{argument}` must be {kinds}; got {model!r}")
        if model in _BUILT_IN:
            return cls(model)
        # os.path takes a name that the system refuses (too long, nobody's home) for one
        # that is not there; Path raises.
        folder = Path(os.path.expanduser(model))
        if os.path.isdir(folder):
            return cls(model, "", folder)
        if looks_like_folder(model):
            raise ValueError(
                f"`{argument}` must be {kinds}; there is no folder {model!r}"
            )
        name, at, revision = model.partition("@")
        if name in _BUILT_IN:
            raise ValueError(
                f"`{argument}` must name {name!r} without a revision, because it does"
                f" not come from the Hub; got {model!r}"
            )
        if not at:
            revision = "main"
        if not is_hub_id(name) or not is_revision(revision):
            raise ValueError(
                f"`{argument}` must be {kinds}, such as 'owner/name' or"
                f" 'owner/name@revision'; got {model!r}"
            )
        return cls(name, revision)

    @property
    def location(self) -> str:
        """What libraries load it by: the folder's path or the Hub id."""
        if self.folder is None:
            return self.name
        return str(self.folder)

    def __str__(self) -> str:
        """Return it as a user would write it."""
        if self.revision in ("", "main"):
            return self.name
        return f"{self.name}@{self.revision}"


def load_transformer(
    auto: Any,
    ref: ModelRef,
    role: str,
    argument: str,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> Any:
    """Load a transformers model for inference.

    Args:
        auto: one of transformers' Auto classes.
        ref: which model.
        role: what it is for, for messages.
        argument: the argument that replaces it, for messages.
        device: where it runs.
        dtype: of its weights.

    Raises:
        OSError: the model is missing, gated, out of reach or damaged.
        ValueError: the folder holds no safetensors weights, or they lack tensors.
    """
    require_safetensors(ref, argument)
    with load_errors(ref, role, argument):
        network, info = auto.from_pretrained(
            ref.location,
            revision=ref.revision or "main",
            dtype=dtype,
            local_files_only=must_be_cached(ref),
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    require_tensors(info["missing_keys"], ref, argument)
    return network.to(device).eval()


def require_tensors(missing: Collection[str], ref: ModelRef, argument: str) -> None:
    """Refuse weights in which tensors are missing: libraries would draw them at random.

    Raises:
        ValueError: some are; they are named.
    """
    if not missing:
        return
    names = sorted(missing)
    listed = ", ".join(names[:5])
    if len(names) > 5:
        listed += f" and {len(names) - 5} more"
    raise ValueError(
        f"`{argument}`: the weights of {str(ref)!r} lack {listed}; they are not those"
        " of a model for this task"
    )


def require_safetensors(ref: ModelRef, argument: str) -> None:
    """Refuse a folder without safetensors weights, or with irregular files.

    Raises:
        ValueError: it lacks them, or holds a pipe, a socket, a device or a broken link.
    """
    if ref.folder is None:
        return
    require_regular_files(ref.folder, argument)
    if any(ref.folder.glob("*.safetensors")):
        return
    has = "none"
    pickles = sorted(
        path.name for path in ref.folder.iterdir() if path.suffix in _PICKLES
    )
    if pickles:
        has = f"only {pickles[0]}, a pickle that could run code"
    raise ValueError(
        f"`{argument}`: the folder {ref.name!r} must hold *.safetensors weights; it has"
        f" {has}. Convert it, or use the protocol 'embedded', whose model comes with"
        " the package"
    )


def entries(folder: Path, pattern: str = "*") -> list[Path]:
    """Return what lies in a model's folder and in those of its parts."""
    return [*folder.glob(pattern), *folder.glob(f"*/{pattern}")]


def require_regular_files(folder: Path, argument: str) -> None:
    """Refuse a folder with entries that reading could hang on, such as named pipes.

    Raises:
        ValueError: there is one; it is named.
    """
    for path in entries(folder):
        if not path.is_file() and not path.is_dir():
            raise ValueError(f"`{argument}`: {path} must be a regular file or a folder")


@contextmanager
def load_errors(ref: ModelRef, role: str, argument: str) -> Iterator[None]:
    """Turn whatever a library raises over a model into one OSError."""
    try:
        yield
    except (ImportError, MemoryError, torch.OutOfMemoryError):
        raise
    # damaged files raise KeyError, RuntimeError, SafetensorError, JSONDecodeError ...
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise OSError(
            f"`{argument}`: the model {str(ref)!r}, for {role}, could not be loaded"
            f" ({reason}). Give a local folder that holds it as `{argument}`, or use"
            " the protocol 'embedded', whose model comes with the package"
        ) from error


def first_line(error: Exception) -> str:
    """Return the beginning of an error's message."""
    line, *_ = str(error).strip().splitlines() or [""]
    return line[:200]


def resolve_commit(ref: ModelRef, file: str = "config.json") -> str:
    """Return a Hub model's commit in the cache, else its revision; "" for a folder."""
    from huggingface_hub import try_to_load_from_cache

    if ref.folder is not None:
        return ""
    path = try_to_load_from_cache(ref.name, file, revision=ref.revision)
    if isinstance(path, str):
        return Path(path).parent.name  # .../snapshots/<commit>/config.json
    return ref.revision


def must_be_cached(ref: ModelRef) -> bool:
    """Return whether a model has to come from the cache, as the Hub does not answer.

    It is asked once. Libraries ask for each file anew, six times with pauses.

    Raises:
        OSError: the Hub does not answer, and the model is not in the cache.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    if ref.folder is not None:
        return False
    try:
        get_hf_file_metadata(hf_hub_url(ref.name, "config.json", revision=ref.revision))
    except HfHubHTTPError:
        return False  # it has answered
    except Exception as error:  # of whichever HTTP library there is
        if _is_cached(ref):
            return True
        raise OSError(
            "the Hub does not answer, and the model is not in the cache: run `hf"
            f" download {ref.name}` where there is a network, and copy the cache"
        ) from error
    return False


def _is_cached(ref: ModelRef) -> bool:
    """Return whether a file that every model or tokenizer has is in the cache."""
    from huggingface_hub import try_to_load_from_cache

    found = [
        try_to_load_from_cache(ref.name, file, revision=ref.revision)
        for file in ("config.json", "tokenizer_config.json", "tokenizer.json")
    ]
    return any(isinstance(path, str) for path in found)


def folder_digest(folder: Path) -> str:
    """Return eight hexadecimal digits of the SHA-256 of a model folder.

    The digest is the same wherever the folder lies.
    """
    paths = {}
    for path in entries(folder):
        if path.suffix in _SUFFIXES and path.is_file():
            name = path.relative_to(folder).as_posix()
            paths[name] = path
    digest = hashlib.sha256()
    for name in sorted(paths):
        digest.update(name.encode())
        with paths[name].open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()[:8]
