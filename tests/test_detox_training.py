"""The training example runs from beginning to end on a few invented pairs."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from examples import (
    detox_model,
    detox_objectives,
    detox_report,
    detox_run,
    detox_training,
)


class Judge:
    """Stands in for the Scorer: the numbers are not what is tested here."""

    def __init__(self, protocol):
        assert protocol == "embedded"

    def score(self, predictions, sources):
        assert len(predictions) == len(sources)
        half = np.full(len(predictions), 0.5)
        return type(
            "Segments", (), dict.fromkeys(("p_toxic", "sim", "fl", "j"), half)
        )()


@pytest.mark.filterwarnings("ignore:.*segments")
def test_it_trains_judges_and_draws(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(detox_report, "Scorer", Judge)
    monkeypatch.setattr(detox_model, "VOCABULARY", 300)
    with (tmp_path / "paradetox_train.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["toxic", "neutral1", "neutral2", "neutral3"])
        for index in range(80):
            writer.writerow(
                [f"plan {index} is a crap idea", f"plan {index} is a poor idea", "", ""]
            )
    flags = [
        "--data",
        str(tmp_path),
        "--output",
        str(tmp_path / "out"),
        "--seeds",
        "2",
        "--warm-epochs",
        "1",
        "--workers",
        "1",
        "--expected-toxicity-loss",
        "1",
        "--minimum-risk",
        "1",
        "--j-as-reward-and-toxicity-loss",
        "1",
    ]
    found = detox_training.main(
        [*flags, "--epochs", "2", "--toxicity-loss", "0.5", "2", "--test-size", "3"]
    )
    runs = [
        ("human rewrites", 0.0),
        ("cross-entropy", 0.0),
        ("toxicity loss", 0.5),
        ("toxicity loss", 2.0),
        ("expected toxicity loss", 1.0),
        ("minimum risk", 1.0),
        ("J as reward and toxicity loss", 1.0),
    ]
    assert list(found) == runs
    assert "| + toxicity loss, weight" in capsys.readouterr().out
    assert (tmp_path / "out" / "detox_training.png").stat().st_size > 1000
    written = json.loads((tmp_path / "out" / "detox_training.json").read_text())
    assert written["seeds"] == 2
    assert [(run["objective"], run["weight"]) for run in written["runs"]] == runs
    assert sum(run["chosen"] for run in written["runs"]) == 4


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(
        SystemExit, match="--data must be a folder with paradetox_train.tsv"
    ):
        detox_training.main(["--data", str(tmp_path), "--output", str(tmp_path)])


def test_trainings_go_on_from_one_state_and_apart():
    pairs = [([5, 6, 7], [1, 5, 6, 2]), ([8, 9], [1, 9, 2])] * 4
    options = detox_run.Options(warm_epochs=1, epochs=2, batch_size=4, dim=16)
    warm, one, two = (detox_run.Training(pairs, 12, options, seed=0) for _ in range(3))
    warm.run(range(1), "warm")
    before = [parameter.clone() for parameter in warm.model.parameters()]
    for training in (one, two):
        training.restore(warm.saved())
        training.run(range(1, 2), "on")
    assert all(map(torch.equal, one.model.parameters(), two.model.parameters()))
    assert all(map(torch.equal, before, warm.model.parameters()))
    assert not all(map(torch.equal, before, one.model.parameters()))


def test_batches_hold_each_pair_once_and_like_lengths_together():
    pairs = [([7] * (1 + n % 30), [1, 2]) for n in range(640)]
    batches = detox_run.batches(pairs, 64, seed=3)
    assert sorted(pair for batch in batches for pair in batch) == sorted(pairs)
    widest = [max(len(source) for source, _ in batch) for batch in batches]
    padded = sum(
        width * len(batch) for width, batch in zip(widest, batches, strict=True)
    )
    # Without padding 640 sources of 1 to 30 tokens have about 9,900.
    assert padded < 12_000


def test_the_last_state_is_what_the_whole_prefix_gives():
    torch.manual_seed(0)
    model = detox_model.Detoxifier(20, 16).eval()
    sources = detox_model.as_tensor([[5, 6, 7], [8, 9]])
    written = torch.tensor([[1, 5, 6], [1, 9, 8]])
    memory = model.encode(sources)
    whole = model._decode(sources, memory, written)[:, -1:]
    last = model._last_state(sources, memory, written)
    torch.testing.assert_close(last, whole, atol=1e-6, rtol=0)


def test_draws_follow_the_probabilities():
    torch.manual_seed(0)
    probabilities = torch.tensor([[0.1, 0.2, 0.0, 0.7]]).expand(20_000, 4)
    counts = torch.bincount(detox_model._draw(probabilities), minlength=4)
    assert counts[2] == 0
    # Four standard deviations of a share of .7 among 20,000 are .013.
    assert counts[3].item() / 20_000 == pytest.approx(0.7, abs=0.013)


def test_the_weight_is_the_least_toxic_one_that_keeps_the_meaning():
    def scores(p_toxic, sim, j):
        pairs = zip(detox_report.MEASURES, (p_toxic, p_toxic, sim, 1.0, j), strict=True)
        return {name: np.array([value]) for name, value in pairs}

    found = {
        detox_report.BASELINE: scores(0.3, 0.80, 0.30),
        ("a", 0.1): scores(0.25, 0.80, 0.32),
        ("a", 0.2): scores(0.20, 0.795, 0.31),
        ("a", 0.9): scores(0.05, 0.70, 0.40),
        ("b", 1.0): scores(0.10, 0.60, 0.35),
        ("b", 2.0): scores(0.02, 0.50, 0.20),
    }
    assert detox_report.choose(found, "a") == ("a", 0.2)
    assert detox_report.choose(found, "b") == ("b", 1.0)


def test_overlap_is_the_f1_of_tokens_and_pairs():
    # 5 6 7 has 3 tokens and 2 pairs, 5 6 has 2 and 1; shared are 5, 6 and 5-6: 2 * 3 /
    # (5 + 3).
    assert detox_objectives.overlap([5, 6, 7, 2], [1, 5, 6, 2]) == pytest.approx(0.75)
    assert detox_objectives.overlap([2], [1, 2]) == 0
