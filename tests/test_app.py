"""The page: its scoring function on a stand-in metric, its messages, that it builds and scores with shipped models."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio", reason="the page needs gradio: pip install toxicity_j[app]")

import app

RESULT = {
    "sta": 0.75,
    "nontoxic_share": 1.0,
    "sim": 0.5,
    "fl": 0.25,
    "j": 0.125,
    "n": 2,
    "signature": "j:embedded",
    "segments": {"p_toxic": [0.5, 0], "sta": [0.5, 1], "sim": [1, 0], "fl": [0.5, 0], "j": [0.25, 0]},
}


class StandIn:
    """Returns `RESULT` and keeps the columns that it was given."""

    def compute(self, **columns):
        self.columns = columns
        return RESULT


@pytest.fixture
def stand_in(monkeypatch):
    metric = StandIn()
    monkeypatch.setattr(app, "metric", lambda style_model: metric)
    return metric


def test_score_fills_both_tables(stand_in):
    corpus, segments, signature = app.score([["a b", "c"], ["", ""], ["d", ""]], "encoder")
    # The second row has no text and is skipped; the third has an empty rewrite and is scored.
    assert stand_in.columns == {"predictions": ["c", ""], "sources": ["a b", "d"], "per_segment": True}
    assert corpus == [["0.750", "1.000", "0.500", "0.250", "0.125", "2"]]
    assert segments == [
        [1, "c", "0.500", "0.500", "1.000", "0.500", "0.250"],
        [3, "", "0.000", "1.000", "0.000", "0.000", "0.000"],
    ]
    assert signature == "j:embedded"
    assert len(corpus[0]) == len(app.CORPUS_HEADERS)
    assert len(segments[0]) == len(app.SEGMENT_HEADERS)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([["", " "]], "table is empty"),
        ([["a", "b"], [None, "c"]], "Row 2 has a rewrite but no source"),
        ([["a", "b", "c"]], "must have two columns"),
    ],
)
def test_unusable_table_is_explained(table, message):
    with pytest.raises(ValueError, match=message):
        app.pairs(table)
    with pytest.raises(app.gr.Error, match=message):
        app.on_score(table, "encoder")


def test_page_builds_without_a_model(monkeypatch):
    monkeypatch.setattr(app, "metric", lambda style_model: pytest.fail("no model before the first score"))
    page = app.build()
    labels = {block.label for block in page.blocks.values() if getattr(block, "label", None)}
    assert {"Pairs", "Style model", "All pairs", "Each pair"} <= labels


@pytest.mark.parametrize("style_model", ["encoder", "identifier"])
def test_shipped_models_prefer_the_civil_rewrite(style_model):
    rude = "You are a clueless fool and your plan is rubbish."
    _, segments, signature = app.score([[rude, "I don't think that your plan is good."], [rude, rude]], style_model)
    civil, copied = (float(row[-1]) for row in segments)
    assert civil > copied
    assert style_model in signature
