"""Which p-values the paired test can reach, and what makes smaller ones possible.

Arithmetic only.
"""

from __future__ import annotations

import math

# P-values and levels that differ by less than this are equal: 1 - 0.9 is a little below
# 0.1.
_ROUNDING = 1e-9


def is_significant(p_value: float, level: float) -> bool:
    """Return True where a p-value is at most the level, whatever rounding did."""
    return p_value <= level + _ROUNDING


def smallest_p_value(n: int, n_resamples: int) -> float:
    """Return the smallest p-value of `paired_p_values`, in (0, 1].

    Sign flips reach 2 / 2**n, resamples 1 / (n_resamples + 1). Differences that are all
    equal need no resamples.

    Args:
        n: segments, at least 1.
        n_resamples: bootstrap samples and random sign flips, at least 1.
    """
    return max(2.0 ** (1 - n), 1 / (n_resamples + 1))


def attained_level(n: int, level: float) -> float:
    """Return the largest p-value of all sign flips that is at most a level, or 0.

    With 6 segments p-values are multiples of 2 / 2**6 = 0.031, so a test at the level
    0.05 is one at 0.031.

    Args:
        n: segments, at least 1.
        level: of one test, in (0, 1).
    """
    # With more segments the steps are too fine to matter.
    step = 2.0 ** (1 - min(n, 50))
    return math.floor(level / step + _ROUNDING) * step


def fewest_segments(level: float) -> int:
    """Return how many segments sign flips need for a p-value of at most a level.

    Args:
        level: of one test, in (0, 1).
    """
    return math.ceil(1 - math.log2(level) - _ROUNDING)


def fewest_resamples(level: float) -> int:
    """Return how many resamples a p-value of at most a level needs.

    Args:
        level: of one test, in (0, 1).
    """
    return math.ceil((1 - _ROUNDING) / level) - 1
