"""The recipes of docs/recipes.md run as they stand there."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from toxicity_j.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder that sees the clone's examples and is written to instead of it."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_blocks(clone, capsys):
    pytest.importorskip("sklearn", reason="the first recipe needs scikit-learn")
    names: dict = {}
    for block in blocks("python"):
        exec(compile(block, "docs/recipes.md", "exec"), names)
    printed = capsys.readouterr().out
    # To delete a rude word is better than to put "stupid" in its place.
    assert "{'replacement': ''}" in printed
    card = yaml.safe_load(
        printed[
            (
                printed.index("language")
                if "language:" in printed
                else printed.index("model-index")
            ) :
        ]
    )
    metrics = card["model-index"][0]["results"][0]["metrics"]
    careful = names["comparison"].system("careful").scores
    assert {metric["type"]: metric["value"] for metric in metrics} == {
        key: one.value for key, one in careful.items()
    }
    assert all(
        metric["args"]["signature"] == names["comparison"].signature
        for metric in metrics
    )
    saved = json.loads((clone / "results.json").read_text(encoding="utf-8"))
    assert list(saved["files"]) == ["examples/detox_systems.jsonl"]


def test_the_github_actions_job_runs_its_gate(clone, monkeypatch):
    # The report has tests of its own. `toxicity_j.compare` is a function, so its module
    # is not found by attributes.
    monkeypatch.setattr(
        importlib.import_module("toxicity_j.compare.report"),
        "render_html",
        lambda *_: "report",
    )
    job = yaml.safe_load(blocks("yaml")[0])["jobs"]["score"]
    command = next(
        step["run"]
        for step in job["steps"]
        if step.get("run", "").startswith("toxicity-j")
    )
    arguments = shlex.split(command)[1:]
    rows = [
        json.loads(line)
        for line in (
            Path("examples/detox_systems.jsonl")
            .read_text(encoding="utf-8")
            .splitlines()
        )
    ]
    for name, column in (("sources.txt", "source"), ("outputs.txt", "careful")):
        Path(name).write_text(
            "".join(row[column] + "\n" for row in rows), encoding="utf-8"
        )
    first = arguments[: arguments.index("--against")]
    runner = CliRunner()
    assert runner.invoke(app, [*first, "--output", "baseline.json"]).exit_code == 0
    assert runner.invoke(app, arguments).exit_code == 0
    # A worse system, one that deletes words, fails the gate.
    Path("outputs.txt").write_text(
        "".join(row["lazy"] + "\n" for row in rows), encoding="utf-8"
    )
    failed = runner.invoke(app, arguments)
    assert failed.exit_code == 1
    assert re.search(r"outputs: J fell by 0\.\d+ \(p = ", failed.stderr)
    assert Path("report.html").is_file()


@pytest.mark.skipif(
    not importlib.util.find_spec("lm_eval"),
    reason="lm-evaluation-harness is not installed",
)
def test_lm_evaluation_harness(tmp_path):
    code = """
import json, lm_eval
from lm_eval.tasks import TaskManager
tasks = TaskManager(include_path="examples/lm_eval", include_defaults=False)
results = lm_eval.simple_evaluate(model="dummy", tasks=["detox"], task_manager=tasks, limit=3)
print(json.dumps(results["results"]["detox"]))
"""
    environment = {
        **os.environ,
        "HF_DATASETS_CACHE": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    scores = json.loads(process.stdout.splitlines()[-1])
    # The dummy model answers "lol" to each prompt: civil, and without the meaning of
    # any source.
    assert scores["sta,none"] > 0.8
    assert scores["sim,none"] < 0.3
    assert scores["j,none"] < scores["sta,none"] * 0.3
