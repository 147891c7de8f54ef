"""Intervals, paired tests and corrections: worked out by hand, against scipy, and on
simulated data.
"""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pytest
from scipy import stats

from benchmarks.statistics_coverage import simulated_j
from toxicity_j.compare.intervals import (
    intervals,
    share_difference_interval,
    share_interval,
)
from toxicity_j.compare.resampling import flip_p_values, paired_p_values
from toxicity_j.compare.statistics import (
    approximate_randomization,
    bootstrap_interval,
    effect_size,
    holm,
    mean_interval,
    paired_bootstrap,
    smallest_detectable_difference,
)

# The mean of `simulated_j`.
TRUE_J = 0.48


def test_equal_values_leave_no_doubt():
    assert bootstrap_interval([0.25] * 8) == (0.25, 0.25)
    assert bootstrap_interval([0.25] * 8, method="bca") == (0.25, 0.25)


@pytest.mark.parametrize(
    ("method", "theirs"), [("percentile", "percentile"), ("bca", "BCa")]
)
@pytest.mark.parametrize("n", [30, 300])
def test_the_interval_agrees_with_scipy(method, theirs, n):
    values = np.random.default_rng(5).exponential(1, n)
    low, high = bootstrap_interval(
        values, n_resamples=4000, seed=1, method=method, expand=False
    )
    reference = stats.bootstrap(
        (values,), np.mean, method=theirs, n_resamples=4000, rng=2
    ).confidence_interval
    # An end is a quantile of 4,000 means; two such differ by about a twentieth of the
    # standard error of the mean.
    tolerance = 0.25 * values.std() / np.sqrt(n)
    assert low == pytest.approx(reference.low, abs=tolerance)
    assert high == pytest.approx(reference.high, abs=tolerance)


def test_few_values_widen_the_interval_as_students_t_does():
    values = np.random.default_rng(0).normal(size=10)
    low, high = bootstrap_interval(values, n_resamples=20_000)
    reference = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
    assert high - low == pytest.approx(reference[1] - reference[0], rel=0.06)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("n", [10, 100, 1000])
def test_95_of_100_intervals_hold_the_true_mean(method, n):
    # 2,000 data sets: the share of intervals that hold the mean has a standard error of
    # sqrt(.95 * .05 / 2000) = 0.005.
    columns = np.random.default_rng(n).normal(0.5, 0.1, (n, 2000))
    low, high = intervals(columns, n_resamples=500, seed=1, level=0.95, method=method)
    assert np.mean((low <= 0.5) & (high >= 0.5)) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_intervals_hold_for_scores_with_a_heap_at_zero(n):
    columns = simulated_j(np.random.default_rng(n), (n, 2000))
    low, high = intervals(columns, n_resamples=500, seed=1, level=0.95)
    assert np.mean((low <= TRUE_J) & (high >= TRUE_J)) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_p_values_are_uniform_where_systems_are_equal(n):
    generator = np.random.default_rng(n)
    differences = simulated_j(generator, (n, 2000)) - simulated_j(generator, (n, 2000))
    flips = flip_p_values(differences, 999, 0)
    both = paired_p_values(differences, n_resamples=999, seed=0)
    for level in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9):
        # The standard error of a share of 2,000 is at most 0.011.
        assert np.mean(flips <= level) == pytest.approx(level, abs=0.035)
        # The larger of two p-values is a little too large for few segments, never too
        # small.
        assert level - 0.065 < np.mean(both <= level) < level + 0.035


SCORE_DIFFERENCES = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "skewed, of two systems": lambda generator, shape: (
        simulated_j(generator, shape) - simulated_j(generator, shape)
    ),
    "exponential": lambda generator, shape: generator.exponential(1, shape) - 1,
    "heavy tails": lambda generator, shape: generator.standard_t(3, shape),
    "decisions": lambda generator, shape: (
        generator.integers(0, 2, shape) - generator.integers(0, 2, shape)
    ),
    "five steps": lambda generator, shape: (
        (generator.integers(0, 5, shape) - generator.integers(0, 5, shape)) / 4
    ),
}


@pytest.mark.parametrize("kind", SCORE_DIFFERENCES)
def test_equal_systems_differ_significantly_in_at_most_7_of_100_cases(kind):
    for n in (6, 7, 8, 10, 13, 17, 25, 37, 50):
        drawn = SCORE_DIFFERENCES[kind](np.random.default_rng(n), (n, 2000)).astype(
            float
        )
        differences = drawn / np.abs(drawn).max()
        assert (
            np.mean(paired_p_values(differences, n_resamples=500, seed=0) <= 0.05)
            <= 0.07
        ), n


