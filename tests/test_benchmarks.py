"""The benchmark runs and counts right; how fast anything is, is not tested."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import speed
from benchmarks.checkpoints import MEAN_TOKENS, Shape, corpus, tokenizer
from benchmarks.measure import in_fresh_process, rows


def test_small_run_writes_table_json_and_plot(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        speed, "in_fresh_process", lambda code: dict.fromkeys(_keys(code), 1.0)
    )
    speed.main(["--small", "--rounds", "1", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    for model in ("RoBERTa-base", "RoBERTa-large", "MiniLM-L6", "DistilBERT"):
        assert f"| {model} | ours, float32 |" in printed
    assert "| J | built in, bfloat16 |" in printed
    assert "| STA alone | identifier |" in printed
    results = json.loads((tmp_path / "speed.json").read_text())
    exact = [row for row in results["rows"] if row["variant"] == "ours, float32"]
    assert len(exact) == 4
    assert all(row["max_dp"] < 1e-4 for row in exact)
    assert (tmp_path / "speed.png").stat().st_size > 1000


def _keys(code: str) -> list[str]:
    """What the code prints; that it compiles is all that is looked at."""
    compile(code, "<measured>", "exec")
    return ["seconds", "texts", "peak", "microseconds"]


def test_rows_by_hand():
    # 10 texts: 2 s, 4 s, 2 s against 1 s, 1 s, 4 s; ratios 2, 4 and .5, medians 2 s, 1
    # s and 2.
    times = {"slow": np.array([2.0, 4.0, 2.0]), "quick": np.array([1.0, 1.0, 4.0])}
    slow, quick = rows("model", 10, times, flips={"quick": 3})
    assert (slow.rate, slow.ratio, slow.flips) == (5.0, 1.0, None)
    assert (quick.rate, quick.ratio, quick.low, quick.high, quick.flips) == (
        10.0,
        2.0,
        0.5,
        4.0,
        3,
    )


def test_corpus_has_the_lengths_intended():
    texts = corpus(2000)
    lengths = [len(ids) for ids in tokenizer()(texts)["input_ids"]]
    assert lengths == [len(text.split()) + 2 for text in texts]
    assert abs(np.mean(lengths) - MEAN_TOKENS) < 1
    assert texts == corpus(2000)


def test_flops_by_hand():
    # One layer of width 2, intermediate 3: 4 matrices of 2x2 and two of 2x3 are 28
    # weights, each multiplied and added.
    assert Shape("bert", 10, 1, 2, 1, 3).flops_per_token == 56


def test_a_fresh_process():
    assert in_fresh_process("print('loading'); print('{\"seconds\": 2}')") == {
        "seconds": 2
    }
    with pytest.raises(RuntimeError, match="a measured process failed: ValueError: no"):
        in_fresh_process("raise ValueError('no')")
