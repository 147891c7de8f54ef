"""Limits of the page, and the checks that enforce them with a message.

No models, no web framework.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# Sized for a free Space, which has two cores and no GPU.
MAX_ROWS = 500
MAX_CHARACTERS = 2000
MAX_FILE_BYTES = 5 * 1024 * 1024
MAX_FILES = 8
MAX_SYSTEMS = 6
MAX_REWRITES = 6

# Jobs that wait at most; one more gets the message that the queue is full.
MAX_WAITING = 24

SUMMARY = (
    f"{MAX_ROWS} rows, {MAX_SYSTEMS} systems, {MAX_CHARACTERS:,} characters per text,"
    " 5 MB per upload"
)


class InputError(ValueError):
    """What a visitor gave cannot be scored; the message says why and what to do."""


def check_text(text: str, name: str) -> None:
    """Check one text.

    Raises:
        InputError: it is not a string, has over `MAX_CHARACTERS` characters, or half of
            a surrogate pair.
    """
    if not isinstance(text, str):
        raise InputError(f"{name} must be text; got {type(text).__name__}.")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"{name} has {len(text):,} characters;"
            f" at most {MAX_CHARACTERS:,} are scored here."
        )
    # JSON may hold one; tokenizers and UTF-8 do not.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"{name} holds half of a surrogate pair, which is not text.")


def check_pair(source: str, rewrites: Sequence[str]) -> None:
    """Check one source and its rewrites.

    Raises:
        InputError: a text is missing or too long, or there are too many rewrites.
    """
    if not isinstance(source, str) or not source.strip():
        raise InputError("Write a source sentence first.")
    if isinstance(rewrites, str) or not isinstance(rewrites, Sequence):
        raise InputError("`rewrites` must be a list of texts.")
    if not rewrites:
        raise InputError("Write a rewrite, or several: one per line.")
    if len(rewrites) > MAX_REWRITES:
        raise InputError(
            f"There are {len(rewrites)} rewrites;"
            f" at most {MAX_REWRITES} are compared here."
        )
    check_text(source, "The source")
    for number, text in enumerate(rewrites, start=1):
        check_text(text, f"Rewrite {number}")


def check_files(paths: Sequence[str | Path]) -> None:
    """Check the number and the total size of uploaded files.

    Raises:
        InputError: there are too many, or together they are too large.
    """
    if len(paths) > MAX_FILES:
        raise InputError(
            f"There are {len(paths)} files;"
            f" at most {MAX_FILES} can be uploaded at once."
        )
    size = sum(Path(path).stat().st_size for path in paths)
    if size > MAX_FILE_BYTES:
        raise InputError(
            f"The upload has {size / 2**20:.1f} MB; at most 5 MB can be uploaded."
        )