def test_chunks_change_nothing_and_seeds_decide(monkeypatch):
    values = np.linspace(0, 1, 50)
    interval, flips = (
        bootstrap_interval(values, seed=3),
        approximate_randomization(values, values**2, seed=3),
    )
    # By module object: the name `toxicity_j.compare` is the function.
    monkeypatch.setattr(
        importlib.import_module("toxicity_j.compare.resampling"),
        "_DRAWS_AT_A_TIME",
        120,
    )
    assert bootstrap_interval(values, seed=3) == pytest.approx(interval, abs=1e-12)
    assert approximate_randomization(values, values**2, seed=3) == flips
    assert bootstrap_interval(values, seed=4) != interval


def test_a_wider_level_gives_a_wider_interval():
    values = np.linspace(0, 1, 50)
    low, high = bootstrap_interval(values, level=0.5)
    wide_low, wide_high = bootstrap_interval(values, level=0.99)
    assert wide_low < low < 0.5 < high < wide_high


def test_the_paired_test_tells_a_clear_difference_from_none():
    noise = np.random.default_rng(0).normal(0, 0.1, 200)
    base = np.linspace(0, 1, 200)
    # A shift of 0.1 with standard error 0.007 is 14 standard errors away: no resample
    # reaches it, so p = 1 / (999 + 1).
    assert paired_bootstrap(base + 0.1 + noise, base, n_resamples=999) == pytest.approx(
        1 / 1000
    )
    assert paired_bootstrap(base, base) == 1.0
    assert paired_bootstrap(base + noise - noise.mean(), base) > 0.9


@pytest.mark.parametrize("n", [8, 50, 1000])
@pytest.mark.parametrize("noise", [0, 1e-6, 1e-3])
def test_one_tie_among_clear_wins_hides_no_difference(n, noise):
    # A resample without the tie has no spread, or hardly any.
    wins = 0.9 + noise * np.random.default_rng(0).normal(size=n)
    wins[0] = 0
    flips = approximate_randomization(wins, np.zeros(n))
    assert flips < 0.02
    assert paired_bootstrap(wins, np.zeros(n)) == flips


def test_swapping_the_systems_changes_no_p_value():
    generator = np.random.default_rng(1)
    for n in (8, 40):
        a, b = generator.random((2, n))
        assert paired_bootstrap(a, b) == paired_bootstrap(b, a)
        assert approximate_randomization(a, b) == approximate_randomization(b, a)


def test_all_swaps_of_few_segments_are_counted():
    # Differences 0.1, 0.2, 0.3, 0.4: of 16 sign patterns, all-plus and all-minus reach
    # a sum of 1.0, so p = 2 / 16.
    with pytest.warns(UserWarning, match="4 segments are fewer than 6"):
        assert approximate_randomization([0.1, 0.2, 0.3, 0.4], [0.0] * 4) == 2 / 16
    # One difference negative: sums of at least 0.8 are those that flip nothing or 0.1
    # only, with either sign: 4 / 16.
    with pytest.warns(UserWarning, match="4 segments"):
        assert approximate_randomization([-0.1, 0.2, 0.3, 0.4], [0.0] * 4) == 4 / 16


@pytest.mark.parametrize("n", [8, 16, 60])
def test_swaps_agree_with_scipy(n):
    a, b = np.random.default_rng(n).beta(2, 2, (2, n))

    def mean(x, axis):
        return np.mean(x, axis=axis)

    drawn = {"n_resamples": np.inf if n <= 16 else 9999, "rng": 0, "vectorized": True}
    reference = stats.permutation_test(
        (a - b,), mean, permutation_type="samples", **drawn
    ).pvalue
    assert approximate_randomization(a, b, n_resamples=9999) == pytest.approx(
        reference, abs=1e-9 if n <= 16 else 0.02
    )


@pytest.mark.parametrize("n", range(1, 6))
def test_no_difference_on_five_segments_or_fewer_is_significant(n):
    with pytest.warns(UserWarning, match="no difference can be significant"):
        assert paired_bootstrap([0.9] * n, [0.1] * n) == 2 / 2**n
    assert smallest_detectable_difference([0.9] * n, [0.1] * n) is None


