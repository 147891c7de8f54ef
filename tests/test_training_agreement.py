"""Agreement with people on made-up ratings, whose correlations are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training import agreement
from training.modules.release_scores import release_scores


def by_length(pairs):
    """Stand in for a release: every score grows with the length of the rewrite."""
    length = pairs.rewrite.str.len() / 100
    return pd.DataFrame(dict.fromkeys(("sta", "sim", "fl", "j"), length))


@pytest.fixture
def folder(tmp_path):
    """Ratings that grow with the length of the rewrite, but for fluency, which
    falls.
    """
    texts = ["a", "ab", "abc", "abcd", "abcde", "abcdef"]
    up, down = np.linspace(0.1, 0.9, 6), np.linspace(0.9, 0.1, 6)
    pairs = {"source": ["one", "one", "two", "two", "three", "three"], "rewrite": texts}
    half = pd.DataFrame(
        {**pairs, "style": up, "meaning": up, "fluency": down, "product": up}
    )
    systems = {
        "emnlp2021": ["mask_infill", "condbert"] * 3,
        "clef2024": ["x", "x", "y", "y", "z", "z"],
    }
    detox = [half.assign(set=name, system=of) for name, of in systems.items()]
    tables = {
        "detox_open": pd.concat(detox),
        "style_gap": pd.DataFrame({**pairs, "meaning_mean_1_5": up}),
        "inapp_edit_abs": pd.DataFrame(
            {**pairs, "meaning_mean_1_5": up, "fluency_mean_1_5": down}
        ),
        "inapp_edit_pairs": pd.DataFrame(
            {
                "source": pairs["source"],
                "rewrite_a": ["a"] * 6,
                "rewrite_b": texts,
                "prefer_b_mean_0_8": up,
            }
        ),
        "acceptability_mt": pd.DataFrame(
            {"text": texts, "mean_1_4": down, "context": "none"}
        ),
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    return tmp_path


def test_correlations_of_made_up_ratings(folder):
    rows = {
        (row.part, row.name): row for row in agreement.agreement_rows(folder, by_length)
    }
    assert len(rows) == 19
    for (_, name), row in rows.items():
        # Everything rises with the rewrite's length but fluency. The area of a right
        # order is 1 too.
        assert row.value == pytest.approx(-1 if "fluency" in name else 1)
        assert row.low <= row.value <= row.high
    # Three of the six outputs of the first set are mask_infill's.
    assert rows["emnlp2021", "fluency, without mask_infill"].n == 3
    assert rows["emnlp2021", "style"].n == 6


def test_a_source_is_drawn_with_all_of_its_outputs():
    frame = pd.DataFrame({"source": ["one", "one", "two"], "value": [1.0, 2.0, 30.0]})
    sizes = set()
    agreement.grouped_interval(lambda rows: sizes.add(len(rows)) or 0.0, frame)
    # Two draws of two sources: twice the first, one of each, or twice the second.
    assert sizes == {4, 3, 2}


def test_style_of_another_model_moves_style_alone():
    pairs = pd.DataFrame(
        {"source": ["You fool, go away."], "rewrite": ["You silly fool, leave."]}
    )
    own = release_scores(agreement.ROOT)(pairs)
    other = release_scores(agreement.ROOT, "identifier")(pairs)
    assert own.sta[0] != other.sta[0]
    assert own[["sim", "fl"]].equals(other[["sim", "fl"]])
