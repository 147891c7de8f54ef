"""The training example runs from beginning to end on a few invented pairs."""

from __future__ import annotations

import csv
import json

import pytest

from examples import detox_training


class Judge:
    """Stands in for the Scorer: the numbers are not what is tested here."""

    def __init__(self, protocol):
        assert protocol == "embedded"

    def score(self, predictions, sources):
        import numpy as np

        assert len(predictions) == len(sources)
        half = np.full(len(predictions), 0.5)
        return type("Segments", (), dict.fromkeys(("p_toxic", "sim", "fl", "j"), half))()


def test_it_trains_judges_and_draws(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(detox_training, "Scorer", Judge)
    monkeypatch.setattr(detox_training, "VOCABULARY", 300)
    with (tmp_path / "paradetox_train.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["toxic", "neutral1", "neutral2", "neutral3"])
        for place in range(80):
            writer.writerow([f"plan {place} is a crap idea", f"plan {place} is a poor idea", "", ""])
    flags = ["--data", str(tmp_path), "--output", str(tmp_path / "out"), "--epochs", "2", "--test-size", "3"]
    results = detox_training.main(flags)
    assert list(results) == ["sources", "cross-entropy", "+ toxicity loss"]
    assert list(results["sources"]) == ["p_toxic_identifier", "p_toxic_encoder", "sim", "fl", "j"]
    assert "| + toxicity loss |" in capsys.readouterr().out
    assert (tmp_path / "out" / "detox_training.png").stat().st_size > 1000
    history = json.loads((tmp_path / "out" / "detox_training.json").read_text())["history"]
    alone, added = history["cross-entropy"], history["+ toxicity loss"]
    assert alone[1]["cross_entropy"] < alone[0]["cross_entropy"]
    # Equal seeds: the runs are one until the loss comes in halfway.
    assert added[0]["cross_entropy"] == alone[0]["cross_entropy"]
    assert added[0]["toxicity"] == 0 < added[1]["toxicity"]