def test_an_interval_of_one_segment_is_refused_and_of_few_warned_of():
    with pytest.raises(
        ValueError, match="`values` must have at least 2 numbers for an interval; got 1"
    ):
        bootstrap_interval([0.5])
    with pytest.warns(
        UserWarning, match="5 segments are fewer than 6: the interval is too narrow"
    ):
        bootstrap_interval([0.1, 0.2, 0.3, 0.4, 0.5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bootstrap_interval([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((0.5, 10, 1), ValueError, "level"),
        ((float("nan"), 10, 0.95), ValueError, "share"),
        ((1.1, 10, 0.95), ValueError, "share"),
        ((0.5, 0, 0.95), ValueError, "n"),
        (("a", 10, 0.95), TypeError, "share"),
    ],
)
def test_arguments_of_an_interval_of_a_share(arguments, error, name):
    with pytest.raises(error, match=f"`{name}` must be"):
        share_interval(*arguments)


@pytest.mark.parametrize(("right", "n"), [(36, 36), (0, 6), (13, 20)])
def test_intervals_of_shares_are_wilsons(right, n):
    reference = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert share_interval(right / n, n, 0.95) == pytest.approx(
        (reference.low, reference.high), abs=1e-12
    )


def test_the_interval_of_a_difference_of_shares_is_agresti_and_mins():
    # 10 segments, of which 3 are better and 1 is worse; with half a segment more in
    # each of four cells these are 3.5 and 1.5 of 12. The difference is 2 / 12, and its
    # error sqrt(5 - 4 / 12) / 12 = 0.180.
    gaps = np.array([1, 1, 1, -1] + [0] * 6, dtype=float)
    low, high = share_difference_interval(gaps, 0.95)
    assert low == pytest.approx(1 / 6 - 1.959964 * 0.180021, abs=1e-5)
    assert high == pytest.approx(1 / 6 + 1.959964 * 0.180021, abs=1e-5)
    # Decisions that never differ may differ yet: 0 +- 1.96 / 12.
    none = share_difference_interval(np.zeros(10), 0.95)
    assert none == pytest.approx((-0.16333, 0.16333), abs=1e-5)
    # No end is beyond 1, and the difference that was seen lies inside.
    assert share_difference_interval(np.ones(10), 0.95)[1] == 1
    assert share_difference_interval(np.ones(10), 0.1)[1] == 1


@pytest.mark.parametrize("n", [10, 50])
@pytest.mark.parametrize("shares", [(0.9, 0.9), (0.95, 0.8), (0.6, 0.5)])
def test_intervals_of_differences_of_shares_hold_the_true_one(n, shares):
    generator = np.random.default_rng(n)
    first, second = ((generator.random((2000, n)) < share) * 1.0 for share in shares)
    bounds = np.array([share_difference_interval(row, 0.95) for row in first - second])
    true = shares[0] - shares[1]
    is_inside = (bounds[:, 0] <= true) & (true <= bounds[:, 1])
    # The standard error is 0.005; decisions are coarse, so that more than 95 in 100 may
    # hold it.
    assert 0.93 < is_inside.mean() < 0.995


@pytest.mark.parametrize("factor", [1, 1 / 3, 0.1, 0.7, 7])
def test_rounding_of_ties_moves_no_bca_interval(factor):
    # The mean is 3, and so are those of many resamples.
    values = np.array([0.0, 1.0, 2.0, 4.0, 8.0] * 3)
    how = {"n_resamples": 1000, "seed": 0, "level": 0.9, "method": "bca"}
    expected = intervals(values[:, None], **how)
    found = intervals(values[:, None] * factor, **how)
    assert np.ravel(found) / factor == pytest.approx(np.ravel(expected), rel=1e-9)


def test_the_interval_of_a_mean_is_wilsons_for_decisions_and_else_the_bootstraps():
    decisions, scores = [1, 0, 1, 1] * 5, np.linspace(0, 1, 20)
    assert mean_interval(decisions, level=0.9) == share_interval(0.75, 20, 0.9)
    options = {"n_resamples": 200, "seed": 3, "level": 0.9}
    assert mean_interval(scores, **options) == bootstrap_interval(scores, **options)
    with pytest.raises(ValueError, match="at least 2 numbers"):
        mean_interval([1])


def test_the_smallest_detectable_difference_is_never_negative():
    scores, zeros = list(range(6)), [0] * 6
    found = smallest_detectable_difference(scores, zeros, level=0.999, power=0.001)
    assert found == 0
    # The differences are all 0.1, but for rounding.
    lower = [score / 10 for score in range(6)]
    higher = [score + 0.1 for score in lower]
    assert smallest_detectable_difference(higher, lower) == 0


def test_holm_multiplies_by_how_many_remain():
    # Sorted: .01 * 4, .02 * 3, .03 * 2 and .9 * 1; then none may fall below the one
    # before: .04, .06, .06, .9.
    assert holm([0.9, 0.02, 0.01, 0.03]) == pytest.approx([0.9, 0.06, 0.04, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ValueError, match="`p_values`"):
        holm([1.5])


def test_effect_size_is_the_mean_over_the_standard_deviation():
    # Differences 1, 2, 3: mean 2, standard deviation 1.
    assert effect_size([1, 2, 3], [0, 0, 0]) == pytest.approx(2.0)
    assert effect_size([0.5, 0.6], [0.3, 0.4]) is None
    assert effect_size([0.5], [0.3]) is None


@pytest.mark.parametrize("n", [6, 7, 8, 10, 20, 50])
@pytest.mark.parametrize("level", [0.05, 0.005])
def test_the_smallest_detectable_difference_is_found_4_times_in_5(n, level):
    generator = np.random.default_rng(n)
    a, b = generator.normal(0.5, 0.1, (2, n))
    smallest = smallest_detectable_difference(a, b, level=level)
    if 2 / 2**n > level:
        assert smallest is None
        return
    # Differences with just that mean and the standard deviation that was seen.
    spread = (a - b).std(ddof=1)
    differences = generator.normal(smallest, spread, (n, 1500))
    p_values = paired_p_values(
        differences / np.abs(differences).max(), n_resamples=1000, seed=0
    )
    # The standard error of a share near 0.8 is 0.01.
    assert np.mean(p_values <= level) == pytest.approx(0.8, abs=0.045)


def test_no_difference_is_detectable_at_a_level_that_flips_do_not_reach():
    one, other = np.linspace(0, 1, 7), np.zeros(7)
    # 2 / 2 ** 7 = 0.0156.
    assert smallest_detectable_difference(one, other, level=0.0156) is None
    assert smallest_detectable_difference(one, other, level=0.0157) > 0
    # 2 / 2 ** 5 = 0.0625.
    assert smallest_detectable_difference(one[:5], other[:5], level=0.1) > 0
    assert smallest_detectable_difference([0.5], [0.1], level=0.9) is None
    # Of very many segments every level can be reached.
    many = np.linspace(0, 1, 2000)
    assert smallest_detectable_difference(many, many**2, level=1e-12) > 0


def test_scores_near_the_largest_float_overflow_nowhere():
    # Means of +-1e308 in equal parts; the interval lies inside them.
    low, high = bootstrap_interval([1e308, -1e308] * 20)
    assert -1e308 < low < 0 < high < 1e308
    # The difference, 2e308, has no float; the p-value is the smallest, 1 / 1001.
    assert paired_bootstrap([1e308] * 20, [-1e308] * 20) == pytest.approx(1 / 1001)
    assert approximate_randomization([1e308] * 6, [-1e308] * 6) == 2 / 64
    assert np.isfinite(effect_size([1e308, 9e307] * 3, [-1e308] * 6))
    assert bootstrap_interval([5e-324] * 6) == (5e-324, 5e-324)


@pytest.mark.parametrize(
    "values", [[], [float("nan")], [float("inf")], [[0.1]], [[0.1], [0.1, 0.2]], 0.5]
)
def test_values_that_are_no_scores_are_rejected(values):
    with pytest.raises(
        ValueError, match="`values` must be a non-empty list of finite numbers"
    ):
        bootstrap_interval(values)


@pytest.mark.parametrize(
    "values", [["0.1", "0.2"], [None, 0.1], "0.5", {0.1, 0.2}, [1j]]
)
def test_values_that_are_no_numbers_are_rejected(values):
    with pytest.raises(
        (TypeError, ValueError),
        match="`values` must be a non-empty list of finite numbers",
    ):
        bootstrap_interval(values)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"level": 1.0}, ValueError),
        ({"level": float("nan")}, ValueError),
        ({"level": "0.9"}, TypeError),
        ({"n_resamples": 0}, ValueError),
        ({"n_resamples": 10**9}, ValueError),
        ({"n_resamples": 10.0}, TypeError),
        ({"n_resamples": True}, TypeError),
        ({"seed": -1}, ValueError),
        ({"seed": None}, TypeError),
        ({"method": "normal"}, ValueError),
    ],
)
def test_arguments_out_of_range_are_named(options, error):
    with pytest.raises(error, match=f"`{next(iter(options))}`"):
        bootstrap_interval([0.1], **options)


def test_numpy_integers_are_integers():
    values = np.linspace(0, 1, 10)
    assert bootstrap_interval(
        values, n_resamples=np.int64(50), seed=np.int32(2)
    ) == bootstrap_interval(values, n_resamples=50, seed=2)


def test_unequal_lengths_are_rejected():
    with pytest.raises(
        ValueError, match="`b` must be as long as `a`; got 1 scores for 2"
    ):
        paired_bootstrap([0.1, 0.2], [0.1])
