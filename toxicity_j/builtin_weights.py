"""The shipped weight files: where they are found, and how they are checked.

What is in them: `builtin_files`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path

from .version import VERSION

# Where the weights are published, and the tag they are pinned to. The digests below are
# written by `python -m training.release`.
HUB_SPACE = "toxicity-j/toxicity_j"
HUB_REVISION = f"v{VERSION}"
SHA256 = {
    "encoder.safetensors": (
        "161a83e78bf11b8bf4e65a69142444c512254b1f0bdab0a0d7ebedd91250ca79"
    ),
    "identifier.safetensors": (
        "6c77e2cddc97c5c3e72c95969116abb2332e3d272327ff7c05f246e94c9f2f0b"
    ),
}


def name_with_digest(name: str) -> str:
    """Return a built-in model's name as a signature gives it: `encoder@472ef88c`."""
    return f"{name}@{SHA256[f'{name}.safetensors'][:8]}"


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
    """Add a folder in which `find_weights` looks."""
    # `evaluate.load` copies code alone, so the weights stay where they were.
    _folders[Path(folder).resolve()] = None


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_folders: dict[Path, None] = {}


def _package_folders() -> list[Path]:
    """Return the folders of an importable `toxicity_j`, without importing it."""
    try:
        spec = importlib.util.find_spec("toxicity_j")
    except ValueError:
        # A module of that name has no spec, such as a script that runs as __main__.
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
        reason = f"{type(error).__name__}: {error}"
        raise OSError(
            f"the built-in weights {name} were not found. Tried: {places}; the Hub,"
            f" {HUB_SPACE}@{HUB_REVISION} ({reason}). Install the package (`pip install"
            " .`), or give `evaluate.load` the toxicity_j folder of a clone."
        ) from error
    if file_digest(path) != SHA256[name]:
        raise OSError(
            f"the built-in weights {name} from the Hub, {HUB_SPACE}@{HUB_REVISION}, are"
            " damaged: their SHA-256 is not this release's"
        )
    return path
