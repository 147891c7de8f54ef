"""Records that cannot mean anything are refused when they are made, whichever way they
are made.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from toxicity_j import Content, Fluency, Protocol, Style, get_protocol, protocols
from toxicity_j.protocols import as_protocol

EMBEDDED = get_protocol("embedded")


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"rule": "logits"},
            ValueError,
            "`rule` of Style must be one of soft, argmax, logit; got 'logits'",
        ),
        ({"rule": None}, TypeError, "`rule` of Style must be one of"),
        (
            {"rule": "logit"},
            ValueError,
            "`logit_threshold` of Style must be a logit for the rule 'logit'; got None",
        ),
        (
            {"rule": "logit", "logit_threshold": float("nan")},
            ValueError,
            "`logit_threshold` of Style must be a finite",
        ),
        (
            {"logit_threshold": 0.8},
            ValueError,
            "`logit_threshold` of Style must be None for the rule 'soft'",
        ),
        (
            {"model": "encoder", "rule": "logit", "logit_threshold": 0.8},
            ValueError,
            "`rule` of Style must not be 'logit'",
        ),
        ({"model": " "}, ValueError, "`model` of Style must not be blank"),
        ({"model": None}, TypeError, "`model` of Style must be a string; got None"),
        ({"label": -1}, ValueError, "`label` of Style must be at least 0; got -1"),
        ({"label": "toxic"}, TypeError, "`label` of Style must be a whole number"),
        (
            {"label_is": "rude"},
            ValueError,
            "`label_is` of Style must be one of toxic, neutral",
        ),
        (
            {"relative": 1},
            TypeError,
            "`relative` of Style must be True or False; got 1",
        ),
        (
            {"slope": -1},
            ValueError,
            "`slope` of Style must be a finite number of at least 0; got -1",
        ),
        ({"saturation": 0}, ValueError, "`saturation` of Style must be above 0"),
        (
            {"saturation": 1.5},
            ValueError,
            r"`saturation` of Style must be a finite number in \[0, 1\]; got 1.5",
        ),
        (
            {"saturation": 0.9, "rule": "argmax"},
            ValueError,
            "`saturation` of Style must be None unless `rule` is 'soft'",
        ),
        (
            {"saturation": 0.9, "slope": 0.9},
            ValueError,
            "`saturation` of Style must be None where `slope` is given",
        ),
    ],
)
def test_style(fields, error, message):
    with pytest.raises(error, match=message):
        Style(**{"model": "owner/name", **fields})


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"kind": "wietting"},
            ValueError,
            "`kind` of Content must be one of encoder, wieting, .*; got 'wietting'",
        ),
        # the most similar reference and the source would add up to 1.2 times a
        # similarity
        (
            {"source_weight": 0.5, "reference_weight": 0.7},
            ValueError,
            (
                "`source_weight` and `reference_weight` of Content must add up to 1;"
                " got 1.2"
            ),
        ),
        (
            {"source_weight": -0.5, "reference_weight": 1.5},
            ValueError,
            r"`source_weight` of Content .* in \[0, 1\]",
        ),
        (
            {"kind": "encoder"},
            ValueError,
            "`model` of Content must be 'encoder' if and only if `kind` is",
        ),
        (
            {"model": "encoder"},
            ValueError,
            "`model` of Content must be 'encoder' if and only if `kind` is",
        ),
    ],
)
def test_content(fields, error, message):
    with pytest.raises(error, match=message):
        Content(**{"model": "owner/name", "kind": "sentence", **fields})


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"kind": "classifer"},
            ValueError,
            "`kind` of Fluency must be one of .*; got 'classifer'",
        ),
        (
            {"rule": "logit"},
            ValueError,
            "`rule` of Fluency must be one of soft, argmax; got 'logit'",
        ),
        ({"model": None}, TypeError, "`model` of Fluency must be a string; got None"),
        ({"kind": "chrf"}, ValueError, "`model` of Fluency must be None for chrF"),
        (
            {"kind": "xcomet", "relative": True},
            ValueError,
            "`relative` of Fluency must not be set for the kind 'xcomet'",
        ),
        (
            {"model": None, "kind": "chrf", "rule": "argmax"},
            ValueError,
            "`rule` of Fluency must not be set for the kind 'chrf'",
        ),
        (
            {"model": "encoder", "kind": "encoder", "label": 3},
            ValueError,
            "`label` of Fluency must not be set for the kind 'encoder'",
        ),
        (
            {"slope": 1.15},
            ValueError,
            "`slope` of Fluency must be None unless `relative` is True",
        ),
    ],
)
def test_fluency(fields, error, message):
    with pytest.raises(error, match=message):
        Fluency(**{"model": "owner/name", "kind": "classifier", **fields})


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"style": None}, TypeError, "`style` of Protocol must be a Style; got None"),
        (
            {"content": "encoder"},
            TypeError,
            "`content` of Protocol must be a Content; got 'encoder'",
        ),
        ({"strip": "sources"}, ValueError, "`strip` of Protocol must be one of"),
        ({"newline": "yes"}, TypeError, "`newline` of Protocol must be True or False"),
        ({"name": ""}, ValueError, "`name` of Protocol must not be blank"),
        (
            {"content": Content("a/b", "sentence", 0.4, 0.6)},
            ValueError,
            (
                "`references` of Protocol must not be 'unused', because of the"
                " `reference_weight` of Content"
            ),
        ),
        (
            {"fluency": Fluency(None, "chrf")},
            ValueError,
            "must not be 'unused', because of the `kind` 'chrf'",
        ),
        (
            {"content": Content("a/b", "sentence", 0.0, 1.0), "references": "optional"},
            ValueError,
            "`references` of Protocol must be 'required'",
        ),
        (
            {"references": "required"},
            ValueError,
            "`references` of Protocol must be 'unused', since no factor uses them",
        ),
    ],
)
def test_protocol(fields, error, message):
    with pytest.raises(error, match=message):
        replace(EMBEDDED, **fields)


def test_whole_numbers_of_numpy_are_labels():
    assert Style("owner/name", label=np.int64(1)).label == 1


def test_a_protocol_can_be_named_or_given_as_fields():
    for name, protocol in protocols().items():
        assert as_protocol(name) is protocol
        assert as_protocol(protocol) is protocol
        assert as_protocol(asdict(protocol)) == protocol
    with pytest.raises(
        TypeError,
        match="`protocol` must be a name, a Protocol or a dict of its fields; got 3",
    ):
        as_protocol(3)
    with pytest.raises(
        TypeError, match="`style` must have the fields of Style, model, .*modle"
    ):
        as_protocol({**asdict(EMBEDDED), "style": {"modle": "encoder"}})


def test_columns_without_which_there_is_no_j():
    assert replace(EMBEDDED, content=None).needs == ("predictions",)
    assert replace(EMBEDDED, fluency=None).needs == ("predictions", "sources")
    relative = Protocol(
        "x", "", "", Style("a/b", relative=True), None, Fluency("a/b", "classifier")
    )
    assert relative.needs == ("predictions", "sources")
