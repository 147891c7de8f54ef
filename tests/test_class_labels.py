"""Which class of a classifier is read, where its labels are one, or do not exclude each
other.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import TEXTS
from toxicity_j import Scorer, get_protocol
from toxicity_j.class_labels import find_class
from toxicity_j.model_classifier import Classifier
from toxicity_j.rules import sigmoid

# STA alone, and STA * FL: no model of content is needed.
SOFT = replace(get_protocol("pseudoparadetox2024"), content=None)
STYLE = replace(SOFT, fluency=None)
ARGMAX = replace(get_protocol("paradetox2022"), content=None, newline=False)
LOGIT = replace(get_protocol("emnlp2021"), content=None, fluency=None, newline=False)
EMBEDDED = get_protocol("embedded")


@pytest.fixture
def classifier(checkpoints):
    """A function from labels to a classifier's folder."""

    def build(*labels: str, multi_label: bool = False) -> str:
        name = "-".join([*labels, str(multi_label)])
        folder = checkpoints("roberta", name, labels=labels, seed=7)
        if multi_label:
            path = Path(folder, "config.json")
            config = json.loads(path.read_text())
            config["problem_type"] = "multi_label_classification"
            path.write_text(json.dumps(config))
        return folder

    return build


def share(folder: str, index: int) -> np.ndarray:
    """The sigmoid of one logit of each text."""
    return sigmoid(Classifier(folder, role="style").score(TEXTS).values[:, index])


@pytest.mark.parametrize("protocol", [EMBEDDED, STYLE], ids=["toxic", "neutral"])
def test_a_single_class_is_what_its_label_says(classifier, protocol):
    toxic, neutral = classifier("toxic"), classifier("neutral")
    for folder, expected in (
        (toxic, share(toxic, 0)),
        (neutral, 1 - share(neutral, 0)),
    ):
        segments = Scorer(protocol, device="cpu", style_model=folder).score(TEXTS)
        np.testing.assert_allclose(segments.p_toxic, expected, atol=1e-6)
    assert "#0=neutral" in segments.signature


@pytest.mark.parametrize("label", ["LABEL_0", "insult"])
def test_a_single_class_whose_label_says_nothing_must_be_named(classifier, label):
    folder = classifier(label)
    for protocol in (EMBEDDED, STYLE):
        options = {"protocol": protocol, "device": "cpu", "style_model": folder}
        with pytest.raises(ValueError, match="`style_label` must name the toxic class"):
            Scorer(**options).score(TEXTS)
        named = Scorer(style_label=0, **options).score(TEXTS)
        np.testing.assert_allclose(named.p_toxic, share(folder, 0), atol=1e-6)


def test_a_single_class_of_fluency_is_what_its_label_says(classifier):
    style = classifier("neutral", "toxic")
    for label, sign in (("acceptable", 1), ("unacceptable", -1)):
        folder = classifier(label)
        options = {"device": "cpu", "style_model": style, "fluency_model": folder}
        segments = Scorer(SOFT, **options).score(TEXTS)
        expected = 0.5 + sign * (share(folder, 0) - 0.5)
        np.testing.assert_allclose(segments.fl, expected, atol=1e-6)
        assert f"#0={label}" in segments.signature
    nameless = {**options, "fluency_model": classifier("LABEL_0")}
    with pytest.raises(ValueError, match="`fluency_label` must name the acceptable"):
        Scorer(SOFT, **nameless).score(TEXTS)


def test_independent_classes_have_no_argmax(classifier):
    exclusive = classifier("neutral", "toxic")
    labels = ("toxic", "obscene", "threat", "insult", "identity_hate")
    independent = classifier(*labels, multi_label=True)
    message = "`style_model` must have two or more classes for the rule 'argmax' that"
    with pytest.raises(ValueError, match=message):
        Scorer(ARGMAX, style_model=independent, device="cpu").score(TEXTS)
    options = {"fluency_model": independent, "fluency_label": 0, "device": "cpu"}
    with pytest.raises(ValueError, match=message.replace("style", "fluency")):
        Scorer(ARGMAX, style_model=exclusive, **options).score(TEXTS)
    # A threshold needs none.
    style = replace(ARGMAX, fluency=None)
    found = Scorer(style, style_model=independent, threshold=0.5, device="cpu")
    is_toxic = share(independent, 0) > 0.5
    assert 0 < is_toxic.mean() < 1
    np.testing.assert_array_equal(found.score(TEXTS).nontoxic, 1 - is_toxic)


@pytest.mark.parametrize("labels", [("toxic", "insult"), ("threat", "toxic", "insult")])
def test_of_independent_classes_none_is_the_opposite_of_another(classifier, labels):
    folder = classifier(*labels, multi_label=True)
    segments = Scorer(STYLE, device="cpu", style_model=folder).score(TEXTS)
    index = labels.index("toxic")
    np.testing.assert_allclose(segments.p_toxic, share(folder, index), atol=1e-6)
    np.testing.assert_allclose(segments.sta, 1 - segments.p_toxic)


def test_the_rule_for_a_logit_needs_the_toxic_class(classifier):
    message = "`style_model` must have a toxic class for the rule 'logit'; .*neutral"
    options = {"style_model": classifier("neutral"), "device": "cpu"}
    with pytest.raises(ValueError, match=message):
        Scorer(LOGIT, **options).score(TEXTS)
    assert len(Scorer(LOGIT, threshold=0.5, **options).score(TEXTS)) == len(TEXTS)


def test_two_classes_that_are_not_wanted_leave_none():
    message = "`style_label` must name the toxic class to read.* more than one class"
    with pytest.raises(ValueError, match=message):
        find_class({0: "toxic", 1: "hate"}, "neutral", 0, "style_label")
    # The index that a protocol states cannot be that of the opposite.
    labels = {0: "unacceptable", 1: "fair", 2: "good"}
    with pytest.raises(ValueError, match="do not say which is acceptable"):
        find_class(labels, "acceptable", 0, "fluency_label")
