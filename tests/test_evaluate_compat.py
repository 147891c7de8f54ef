"""What is stored until compute(): by threads, in forks, on a full disk, without a home
folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import evaluate
import pyarrow
import pytest

from toxicity_j import load
from toxicity_j.protocols import EMBEDDED

FOLDER = str(Path(__file__).resolve().parents[1] / "toxicity_j")
OPTIONS = {"style_model": "identifier", "device": "cpu"}


@pytest.fixture
def metric(tmp_path):
    return load(cache_dir=str(tmp_path), **OPTIONS)


def run(code: str, **environment: str) -> str:
    """Run code in a new process; a hang is a failure after two minutes."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_warm_metric_maps_in_two_processes():
    # OpenMP's threads do not live on in a fork, and a large enough product waits for
    # them for ever.
    code = """
import torch, datasets
from toxicity_j import load
torch.set_num_threads(2)
metric = load(device="cpu")
texts = [f"The train number {i} leaves at nine in the morning." for i in range(40)]
before = metric.compute(predictions=texts, sources=texts[::-1], per_segment=True)["segments"]["j"]
data = datasets.Dataset.from_dict({"p": (texts * 2)[:64], "s": (texts[::-1] * 2)[:64]})
scored = data.map(metric, batched=True, batch_size=40, input_columns=["p", "s"], num_proc=2)
assert len(scored) == 64
print(max(abs(a - b) for a, b in zip(scored["j"], before)))
"""
    assert float(run(code, PYTHONPATH=str(Path(FOLDER).parent)).splitlines()[-1]) < 1e-5


@pytest.fixture
def frequent_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_eight_threads_store_into_one_metric(metric, frequent_switches):
    # 8 threads x 20 batches x 3 texts
    barrier = threading.Barrier(8)

    def store(thread: int) -> None:
        barrier.wait()
        for batch in range(20):
            metric.add_batch(
                predictions=[f"text {thread} {batch} {item}" for item in range(3)]
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store, range(8)))
    assert metric.compute()["n"] == 480
    assert metric.compute(predictions=["usable"])["n"] == 1


