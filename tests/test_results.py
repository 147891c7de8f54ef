"""Corpus arithmetic worked out by hand, and the signature's form."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from toxicity_j.protocols import EMNLP2021
from toxicity_j.results import Segments, mean, product
from toxicity_j.signature import precision, protocol_name, reference_counts, render

STA, SIM, FL = (
    np.array([1.0, 0.5, 0.0, 1.0]),
    np.array([0.5, 1.0, 1.0, -0.2]),
    np.array([1.0, 0.5, 1.0, 1.0]),
)
# .5, .25, 0, -.2: their mean is .1375, while the product of means is .625 * .575 * .875
# = .3145
SEGMENTS = Segments(
    STA,
    1 - STA,
    np.array([1.0, 1.0, 0.0, 1.0]),
    SIM,
    FL,
    product([STA, SIM, FL]),
    "j:x",
)


def test_j_is_the_mean_of_products():
    scores = SEGMENTS.corpus()
    assert list(scores) == ["sta", "nontoxic_share", "sim", "fl", "j", "n", "signature"]
    assert scores["j"] == pytest.approx(0.1375)
    assert scores["sta"] == 0.625
    assert scores["nontoxic_share"] == 0.75
    assert scores["sim"] == pytest.approx(0.575)
    assert scores["fl"] == 0.875
    assert scores["n"] == len(SEGMENTS) == 4


def test_a_factor_that_is_left_out_is_left_out_of_the_product():
    # 1 * .5, .5 * 1, 0 * 1, 1 * -.2
    np.testing.assert_allclose(product([STA, SIM, None]), [0.5, 0.5, 0, -0.2])
    with pytest.raises(ValueError, match="`factors` must hold at least one array"):
        product([None])


def test_results_are_python_numbers():
    scores = replace(
        SEGMENTS, languages=["en", "de", "en", "de"], truncated={"style": 2}
    ).corpus()
    assert {type(value) for value in scores.values()} == {float, int, dict, str}
    assert scores["truncated"] == {"style": 2}
    json.dumps(scores)


def test_columns_that_were_not_computed_are_absent():
    segments = replace(SEGMENTS, sim=None, fl=None, j=None)
    assert segments.corpus() == {
        "sta": 0.625,
        "nontoxic_share": 0.75,
        "n": 4,
        "signature": "j:x",
    }
    assert set(segments.as_lists()) == {"sta", "p_toxic"}


def test_languages_and_their_unweighted_mean():
    segments = replace(SEGMENTS, languages=["en", "en", "en", "de"])
    scores = segments.corpus()
    # en: (.5 + .25 + 0) / 3 = .25; de: -.2; the macro average is (.25 - .2) / 2 = .025,
    # not the corpus' .1375
    assert list(scores["languages"]) == ["de", "en"]
    assert scores["languages"] == segments.by_language()
    assert scores["languages"]["en"]["j"] == pytest.approx(0.25)
    assert scores["languages"]["de"] == {
        "sta": 1.0,
        "nontoxic_share": 1.0,
        "sim": -0.2,
        "fl": 1.0,
        "j": -0.2,
        "n": 1,
    }
    assert scores["macro"]["j"] == pytest.approx(0.025)
    assert "n" not in scores["macro"]
    assert scores["signature"] == "j:x|languages:de,en"
    with pytest.raises(ValueError, match="`languages` must be given"):
        SEGMENTS.by_language()


def test_a_language_cannot_end_a_setting_of_the_signature():
    segments = replace(SEGMENTS, languages=["en", "en", "de|dtype:float16", "de"])
    signature = segments.corpus()["signature"]
    assert signature == "j:x|languages:de,de/dtype:float16,en"


def test_segments_equal_themselves_alone():
    equal = replace(SEGMENTS)
    assert SEGMENTS == SEGMENTS  # noqa: PLR0124
    assert equal != SEGMENTS
    assert len({SEGMENTS, equal}) == 2


def test_mean_does_not_depend_on_order():
    values = np.random.default_rng(0).random(1000) * 10.0 ** np.random.default_rng(
        1
    ).integers(-9, 9, 1000)
    assert mean(values) == mean(values[::-1]) == math.fsum(values) / 1000


def test_mean_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="no segments"):
        mean([])


def test_signature_shows_bools_and_fractions_shortly():
    parts = {
        "j": "embedded",
        "newline": False,
        "detok": True,
        "threshold": 0.5,
        "slope": 1.5,
        "bar": "a|b",
    }
    assert (
        render(parts)
        == "j:embedded|newline:no|detok:yes|threshold:.5|slope:1.5|bar:a/b"
    )


def test_signature_names_precision_references_and_changed_protocols():
    assert precision({"style": "float32", "content": "float32"}) == "float32"
    assert (
        precision({"style": "bfloat16", "content": "float32"})
        == "style=bfloat16,content=float32"
    )
    assert reference_counts(None) is False
    assert reference_counts([["a"], ["b"]]) == "1"
    assert reference_counts([["a"], ["b", "c", "d"]]) == "1-3"
    assert protocol_name(replace(EMNLP2021, newline=False)) == "emnlp2021"
    assert protocol_name(replace(EMNLP2021, strip="all")).startswith("custom@")
