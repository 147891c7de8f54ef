"""Reduced precision: every hard decision is that of float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tiny import TEXTS
from toxicity_j import model_xcomet
from toxicity_j.devices import Precision, resolve_device, resolve_dtype
from toxicity_j.model_builtin import BuiltInEncoder
from toxicity_j.model_interface import Scored
from toxicity_j.model_xcomet import Xcomet
from toxicity_j.model_xcomet_network import span_costs


def test_rows_near_a_decision_are_computed_again_in_float32():
    loads, runs = [], []
    precision = Precision(lambda dtype: loads.append(dtype) or dtype, "bfloat16")

    def run(network, rows):
        runs.append((network, rows.tolist()))
        return Scored(
            np.array([10.0, 11.0, 12.0])[rows]
            + (0.5 if network is torch.bfloat16 else 0),
            truncated=len(rows),
        )

    found = precision.guarded(3, run, lambda scores: scores == 11.5)
    assert found.truncated == 3  # the row that is read again is not counted again
    assert found.values.tolist() == [10.5, 11.0, 12.5]
    assert runs == [(torch.bfloat16, [0, 1, 2]), (torch.float32, [1])]
    precision.guarded(3, run, lambda scores: scores == 11.5)
    # The float32 network is loaded once.
    assert loads == [torch.bfloat16, torch.float32]
    # No decision, nothing to guard.
    assert precision.guarded(3, run, None).values.tolist() == [10.5, 11.5, 12.5]


def test_float32_is_not_guarded():
    precision = Precision(lambda dtype: dtype, "float32")
    assert precision.float32 is precision.network
    found = precision.guarded(
        1,
        lambda network, rows: Scored(np.zeros(1)),
        lambda scores: pytest.fail("asked"),
    )
    assert found.values.tolist() == [0]


def test_span_costs_by_hand():
    # Classes: 0 none, 1 minor (costs 1), 2 major (5), 3 critical (10); a span costs by
    # its first token once it ends.
    classes = [
        [0, 1, 3, 0, 2, 0],
        [3, 0, 0, 1, 1, 1],
        [0, 0, 2, 0, 0, 0],
        [1, 0, 1, 0, 3, 3],
    ]
    lengths = [6, 6, 3, 4]
    # 1 (the minor span, whose second token is critical) + 5; 10, and a minor one that
    # never ends; a major one that the text's end leaves open, for what lies behind the
    # end is not read; 1 + 1.
    expected = [6, 10, 0, 2]
    shares = torch.nn.functional.one_hot(torch.tensor(classes), 4).float() * 0.4 + 0.1
    shares[1, 3, 2] = 0.45  # second likeliest after the minor class's 0.5
    costs, margins = span_costs(shares, torch.tensor(lengths))
    assert costs.tolist() == expected
    np.testing.assert_allclose(margins, [0.4, 0.05, 0.4, 0.4], atol=1e-6)


def test_xcomet_spans_are_those_of_float32(checkpoints, monkeypatch):
    # The spans alone count here; each step of them is 0.22 / 25.
    monkeypatch.setattr(model_xcomet, "SCORE_WEIGHTS", (0.0, 0.0, 0.0, 0.22))
    path = checkpoints("xcomet")
    columns = (TEXTS, TEXTS[::-1], [[text] for text in TEXTS])
    exact = Xcomet(path, device="cpu").score(*columns).values
    guarded = Xcomet(path, device="cpu", dtype="bfloat16")
    np.testing.assert_allclose(guarded.score(*columns).values, exact, atol=1e-6)
    assert guarded.dtype == "bfloat16"
    monkeypatch.setattr(model_xcomet, "SPAN_MARGIN", -1.0)
    assert (
        np.abs(
            Xcomet(path, device="cpu", dtype="bfloat16").score(*columns).values - exact
        ).max()
        > 0.22 / 26
    )


def test_the_encoder_is_guarded_at_the_threshold():
    columns = (
        [*TEXTS, "You are wrong, fool."],
        [*TEXTS[::-1], "You are wrong."],
        ("style", "content"),
    )
    exact = BuiltInEncoder(device="cpu").score_roles(*columns).values
    lower = BuiltInEncoder(device="cpu", dtype="bfloat16")
    moved = np.abs(lower.score_roles(*columns).values - exact).max(axis=1)
    assert moved.max() > 1e-4
    some = np.arange(len(exact)) % 2 == 0
    mixed = lower.score_roles(*columns, is_borderline=lambda p_toxic: some).values
    np.testing.assert_allclose(mixed[some], exact[some], atol=1e-5)
    assert np.abs(mixed - exact).max() > 1e-4


@pytest.mark.parametrize(
    ("resolve", "value", "error"),
    [
        (resolve_device, [], TypeError),
        (resolve_device, 0, TypeError),
        (resolve_device, "meta", ValueError),
        (resolve_device, "", ValueError),
        (resolve_dtype, [], TypeError),
        (resolve_dtype, None, TypeError),
        (resolve_dtype, "half", ValueError),
    ],
)
def test_wrong_devices_and_formats_are_named(resolve, value, error):
    with pytest.raises(
        error, match=f"`{resolve.__name__.removeprefix('resolve_')}` must be"
    ):
        resolve(value)
