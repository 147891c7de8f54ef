"""Say what a comparison was made with, so that it can be repeated."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata

from ..version import VERSION

# Packages whose version can move a score.
_PACKAGES = ("numpy", "scipy", "torch", "tokenizers", "transformers")


def now() -> str:
    """Return the time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def protocol_name(signature: str) -> str:
    """Return the protocol of a signature, which begins as "j:emnlp2021|style:..."."""
    return signature.split("|")[0].removeprefix("j:")


def versions() -> dict[str, str]:
    """Return the versions of what can move a number, read without importing it."""
    found = {"toxicity_j": VERSION, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
