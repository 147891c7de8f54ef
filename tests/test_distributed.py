"""Distributed mode of `evaluate`: each process stores its share, process 0 scores all
of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toxicity_j import Scorer, load, stored_columns

ROOT = Path(__file__).resolve().parents[1]

# Process 1 calls compute() and goes on to the next round while process 0 still sleeps;
# the last round leaves it no row.
ROUNDS = """
import json, os, sys, time
from pathlib import Path
import evaluate

rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
folder, cache, out = sys.argv[1:4]
options = {"style_model": "identifier", "cache_dir": cache, "num_process": world, "process_id": rank, "timeout": 60}
metric = evaluate.load(folder, experiment_id="rounds", **options)
for number, texts in enumerate(json.loads(sys.argv[4])):
    if number == 2:
        metric = evaluate.load(folder, experiment_id="rounds", **options)
    for text in texts[rank::world]:
        metric.add_batch(predictions=[text])
    time.sleep(1.5 * (rank == 0))
    Path(out, f"{number}-{rank}.json").write_text(json.dumps(metric.compute()))
"""


def test_rounds_of_two_processes_started_by_torchrun(tmp_path):
    rounds = [
        [
            "you fool",
            "a fine plan",
            "what an idiot",
            "the soup is cold",
            "see you at nine",
        ],
        ["shut up", "thanks for your help", "the train is late", "you clown"],
        ["nobody likes you", "good morning", "stupid soup"],
        ["you are a fool"],
    ]
    script = tmp_path / "rounds.py"
    script.write_text(ROUNDS, encoding="utf-8")
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
    ]
    arguments = [
        str(ROOT / "toxicity_j"),
        str(tmp_path / "cache"),
        str(tmp_path),
        json.dumps(rounds),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*launch, str(script), *arguments]
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scorer = Scorer(style_model="identifier")
    for number, texts in enumerate(rounds):
        first, second = (
            json.loads((tmp_path / f"{number}-{rank}.json").read_text())
            for rank in range(2)
        )
        assert second is None
        assert first["n"] == len(texts)
        assert first["sta"] == pytest.approx(
            scorer.score(texts).corpus()["sta"], abs=1e-6
        )
    assert not list((tmp_path / "cache").rglob("*.arrow"))


def test_a_share_that_is_never_read_ends_in_an_error(tmp_path, monkeypatch):
    # Process 0 is gone: the share of the round before is still there when the next
    # round begins.
    metric = load(
        num_process=2,
        process_id=1,
        cache_dir=str(tmp_path),
        experiment_id="lost",
        timeout=0.1,
    )
    unread = tmp_path / "toxicity_j" / "embedded" / "lost-2-1.arrow"
    unread.touch()
    monkeypatch.setattr(stored_columns, "_LEFT", {str(unread)})
    with pytest.raises(
        ValueError,
        match=r"`timeout`: process 0 has not read .*lost-2-1\.arrow within 0\.1 s",
    ):
        metric.add_batch(predictions=["fine"])
    assert unread.exists()
