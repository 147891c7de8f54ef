"""The development table on made-up data, with an encoder whose scores are known
beforehand.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from training import eval_metrics, eval_pairs, evaluate
from training.data.made_up import write_made_up_data
from training.data.sources import read_paradetox


class Stub:
    """P(toxic) is 0.75 for all; SIM is the share of words in common; FL is 1."""

    @classmethod
    def from_pretrained(cls, path=None, device=None, dtype="float32"):
        return cls()

    def p_toxic(self, texts):
        return np.full(len(texts), 0.75)

    def score(self, predictions, sources, want=("style", "content", "fluency")):
        pairs = [
            (set(one.split()), set(two.split()))
            for one, two in zip(predictions, sources, strict=True)
        ]
        found = {
            "style": self.p_toxic(predictions),
            "content": np.array(
                [len(one & two) / max(1, len(one | two)) for one, two in pairs]
            ),
            "fluency": np.ones(len(pairs)),
        }
        return {role: found[role] for role in want}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("made_up")
    write_made_up_data(path)
    return path


def test_the_table_says_what_the_scores_are(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(eval_metrics, "RESAMPLES", 10)
    monkeypatch.setattr(evaluate, "Encoder", Stub)
    monkeypatch.setattr(
        eval_pairs, "frozen_cosines", lambda one, two: np.arange(len(one)) / len(one)
    )
    path = tmp_path / "table.json"
    evaluate.main(["--data", str(folder), "--output_file", str(path)])
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    values = {
        (row["part"], row["name"], row["statistic"]): row["value"] for row in rows
    }
    assert {row["part"] for row in rows} == {"style", "content", "fluency", "J"}
    # A copy has all words in common, FL 1, and P(toxic) 0.75: J is (1 - 0.75) * 1 * 1.
    assert values["content", "made system: copy", "mean"] == 1
    assert values["J", "made system: copy", "mean"] == 0.25
    # All sources lie above 0.5, and so do all rewrites; equal scores cannot tell them
    # apart.
    assert values["style", "ParaDetox tenth: toxic sources caught", "share"] == 1
    assert values["style", "ParaDetox tenth: rewrites passed", "share"] == 0
    assert values["style", "ParaDetox tenth: source against rewrite", "AUC"] == 0.5
    assert "made system: half lost" in capsys.readouterr().out


def test_made_up_data_are_equal_for_equal_seeds(folder, tmp_path):
    write_made_up_data(tmp_path)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.*"))
    assert len(names) > 55
    for name in names:
        if name.suffix != ".parquet":
            assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_made_up_paradetox_has_both_parts(folder):
    train, held_out = read_paradetox(folder)
    assert len(train) > 50
    assert len(held_out) > 3


def test_a_torn_paradetox_is_named(tmp_path):
    (tmp_path / "paradetox_train.tsv").write_text(
        'toxic\tneutral1\n"a stray mark\tfine\nb\tc\n', encoding="utf-8"
    )
    with pytest.raises(ValueError, match="expected 2 rows"):
        read_paradetox(tmp_path)
