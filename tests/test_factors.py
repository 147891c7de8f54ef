"""Factors of a protocol: known cases, factors left out, saturation, the last line of a
file, decisions near an edge.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from tests.tiny import TEXTS
from toxicity_j import Content, Scorer, Style, get_protocol, loaded_components
from toxicity_j.class_labels import find_class
from toxicity_j.known_cases import override_known_cases
from toxicity_j.model_interface import Scored
from toxicity_j.rules import RESCORE_MARGIN, Decision, compares_borderline, saturate

EMBEDDED = get_protocol("embedded")


# --- Known cases


def test_the_table_of_known_cases():
    predictions = ["", "...", "Same Words", "other"]
    scores = np.full(4, 0.3)
    assert override_known_cases("blank", "content", scores, predictions).tolist() == [
        0,
        0,
        0.3,
        0.3,
    ]
    assert override_known_cases("blank", "fluency", scores, predictions).tolist() == [
        0,
        0,
        0.3,
        0.3,
    ]
    sources = ["a", "b", "same\u00ad  words", "words"]
    assert override_known_cases(
        "copy", "content", scores, predictions, sources
    ).tolist() == [0.3, 0.3, 1, 0.3]


def test_blank_is_zero_is_obeyed():
    columns = (["", "The train is late."], ["The train is late."] * 2)
    zero = Scorer(EMBEDDED, device="cpu").score(*columns)
    network = Scorer(replace(EMBEDDED, blank_is_zero=False), device="cpu").score(
        *columns
    )
    assert zero.sim.tolist() == [0, 1]
    assert zero.fl[0] == 0
    assert network.sim[0] > 0
    assert network.fl[0] > 0
    assert network.sim[1] == 1  # a copy is a copy


@pytest.mark.parametrize("blank", ["", "%20", "\u200b", "&nbsp;", "..."])
@pytest.mark.parametrize("source", ["", "%20", "The train is late."])
def test_a_blank_prediction_is_zero_however_it_is_written(blank, source):
    segments = Scorer(EMBEDDED, device="cpu").score([blank], [source])
    assert segments.sim.tolist() == segments.fl.tolist() == [0]


# --- Factors left out


def test_a_protocol_without_content_or_fluency(english):
    emnlp = get_protocol("emnlp2021")
    models = dict(english)
    full = Scorer(emnlp, device="cpu", **models).score(TEXTS, TEXTS[::-1])
    del models["content_model"]
    # STA * FL needs no sources
    without = Scorer(replace(emnlp, content=None), device="cpu", **models).score(TEXTS)
    assert without.sim is None
    np.testing.assert_array_equal(without.j, full.sta * full.fl)
    assert set(without.corpus()) == {
        "sta",
        "nontoxic_share",
        "fl",
        "j",
        "n",
        "signature",
    }
    models = {name: path for name, path in english.items() if name != "fluency_model"}
    product = Scorer(replace(emnlp, fluency=None), device="cpu", **models).score(
        TEXTS, TEXTS[::-1]
    )
    assert product.fl is None
    np.testing.assert_array_equal(product.j, full.sta * full.sim)
    with pytest.raises(
        ValueError, match="`fluency_model` must be None: .* has no fluency factor"
    ):
        Scorer(replace(emnlp, fluency=None), fluency_model="encoder")


# --- Saturation


def test_saturation_is_min_p_and_s_over_s():
    # s = .8: .4 -> .5, .8 -> 1, .9 -> 1
    np.testing.assert_allclose(saturate(np.array([0.4, 0.8, 0.9]), 0.8), [0.5, 1, 1])
    texts = ["The train is late.", "You are a stupid fool."]
    unsaturated = replace(EMBEDDED, style=replace(EMBEDDED.style, saturation=None))
    plain = Scorer(unsaturated, device="cpu").score(texts)
    protocol = replace(EMBEDDED, style=replace(EMBEDDED.style, saturation=0.8))
    saturated = Scorer(protocol, device="cpu").score(texts)
    np.testing.assert_allclose(saturated.sta, np.minimum(plain.sta, 0.8) / 0.8)
    np.testing.assert_array_equal(saturated.p_toxic, plain.p_toxic)
    np.testing.assert_array_equal(
        Scorer(protocol, device="cpu", soft=False).score(texts).sta, plain.nontoxic
    )
    assert saturated.signature.startswith("j:custom@")


# --- The last line of a file (R16)


def test_the_last_line_may_lack_its_newline(english):
    scorer = Scorer("emnlp2021", device="cpu", soft=True, **english)
    given = [text + "\n" for text in TEXTS[:3]] + [TEXTS[3]]
    # What readlines() gives, read as it is, is the reference.
    expected = (
        Scorer("emnlp2021", device="cpu", soft=True, newline=False, **english)
        .score(given)
        .p_toxic
    )
    found = scorer.score(TEXTS[:4], unterminated=["predictions"]).p_toxic
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert abs(scorer.score(TEXTS[:4]).p_toxic[3] - expected[3]) > 1e-4


# --- Classes (R13)


def test_an_index_on_trust_is_warned_about_once(checkpoints, caplog):
    folder = checkpoints("roberta", "cola", seed=4)
    named = Scorer(
        replace(get_protocol("emnlp2021"), content=None), device="cpu", style_model=folder, style_label=1,
        fluency_model=folder, fluency_label=0,
    )  # fmt: skip
    scorer = Scorer(
        replace(get_protocol("emnlp2021"), content=None), device="cpu", style_model=folder, style_label=1,
        fluency_model=folder,
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, logger="toxicity_j"):
        first = scorer.score(TEXTS)
        scorer.score(TEXTS)
        np.testing.assert_array_equal(named.score(TEXTS).fl, first.fl)
    warned = [
        record.getMessage()
        for record in caplog.records
        if "do not say which is acceptable" in record.msg % record.args
    ]
    assert len(warned) == 1
    assert "`fluency_label`" in warned[0]


def test_classes_found_by_name_are_not_on_trust():
    assert find_class(
        {0: "Acceptable", 1: "bad"}, "acceptable", 0, "fluency_label"
    ).by_name
    assert (
        find_class(
            {0: "unacceptable", 1: "good"}, "acceptable", None, "fluency_label"
        ).index
        == 1
    )
    assert not find_class(
        {0: "LABEL_0", 1: "LABEL_1"}, "acceptable", 0, "fluency_label"
    ).by_name


@pytest.mark.parametrize(
    "labels",
    [
        {0: "neutral", 1: "offensive", 2: "hate"},
        {0: "toxic", 1: "toxic"},
        {0: "LABEL_0", 1: "Toxic", 2: "abusive"},
    ],
)
def test_of_several_toxic_classes_none_is_chosen(labels):
    message = "`style_label` must name the toxic class to read.* more than one class"
    with pytest.raises(ValueError, match=message):
        find_class(labels, "toxic", 1, "style_label")
    # Others may be toxic in part.
    assert find_class({0: "severe_toxic", 1: "toxic"}, "toxic", None, "").index == 1


def test_a_class_that_the_model_lacks(checkpoints):
    folder = checkpoints("roberta", "toxicity", labels=["neutral", "toxic"], seed=3)
    protocol = replace(
        EMBEDDED, style=Style(folder, label=7), content=None, fluency=None
    )
    with pytest.raises(
        ValueError, match="`label` of the protocol must be a class of .*neutral.*got 7"
    ):
        Scorer(protocol, device="cpu").score(TEXTS)


# --- Reduced precision (R18)


def test_a_comparison_near_its_edge_marks_both_texts():
    margin = RESCORE_MARGIN
    # predictions 0 and 1, sources 2 and 3, references 4, 5 (of 0) and 6 (of 1)
    odds = np.array(
        [0.0, 5.0, 0.5 * margin, -5.0, 2 * margin, -0.9 * margin, 5.0 + 0.9 * margin]
    )
    references = [np.array([4, 5]), np.array([6])]
    found = compares_borderline(odds, slice(0, 2), slice(2, 4), references)
    assert found.tolist() == [True, True, True, False, False, True, True]


def test_a_probability_near_its_threshold_is_borderline():
    # logit(.5) = 0 and logit(.6) = .405 < .5; logit(.7) = .847
    found = Decision("probability", 0.5).is_borderline_probability(
        np.array([0.5, 0.6, 0.7, 0.4, 0.0, 1.0])
    )
    assert found.tolist() == [True, True, False, True, False, False]


def test_comparisons_hold_in_reduced_precision(checkpoints):
    options = {
        "style_model": checkpoints("xlm_roberta", "textdetox", seed=6),
        "device": "cpu",
    }
    protocol = replace(get_protocol("textdetox2025"), content=None, fluency=None)
    # each text against each other one, so that many comparisons are near
    predictions = [text for text in TEXTS for _ in TEXTS]
    sources = TEXTS * len(TEXTS)
    exact = Scorer(protocol, **options).score(predictions, sources, sources[::-1])
    half = Scorer(protocol, dtype="bfloat16", **options).score(
        predictions, sources, sources[::-1]
    )
    assert abs(half.p_toxic - exact.p_toxic).max() > 0
    # a comparison that flips moves STA by half or more; rounding moves it by far less
    assert abs(half.sta - exact.sta).max() < 0.1


def test_hard_decisions_of_the_built_in_encoder_hold_in_reduced_precision():
    texts = [
        *TEXTS,
        "You are wrong.",
        "You are a fool.",
        "What a silly idea.",
        "Nobody asked you.",
    ]
    exact = Scorer(device="cpu", soft=False).score(texts)
    half = Scorer(device="cpu", soft=False, dtype="bfloat16").score(texts)
    np.testing.assert_array_equal(half.sta, exact.sta)
    assert "|dtype:bfloat16|" in half.signature
    assert (
        "|dtype:float32|"
        in Scorer(device="cpu", style_model="identifier", dtype="bfloat16")
        .score(texts)
        .signature
    )


# --- One lock


class Slow:
    """A style model that notices when it is used by two threads at once."""

    revision, dtype = "", "float32"
    inside = 0

    def p_toxic(self, texts, *, is_borderline=None, progress=None):
        self.inside += 1
        time.sleep(0.01)
        alone = self.inside == 1
        self.inside -= 1
        return Scored(np.full(len(texts), 0.25 if alone else 0.75))


def test_threads_load_once_and_take_turns(monkeypatch):
    loads = []

    def load(component, run):
        loads.append(threading.get_ident())
        time.sleep(0.05)
        return Slow()

    monkeypatch.setattr(loaded_components, "load", load)
    scorer = Scorer(style_model="identifier")
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda _: scorer.score(["a"]).p_toxic[0], range(12)))
    assert len(loads) == 1
    assert scores == [0.25] * 12


class Held:
    """A style model that does not finish with "wait" until it may."""

    revision, dtype = "", "float32"

    def __init__(self) -> None:
        self.is_inside, self.may_go = threading.Event(), threading.Event()

    def p_toxic(self, texts, *, is_borderline=None, progress=None):
        if "wait" in texts:
            self.is_inside.set()
            self.may_go.wait(60)
        return Scored(np.full(len(texts), 0.25))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_scores_while_a_thread_of_its_parent_does(monkeypatch):
    model = Held()
    monkeypatch.setattr(loaded_components, "load", lambda component, run: model)
    scorer = Scorer(style_model="identifier")
    thread = threading.Thread(target=scorer.score, args=(["wait"],), daemon=True)
    thread.start()
    assert model.is_inside.wait(60)
    context = multiprocessing.get_context("fork")
    child = context.Process(target=scorer.score, args=(["a"],))
    child.start()
    child.join(30)
    code = child.exitcode
    child.kill()
    model.may_go.set()
    thread.join(60)
    assert code == 0
    # The parent's lock still is one.
    assert scorer.score(["a"]).p_toxic[0] == 0.25


# --- Options


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("device", [], TypeError, "`device` must be a string"),
        ("device", "meta", ValueError, "`device` must be a device of this machine"),
        ("dtype", [], TypeError, "`dtype` must be a string"),
        ("batch_size", True, TypeError, "`batch_size` must be a whole number"),
        (
            "style_label",
            1.5,
            TypeError,
            "`style_label` must be a label's name or its index",
        ),
        ("style_label", -1, ValueError, "`style_label` must be at least 0"),
        ("protocol", 3, TypeError, "`protocol` must be a name"),
        ("protocol", [], TypeError, "`protocol` must be a name"),
    ],
)
def test_options_are_named(option, value, error, message):
    with pytest.raises(error, match=message):
        Scorer(**{option: value})


def test_whole_numbers_of_numpy_are_whole_numbers():
    scorer = Scorer(
        style_model="identifier",
        batch_size=np.int64(2),
        threshold=np.float32(0.5),
        device="cpu",
    )
    assert len(scorer.score(["a", "b", "c"])) == 3


def test_an_argmax_needs_two_classes(checkpoints):
    folder = checkpoints("roberta", "one", num_labels=1, seed=7)
    protocol = replace(get_protocol("paradetox2022"), content=None, fluency=None)
    with pytest.raises(
        ValueError,
        match="`style_model` must have two or more classes for the rule 'argmax'",
    ):
        Scorer(protocol, device="cpu", style_model=folder).score(TEXTS)


def test_the_signature_tells_fluency_beside_a_source_from_that_of_a_text():
    roles = ("style_model", "content_model", "fluency_model")
    scorer = Scorer("krishna2020", device="cpu", **dict.fromkeys(roles, "encoder"))
    predictions, sources = ["The soup are cold."], ["You fool, the soup is cold."]
    beside = scorer.score(predictions, sources, references=sources)
    alone = scorer.score(predictions, references=sources)
    assert beside.fl[0] != pytest.approx(alone.fl[0], abs=1e-3)
    assert "|references:1|sources:no|" in alone.signature
    assert alone.signature.replace("|sources:no", "") == beside.signature


@pytest.mark.parametrize("soft", [True, False])
def test_the_signature_tells_a_relative_style_without_sources(soft):
    protocol = replace(get_protocol("textdetox2025"), content=None, fluency=None)
    scorer = Scorer(protocol, device="cpu", style_model="identifier", soft=soft)
    predictions, sources = ["The soup is cold."], ["You fool, the soup is cold."]
    compared, plain = scorer.score(predictions, sources), scorer.score(predictions)
    # The hard decision compares with nothing.
    assert (compared.sta[0] != plain.sta[0]) == soft
    assert (compared.signature != plain.signature) == soft


def test_content_of_a_custom_protocol_may_be_the_encoder():
    protocol = replace(
        EMBEDDED, content=Content("encoder", "encoder", 0.4, 0.6), references="optional"
    )
    segments = Scorer(protocol, device="cpu").score(
        ["the train"], ["the train"], [["another text", "The train"]]
    )
    assert segments.sim.tolist() == [1.0]


@pytest.mark.parametrize("name", ["style_label", "style_tokenizer", "fluency_label"])
def test_options_of_classifiers_are_refused_for_other_models(name):
    message = f"`{name}` must be None for a model of the kind 'encoder'"
    with pytest.raises(ValueError, match=message):
        Scorer(**{name: "toxic"})


@pytest.mark.parametrize("name", ["style_label", "style_tokenizer"])
def test_options_of_classifiers_are_refused_for_the_identifier(name):
    message = f"`{name}` must be None for a model of the kind 'identifier'"
    with pytest.raises(ValueError, match=message):
        Scorer(style_model="identifier", **{name: "toxic"})