def test_given_columns_are_not_mixed_with_what_other_threads_store(
    metric, frequent_switches
):
    counts = []

    def store() -> None:
        for item in range(40):
            metric.add(prediction=f"text {item}")

    def compute() -> None:
        counts.extend(metric.compute(predictions=["a", "b"])["n"] for _ in range(20))

    threads = [
        threading.Thread(target=target) for target in (store, compute, store, compute)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [2] * 40
    assert metric.compute()["n"] == 80


def test_given_columns_follow_those_that_the_same_thread_stored(metric):
    metric.add_batch(predictions=["first", "second"])
    scores = metric.compute(predictions=["third"], per_segment=True)
    expected = metric.compute(
        predictions=["first", "second", "third"], per_segment=True
    )
    assert scores["segments"] == expected["segments"]


def test_what_is_stored_outlives_a_failure(metric, monkeypatch, tmp_path):
    texts = [f"text {item}" for item in range(2500)]
    expected = metric.compute(predictions=texts, per_segment=True)["segments"]
    metric.add_batch(predictions=texts[:2400])

    def fail(columns, progress=None):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(metric.scorer, "score_columns", fail)
        for given in (None, texts[2400:]):
            with pytest.raises(KeyboardInterrupt):
                metric.compute(predictions=given)
            assert len(metric) == 2400
    with pytest.raises(ValueError, match="`bleu_source` needs `sources`"):
        metric.compute(bleu_source=True)
    # The given ones follow, as they did before the failures.
    scores = metric.compute(predictions=texts[2400:], per_segment=True)
    assert scores["segments"] == expected
    assert len(metric) == 0
    assert not list(tmp_path.rglob("*.arrow"))


def test_what_is_stored_can_be_discarded(metric):
    metric.add(prediction="a")
    with pytest.raises(ValueError, match="at least 2 segments"):
        metric.compute(confidence=0.9)
    metric.discard()
    assert len(metric) == 0
    metric.add(prediction="a", source="b")
    assert metric.compute()["n"] == 1


def test_a_missing_column_is_refused_when_the_others_are_stored():
    metric = load("textdetox2024")
    with pytest.raises(ValueError, match="`references` must be given for the protocol"):
        metric.add(prediction="a", source="b")
    with pytest.raises(ValueError, match="`sources` must be given with `references`"):
        metric.add(prediction="a", reference="b")
    assert len(metric) == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs the command mount")
    if done.returncode:
        pytest.skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_is_an_error_and_the_metric_is_usable_afterwards(small_disk):
    metric = load(cache_dir=str(small_disk), **OPTIONS)
    with pytest.raises(OSError, match="`cache_dir`: what was stored"):
        metric.add_batch(predictions=[f"text {item} " * 20 for item in range(4000)])
    assert len(metric) == 0
    assert metric.compute(predictions=["a"])["n"] == 1
    metric.add_batch(predictions=["a", "b"])
    assert metric.compute()["n"] == 2
    assert not list(small_disk.rglob("*.arrow"))


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    metric = load(cache_dir=str(tmp_path / "file" / "cache"), **OPTIONS)
    # The kind of error stays that of the operating system.
    with pytest.raises(NotADirectoryError, match="`cache_dir`: what was stored"):
        metric.add(prediction="a")
    assert metric.compute(predictions=["a"])["n"] == 1


def test_an_error_without_a_number_names_the_cache_folder_too(metric, monkeypatch):
    def fail(batch):
        raise pyarrow.ArrowInvalid("no room")

    monkeypatch.setattr(metric, "_write", fail)
    with pytest.raises(OSError, match=r"^`cache_dir`: .* \(no room\)$"):
        metric.add(prediction="a")


def test_files_grow_with_the_number_of_rows(metric, tmp_path):
    # One write of 20,000 rows took 20 times the room of 20 writes of 1,000; texts of 20
    # bytes need some 30 bytes each.
    metric.add_batch(predictions=[f"text number {i:8d}" for i in range(20_000)])
    metric.writer.stream.flush()
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.arrow"))
    assert 300_000 < size < 2_000_000
    metric.discard()


def test_no_file_is_needed_to_score_given_columns():
    code = """
from toxicity_j import load
metric = load(style_model="identifier", device="cpu")
assert metric.compute(predictions=["a"])["n"] == 1
try:
    metric.add_batch(predictions=["a"])
except OSError as error:
    print("OSError", error)
assert metric.compute(predictions=["a"])["n"] == 1
"""
    root = str(Path(FOLDER).parent)
    assert "OSError" in run(
        code, HOME="/dev/null/none", HF_HOME="/dev/null/none/hf", PYTHONPATH=root
    )


def test_a_protocol_of_ones_own():
    own = replace(EMBEDDED, name="mine", content=None, fluency=None)
    columns = {
        "predictions": ["The train is late."],
        "sources": ["The d*mn train is late."],
    }
    expected = load(protocol=own).compute(**columns)
    assert expected["j"] == expected["sta"]
    assert "sim" not in expected
    # evaluate imports a copy of the package, whose Protocol is another class
    metric = evaluate.load(FOLDER, "mine", protocol=own)
    assert metric.compute(**columns) == expected
    assert metric.config_name == "mine"
    fields = {
        "name": "mine",
        "use_when": "",
        "source": "",
        "style": {"model": "encoder"},
        "content": None,
    }
    with pytest.raises(
        TypeError, match="`protocol` must have the fields of Protocol.*fluency"
    ):
        evaluate.load(FOLDER, protocol=fields)
    with pytest.raises(
        ValueError,
        match="`rule` of Style must be one of soft, argmax, logit; got 'sotf'",
    ):
        evaluate.load(
            FOLDER,
            protocol={
                **fields,
                "style": {"model": "encoder", "rule": "sotf"},
                "fluency": None,
            },
        )


def test_intervals_on_request():
    metric = load(**OPTIONS)
    texts = [
        f"You are a {word} man."
        for word in ("kind", "silly", "good", "stupid", "tall", "dumb", "young", "lazy")
    ]
    scores = metric.compute(predictions=texts, confidence=0.9)
    low, high = scores["ci"]["sta"]
    assert low < scores["sta"] < high
    assert set(scores["ci"]) == {"sta", "nontoxic_share"}
    json.dumps(scores)
    with pytest.raises(
        ValueError, match="`confidence` needs at least 2 segments; got 1"
    ):
        metric.compute(predictions=["a"], confidence=0.9)
    for value, error in (
        (1, ValueError),
        (0.0, ValueError),
        ("0.9", TypeError),
        (float("nan"), ValueError),
    ):
        with pytest.raises(error, match="`confidence` must be"):
            metric.compute(predictions=["a", "b"], confidence=value)


def test_intervals_of_decisions_are_those_of_a_comparison():
    metric = load(**OPTIONS)
    scores = metric.compute(predictions=["hello"] * 50, confidence=0.95)
    # Wilson: n / (n + z ** 2) = 50 / (50 + 1.96 ** 2) = 0.929.
    assert scores["ci"]["nontoxic_share"] == pytest.approx([0.9287, 1.0], abs=1e-4)


def test_few_segments_are_warned_of_once():
    metric = load(**OPTIONS)
    with pytest.warns(UserWarning, match="3 segments are fewer than 6") as caught:
        metric.compute(predictions=["a", "you idiot", "c"], confidence=0.9)
    few = [warning for warning in caught if "fewer" in str(warning.message)]
    assert len(few) == 1


def test_intervals_need_the_installed_package(monkeypatch):
    metric = load(**OPTIONS)
    monkeypatch.setitem(sys.modules, "toxicity_j.compare.statistics", None)
    with pytest.raises(ImportError, match="`confidence` needs the installed package"):
        metric.compute(predictions=["a", "b"], confidence=0.9)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"per_segment": "yes"},
            TypeError,
            "`per_segment` must be True or False; got 'yes'",
        ),
        ({"bleu_source": 1}, TypeError, "`bleu_source` must be True or False; got 1"),
        ({"bleu_source": True}, ValueError, "`bleu_source` needs `sources`"),
        ({"unterminated": "predictions"}, TypeError, "`unterminated` must be a list"),
        (
            {"unterminated": ["languages"]},
            ValueError,
            "`unterminated` must name 'predictions'",
        ),
    ],
)
def test_arguments_of_compute_are_checked(metric, arguments, error, message):
    with pytest.raises(error, match=message):
        metric.compute(predictions=["a"], **arguments)
