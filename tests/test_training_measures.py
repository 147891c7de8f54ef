"""The measures of the development tables, by hand, and Platt scaling."""

from __future__ import annotations

import numpy as np
import pytest

from training.eval_metrics import (
    accuracy,
    auc,
    calibration_error,
    expected_ece_if_calibrated,
    interval,
    mean,
    measured,
    platt,
    spearman,
)


def test_measures_by_hand():
    # Ranks 1 2 3 against 1 3 2: 1 - 6 * 2 / (3 * 8) = .5.
    assert spearman(
        np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.5, 0.3])
    ) == pytest.approx(0.5)
    assert np.isnan(spearman(np.ones(3), np.arange(3)))
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.8, 0.1])
    # Pairs: .9 over .8 and .1, .8 over .1 in order; .8 and .8 tie: 3.5 of 4.
    assert auc(labels, scores) == 3.5 / 4
    assert np.isnan(auc(np.ones(3), np.ones(3)))
    assert accuracy(labels, scores) == 3 / 4
    assert accuracy(np.array([1, 0]), np.array([0.5, 0.5])) == 1 / 2
    # Ten bins: |.9 - 1| in the last, |1.6 - 1| in the ninth, |.1 - 0| in the second,
    # over 4 texts.
    assert calibration_error(labels, scores) == pytest.approx((0.1 + 0.6 + 0.1) / 4)


def test_exact_probabilities_have_an_error_by_chance_that_more_items_shrink():
    # One item of .5 is off by .5 whatever its label; of n, half the mean deviation of a
    # coin, sqrt(2 / pi / n) / 2.
    assert expected_ece_if_calibrated(np.array([0.5])) == 0.5
    assert expected_ece_if_calibrated(np.full(400, 0.5)) == pytest.approx(
        np.sqrt(2 / np.pi / 400) / 2, rel=0.1
    )
    assert expected_ece_if_calibrated(np.array([0.0, 1.0] * 10)) == 0


def test_interval_holds_the_value():
    row = measured("part", "name", "mean", mean, np.arange(50))
    assert row.low < row.value == 24.5 < row.high
    assert (row.low, row.high) == interval(mean, np.arange(50.0))
    # The standard error of the mean of 0..49 is 2.04: 95 % lie within 4 of it.
    assert row.high - row.low == pytest.approx(8, rel=0.15)
    assert "n=50" in str(row)


def test_platt_finds_the_scale_and_the_shift_that_made_soft_or_hard_labels():
    logits = np.random.default_rng(0).normal(0, 2, 20000)
    probabilities = 1 / (1 + np.exp(-(0.5 * logits + 1)))
    assert platt(probabilities, logits[:, None]) == pytest.approx([0.5, 1.0], abs=1e-3)
    hard = np.random.default_rng(1).random(20000) < probabilities
    assert platt(hard, logits[:, None]) == pytest.approx([0.5, 1.0], abs=0.05)


def test_platt_weighs_columns():
    features = np.random.default_rng(2).normal(0, 1, (500, 2))
    labels = 1 / (1 + np.exp(-(features @ [1.5, -0.7] + 0.2)))
    assert platt(labels, features) == pytest.approx([1.5, -0.7, 0.2], abs=1e-3)
