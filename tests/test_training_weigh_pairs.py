"""Weights and labels of the pairs of content, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training import weigh_pairs, write_rewrites, write_variations
from training.weigh_pairs import (
    LEAST,
    MEAN_LABEL,
    OTHER,
    balanced,
    mixed_with_earlier,
    shares,
)


def test_shares_count_distinct_tokens_of_either_side():
    kept, taken = shares([[1, 2, 3, 3], [7]], [[1, 2, 9, 9, 8], [7]])
    assert kept.tolist() == pytest.approx([2 / 3, 1])
    assert taken.tolist() == pytest.approx([2 / 4, 1])


def test_overlap_says_less_about_the_label():
    generator = np.random.default_rng(0)
    overlap = generator.random(4000)
    # Much overlap usually means a high label here.
    labels = np.where(generator.random(4000) < 0.2 + 0.6 * overlap, 0.9, 0.1)
    before = np.ones(4000)
    after = balanced(before, labels, overlap, overlap)

    def correlation(weights):
        table = np.cov(overlap, labels, aweights=weights)
        return table[0, 1] / np.sqrt(table[0, 0] * table[1, 1])

    assert correlation(before) > 0.3
    # Cells are wide and weights bounded, so some is left.
    assert abs(correlation(after)) < 0.2
    assert np.average(labels, weights=after) == pytest.approx(MEAN_LABEL, abs=0.03)


def test_weights_change_within_bounds():
    # One low label among a thousand high ones would count for half of the cell.
    labels = np.append(np.full(1000, 0.99), 0.0)
    same = np.full(1001, 0.5)
    after = balanced(np.ones(1001), labels, same, same)
    assert after.max() == 3
    assert after.min() >= LEAST


def test_an_earlier_sim_moves_a_label_by_a_share_of_its_logit():
    teacher = np.array([0.5, 0.9, 0.7])
    earlier = np.array([0.9, 0.5, np.nan])
    # logit(0.9) = 2.1972; two fifths of it are 0.8789, and sigmoid(0.8789) = 0.7066.
    found = mixed_with_earlier(teacher, earlier)
    assert found.tolist() == pytest.approx([0.7066, 0.9, 0.7], abs=1e-3)


@pytest.mark.parametrize(
    ("kinds", "weights", "expected"),
    [
        # Shares of 0.2 and 0.3, and 0.5 for all others.
        ("a a b x y", [1, 3, 5, 2, 6], [0.05, 0.15, 0.3, 0.125, 0.375]),
        # No kind with a share of its own.
        ("x y", [1, 3], [0.25, 0.75]),
        # What has no weight leaves its share: 0.2 of 0.7 and 0.5 of 0.7.
        ("a b x", [4, 0, 2], [2 / 7, 0, 5 / 7]),
        ("a b", [4, 1], [0.4, 0.6]),
        ("a x", [4, 0], [1, 0]),
    ],
)
def test_kinds_have_their_shares(monkeypatch, kinds, weights, expected):
    monkeypatch.setattr(weigh_pairs, "KIND_SHARES", {"a": 0.2, "b": 0.3})
    found = weigh_pairs._with_shares(
        np.array(weights, dtype=float), pd.Series(kinds.split())
    )
    assert found.tolist() == pytest.approx(expected)


def test_every_kind_that_is_written_has_a_share():
    written = {*write_rewrites.SAMPLED_KINDS, *write_variations.KINDS}
    assert {*weigh_pairs.KIND_SHARES} == written
    assert OTHER not in written
