"""What calibration writes into an encoder."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.tiny_encoder import PREDICTIONS, SOURCES, tiny_encoder
from toxicity_j.rules import logit
from training import calibrate_encoder
from training.calibrate_encoder import calibrate


@pytest.fixture
def calibrated(monkeypatch, tmp_path):
    """A calibrated encoder, and the same one before."""
    texts = [*PREDICTIONS, *SOURCES]
    jigsaw = pd.DataFrame({"text": texts, "y": np.linspace(0, 1, len(texts))})
    monkeypatch.setattr(
        calibrate_encoder, "jigsaw_half", lambda folder, calibration: jigsaw
    )
    # A file that is calibrated already can be calibrated again.
    encoder = tiny_encoder(copy_fluency=3.0, pair_fluency_weight=0.2)
    calibrate(encoder, tmp_path)
    return encoder, tiny_encoder()


def test_a_source_adds_nothing_to_the_fluency_of_its_copy(calibrated):
    encoder, _ = calibrated
    alone = tiny_encoder(pair_fluency_weight=0.0)
    expected = 2 * logit(alone.score(SOURCES, SOURCES, ("fluency",))["fluency"])
    found = logit(encoder.score(SOURCES, SOURCES, ("fluency",))["fluency"])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_logits_of_content_are_scaled(calibrated):
    encoder, before = calibrated
    said = logit(before.score(PREDICTIONS, SOURCES, ("content",))["content"])
    found = logit(encoder.score(PREDICTIONS, SOURCES, ("content",))["content"])
    np.testing.assert_allclose(found, 1.5 * said, atol=1e-5)


def test_style_follows_the_raters(calibrated):
    encoder, before = calibrated
    texts, shares = [*PREDICTIONS, *SOURCES], np.linspace(0, 1, 12)

    def loss(p_toxic):
        return -np.mean(shares * np.log(p_toxic) + (1 - shares) * np.log(1 - p_toxic))

    assert loss(encoder.p_toxic(texts)) < loss(before.p_toxic(texts))
