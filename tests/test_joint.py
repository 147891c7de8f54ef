"""Corpus arithmetic worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from toxicity_j.results import corpus_scores, joint, mean, signature

SEGMENTS = {
    "sta": np.array([1.0, 0.5, 0.0, 1.0]),
    "nontoxic": np.array([1.0, 1.0, 0.0, 1.0]),
    "sim": np.array([0.5, 1.0, 1.0, -0.2]),
    "fl": np.array([1.0, 0.5, 1.0, 1.0]),
}
# .5, .25, 0, -.2: their mean is .1375, while the product of means is .625 * .575 * .875 = .3145
SEGMENTS["j"] = np.array(joint(SEGMENTS["sta"], SEGMENTS["sim"], SEGMENTS["fl"]))


def test_j_is_the_mean_of_products():
    scores = corpus_scores(SEGMENTS)
    assert scores["j"] == pytest.approx(0.1375)
    assert scores["sta"] == 0.625
    assert scores["nontoxic_share"] == 0.75
    assert scores["sim"] == pytest.approx(0.575)
    assert scores["fl"] == 0.875
    assert scores["n"] == 4


def test_results_are_python_numbers():
    scores = corpus_scores(SEGMENTS, ["en", "de", "en", "de"])
    assert {type(value) for value in scores.values()} == {float, int, dict}
    json.dumps(scores)


def test_columns_that_were_not_computed_are_absent():
    assert corpus_scores({"sta": [1.0], "nontoxic": [1.0], "sim": None, "fl": None, "j": None}) == {
        "sta": 1.0,
        "nontoxic_share": 1.0,
        "n": 1,
    }


def test_languages_and_their_unweighted_mean():
    scores = corpus_scores(SEGMENTS, ["en", "en", "en", "de"])
    # en: (.5 + .25 + 0) / 3 = .25; de: -.2; the macro average is (.25 - .2) / 2 = .025, not the corpus' .1375
    assert list(scores["languages"]) == ["de", "en"]
    assert scores["languages"]["en"]["j"] == pytest.approx(0.25)
    assert scores["languages"]["de"] == {"sta": 1.0, "nontoxic_share": 1.0, "sim": -0.2, "fl": 1.0, "j": -0.2, "n": 1}
    assert scores["macro"]["j"] == pytest.approx(0.025)
    assert "n" not in scores["macro"]


def test_mean_does_not_depend_on_order():
    values = np.random.default_rng(0).random(1000) * 10.0 ** np.random.default_rng(1).integers(-9, 9, 1000)
    assert mean(values) == mean(values[::-1]) == math.fsum(values) / 1000


def test_mean_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="no segments"):
        mean([])


def test_signature_shows_bools_and_fractions_shortly():
    parts = {"j": "embedded", "newline": False, "detok": True, "threshold": 0.5, "slope": 1.5, "bar": "a|b"}
    assert signature(parts) == "j:embedded|newline:no|detok:yes|threshold:.5|slope:1.5|bar:a/b"
