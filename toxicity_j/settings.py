"""A Scorer's options, checked before any model is loaded."""

from __future__ import annotations

import os
from numbers import Real
from pathlib import Path

from .protocols import IDENTIFIER


def check_flag(name: str, value: object) -> None:
    """Accepts True, False and None.

    Raises:
        TypeError: anything else.
    """
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"`{name}` must be True, False or None; got {value!r}")


def check_threshold(value: object) -> None:
    """Accepts a probability, or None.

    Raises:
        TypeError: no number.
        ValueError: outside [0, 1].
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`threshold` must be a number in [0, 1]; got {value!r}")
    if not 0 <= value <= 1:
        raise ValueError(f"`threshold` must be a probability of the toxic class, in [0, 1]; got {value}")


def check_batch_size(value: object) -> None:
    """Accepts a whole number of at least 1, or None.

    Raises:
        TypeError: no whole number.
        ValueError: below 1.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"`batch_size` must be a whole number; got {value!r}")
    if value < 1:
        raise ValueError(f"`batch_size` must be at least 1; got {value}")


def check_model(name: str, value: object) -> None:
    """Accepts a built-in name, a Hub id, an existing folder, or None.

    Raises:
        TypeError: no string.
        ValueError: a built-in model that cannot play this part, or a folder that does not exist.
    """
    if value is None:
        return
    if not isinstance(value, str):
        raise TypeError(f"`{name}` must be a string: a Hub id, a local folder or a built-in name; got {value!r}")
    if not value.strip():
        raise ValueError(f"`{name}` must be a Hub id, a local folder or a built-in name; got an empty string")
    if value == IDENTIFIER and name != "style_model":
        raise ValueError(f"`{name}` cannot be 'identifier', which knows toxicity only; got {value!r} (built in: 'encoder')")
    if _looks_like_folder(value) and not Path(value).is_dir():
        raise ValueError(f"`{name}` must be a Hub id or an existing folder; there is no folder {value!r}")


def _looks_like_folder(value: str) -> bool:
    return value.startswith((".", "/", "~")) or os.sep in value.replace("/", "", 1) or "\\" in value
