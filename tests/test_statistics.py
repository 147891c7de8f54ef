"""Bootstrap intervals and the paired test, against what can be worked out by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from toxicity_j.compare.statistics import bootstrap_interval, paired_bootstrap


def test_equal_values_leave_no_doubt():
    assert bootstrap_interval([0.25] * 8) == (0.25, 0.25)


def test_the_interval_agrees_with_scipy():
    values = np.random.default_rng(5).beta(2, 3, 300)
    low, high = bootstrap_interval(values, n_resamples=4000, seed=1)
    reference = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=2).confidence_interval
    assert low == pytest.approx(reference.low, abs=0.002)
    assert high == pytest.approx(reference.high, abs=0.002)


def test_chunks_change_nothing_and_seeds_decide(monkeypatch):
    values = np.linspace(0, 1, 50)
    whole = bootstrap_interval(values, seed=3)
    monkeypatch.setattr("toxicity_j.compare.statistics._DRAWS_AT_A_TIME", 120)
    assert bootstrap_interval(values, seed=3) == whole
    assert bootstrap_interval(values, seed=4) != whole


def test_a_wider_level_gives_a_wider_interval():
    values = np.linspace(0, 1, 50)
    low, high = bootstrap_interval(values, level=0.5)
    wide_low, wide_high = bootstrap_interval(values, level=0.99)
    assert wide_low < low < 0.5 < high < wide_high


def test_the_paired_test_tells_a_clear_difference_from_none():
    noise = np.random.default_rng(0).normal(0, 0.1, 200)
    base = np.linspace(0, 1, 200)
    # A shift of 0.1 with standard error 0.007 is 14 standard errors away: no resample reaches it, so p = 1 / (999 + 1).
    assert paired_bootstrap(base + 0.1 + noise, base, n_resamples=999) == pytest.approx(1 / 1000)
    assert paired_bootstrap(base, base) == 1.0
    assert paired_bootstrap(base + noise - noise.mean(), base) > 0.9


@pytest.mark.parametrize("values", [[], [float("nan")], [[0.1]]])
def test_values_that_are_no_scores_are_rejected(values):
    with pytest.raises(ValueError, match="`values` must be a non-empty list of finite numbers"):
        bootstrap_interval(values)


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match="`level`"):
        bootstrap_interval([0.1], level=1.0)
    with pytest.raises(ValueError, match="`n_resamples`"):
        bootstrap_interval([0.1], n_resamples=0)
    with pytest.raises(ValueError, match="`b` must be as long as `a`; got 1 scores for 2"):
        paired_bootstrap([0.1, 0.2], [0.1])
