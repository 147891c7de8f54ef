"""Ray Data: the numbers of one process; processes that are killed lose and double
nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

import numpy as np
import pytest

from tests.stub import Stub, segments
from toxicity_j.columns import BLOCK

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install .[ray]")
pytest.importorskip("ray.data", reason="Ray Data is not installed: pip install .[ray]")

ROWS = 3 * BLOCK + 100


@pytest.fixture(scope="module")
def cluster():
    """Two workers on this machine, which find the tests."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="warning",
        object_store_memory=100_000_000,
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )
    logging.getLogger("ray").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def dataset(predictions, blocks=5):
    from ray.data import from_items

    rows = [
        {"id": i, "predictions": text, "sources": f"source {i}"}
        for i, text in enumerate(predictions)
    ]
    return from_items(rows, override_num_blocks=blocks)


def expected(predictions):
    return segments(predictions, [f"source {i}" for i in range(len(predictions))])


def check(scored, predictions):
    """Each row once, in order, with its scores to the bit."""
    table = scored.to_pandas()
    assert table["id"].tolist() == list(range(len(predictions)))
    for name in ("sta", "sim", "fl", "j"):
        assert np.array_equal(
            table[name].to_numpy(), getattr(expected(predictions), name)
        )


def test_same_numbers_as_one_process(cluster):
    from toxicity_j.scale.ray import corpus_ray, score_ray

    predictions = [f"text {i}" for i in range(ROWS)]
    scored = score_ray(
        dataset(predictions), scorer=Stub(), concurrency=2, num_cpus=0.5
    ).materialize()
    check(scored, predictions)
    found = corpus_ray(scored)
    wanted = expected(predictions).corpus()
    assert {key: found[key] for key in wanted} == wanted
    assert found["signature"] == "stub"


def test_columns_are_checked(cluster):
    from toxicity_j.scale.ray import score_ray

    with pytest.raises(
        ValueError,
        match="must have a column 'answers'; columns: id, predictions, sources",
    ):
        score_ray(dataset(["a"], 1), predictions="answers", scorer=Stub())
    with pytest.raises(ValueError, match="must not have a column 'j'"):
        score_ray(
            ray.data.from_items([{"predictions": "a", "sources": "b", "j": 1.0}]),
            scorer=Stub(),
        )


@pytest.mark.slow
def test_an_actor_killed_in_mid_job_loses_and_doubles_nothing(cluster, tmp_path):
    from toxicity_j.scale.ray import score_ray

    predictions = [f"text {i}" for i in range(ROWS)]
    predictions[2 * BLOCK + 5] = "KILL once"
    check(
        score_ray(
            dataset(predictions),
            scorer=Stub(str(tmp_path)),
            concurrency=2,
            num_cpus=0.5,
        ),
        predictions,
    )
    assert len(list(tmp_path.iterdir())) == 1  # the fault did strike


@pytest.mark.slow
def test_a_worker_killed_from_outside_loses_and_doubles_nothing(cluster, tmp_path):
    from toxicity_j.scale.ray import score_ray

    predictions = [f"text {i}" for i in range(ROWS)]
    predictions[BLOCK + 5] = "HANG until killed"

    def kill_it() -> None:
        deadline = time.monotonic() + 120
        while not (marks := list(tmp_path.iterdir())):
            assert time.monotonic() < deadline, "no worker began in two minutes"
            time.sleep(0.05)
        os.kill(int(marks[0].name.split("-")[1]), signal.SIGKILL)

    killer = threading.Thread(target=kill_it)
    killer.start()
    check(
        score_ray(dataset(predictions), scorer=Stub(str(tmp_path)), concurrency=1),
        predictions,
    )
    killer.join()


@pytest.mark.slow
def test_a_batch_that_kills_each_worker_ends_in_an_error_that_names_it(
    cluster, tmp_path
):
    from toxicity_j.scale.ray import score_ray

    predictions = [f"text {i}" for i in range(2 * BLOCK)]
    predictions[BLOCK + 5] = "KILL always"
    scored = score_ray(
        dataset(predictions), scorer=Stub(str(tmp_path), times=99), row_id="id"
    )
    with pytest.raises(
        Exception,
        match=f"the batch of rows {BLOCK} to {2 * BLOCK - 1} ended its worker 3 times",
    ):
        scored.materialize()
    assert len(list(tmp_path.iterdir())) == 3
