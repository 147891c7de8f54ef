"""Fifteen hundred random calls, always the same ones; `python -m benchmarks.fuzz` makes
as many as one likes.
"""

from __future__ import annotations

import pytest

from benchmarks import fuzz

CALLS = 1500


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_random_calls_end_in_results_or_named_errors(name):
    fuzz.run(name, round(CALLS * fuzz.TARGETS[name][1]))
