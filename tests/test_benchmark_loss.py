"""The benchmark of the loss runs and writes what it prints; how fast anything is, is
not tested.
"""

from __future__ import annotations

import json

import pytest

from benchmarks import loss


def test_small_run_prints_and_writes_a_row_per_model(tmp_path, capsys):
    costs = loss.main(
        [
            "--small",
            "--rounds",
            "1",
            "--batch-size",
            "2",
            "--length",
            "3",
            "--out",
            str(tmp_path),
        ]
    )
    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "loss.json").read_text())
    assert [cost["model"] for cost in written["costs"]] == list(loss.VOCABULARIES)
    for cost in costs:
        assert f"| {cost.model} | 600 | 2 x 3 |" in printed
        assert min(cost.step, cost.with_loss, cost.loss, cost.cross_entropy) > 0


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="--gpu needs a CUDA device"):
        loss.main(["--gpu"])
