"""Check the arguments of statistics, and scale scores so that no sum overflows."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from .resampling import Array

# P-values then have a resolution of 0.000001.
MOST_RESAMPLES = 1_000_000


def check_level(value: object, name: str) -> float:
    """Return a probability as a float.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not in (0, 1).
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"`{name}` must be a number in (0, 1); got {type(value).__name__}"
        )
    level = float(value)
    if not 0 < level < 1:
        raise ValueError(f"`{name}` must be in (0, 1); got {value}")
    return level


def check_scorer(scorer: object) -> None:
    """Raise a TypeError if something has no `score`."""
    if not callable(getattr(scorer, "score", None)):
        raise TypeError(f"`scorer` must be a Scorer; got {type(scorer).__name__}")


def checked_files(files: object) -> dict[str, str]:
    """Return the digests of files by name; None is none.

    Raises:
        TypeError: it is not a mapping, or holds something that is not a string.
    """
    if files is None:
        return {}
    expected = "`files` must be a mapping from names to digests"
    if not isinstance(files, Mapping):
        raise TypeError(f"{expected}; got {type(files).__name__}")
    for pair in files.items():
        if not all(isinstance(text, str) for text in pair):
            raise TypeError(f"{expected}, all strings; got {pair!r:.100}")
    return dict(files)


def check_draws(n_resamples: object, seed: object) -> tuple[int, int]:
    """Return the number of resamples and the seed as integers.

    Raises:
        TypeError: one is not an integer.
        ValueError: the number is not in [1, 1_000_000], or the seed is negative.
    """
    return check_resamples(n_resamples, "n_resamples"), check_seed(seed, "seed")


def check_resamples(value: object, name: str) -> int:
    """Return a number of resamples as an integer.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is not in [1, 1_000_000].
    """
    resamples = _integer(value, name)
    if resamples < 1:
        raise ValueError(f"`{name}` must be at least 1; got {resamples}")
    if resamples > MOST_RESAMPLES:
        raise ValueError(f"`{name}` must be at most {MOST_RESAMPLES}; got {resamples}")
    return resamples


def check_seed(value: object, name: str) -> int:
    """Return a seed as an integer.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is negative.
    """
    seed = _integer(value, name)
    if seed < 0:
        raise ValueError(f"`{name}` must be at least 0; got {seed}")
    return seed


def finite(values: ArrayLike, name: str) -> Array:
    """Return scores as an array, *Shape:* (n,), n at least 1.

    Raises:
        TypeError: they are not numbers.
        ValueError: there are none, they are nested, or one is not finite.
    """
    expected = f"`{name}` must be a non-empty list of finite numbers"
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{expected}; got {type(values).__name__} of mixed shapes"
        ) from error
    if array.size and array.dtype.kind not in "biuf":
        raise TypeError(f"{expected}; got {type(values).__name__} of {array.dtype}")
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{expected}; got shape {array.shape}")
    # A float128 beyond float64 becomes inf here, and is rejected below.
    with np.errstate(over="ignore"):
        converted = array.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(converted))
    if len(wrong):
        raise ValueError(f"{expected}; got {array[wrong[0]]} at index {wrong[0]}")
    return converted


def paired_differences(a: ArrayLike, b: ArrayLike) -> tuple[Array, float]:
    """Return a - b, divided by the largest absolute score, and that score.

    The divisor is 1 where all scores are 0.

    Raises:
        TypeError: as `finite`.
        ValueError: as `finite`, or the lengths differ.
    """
    first, second = finite(a, "a"), finite(b, "b")
    if len(first) != len(second):
        raise ValueError(
            f"`b` must be as long as `a`; got {len(second)} scores for {len(first)}"
        )
    # Before the subtraction, which overflows for scores near the largest float.
    scale = max(scale_of(first), scale_of(second))
    return first / scale - second / scale, scale


def scale_of(array: Array) -> float:
    """Return the largest absolute value, or 1 where all are 0."""
    largest = float(np.abs(array).max())
    if largest == 0:
        return 1.0
    return largest


def warn_if_few(n: int, fewest: int, consequence: str) -> None:
    """Warn the caller's caller of a sample that is too small."""
    if n < fewest:
        segments = "segments"
        if n == 1:
            segments = "segment"
        warnings.warn(
            f"{n} {segments} are fewer than {fewest}: {consequence}",
            UserWarning,
            stacklevel=4,
        )


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"`{name}` must be an integer; got {type(value).__name__}")
    return int(value)
