"""Faults by the real thing: killed runs, full disks, memory that ends, downloads that
break off, clocks set back.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tests.stub import Stub, segments
from toxicity_j.columns import BLOCK
from toxicity_j.scale import read_shards, score_dataset

ROOT = Path(__file__).resolve().parent.parent
RUN = """
import sys
from tests.stub import Stub
from toxicity_j.scale import score_dataset

if __name__ == "__main__":
    data, out, workers = sys.argv[1:]
    score_dataset(data, out, scorer=Stub(pause=0.15), window=500, workers=int(workers))
"""


def write_rows(path, rows):
    texts = [f"text {i}" for i in range(rows)]
    path.write_text(
        "".join(json.dumps({"predictions": x, "sources": x}) + "\n" for x in texts),
        encoding="utf-8",
    )
    return path


def python(code, *arguments, folder, wrap=(), **environment):
    """Runs Python code from a file, with the package and the tests on its path."""
    script = folder / "run_it.py"
    script.write_text(code, encoding="utf-8")
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **environment,
    }
    command = [*wrap, sys.executable, str(script), *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


# --- Processes that end


def check_rows(out, rows):
    """Each row once, in order, with the scores of one call to the bit."""
    shards = read_shards(out)
    assert np.concatenate([shard.column("row") for shard in shards]).tolist() == list(
        range(rows)
    )
    texts = [f"text {i}" for i in range(rows)]
    assert np.array_equal(
        np.concatenate([shard.column("j") for shard in shards]),
        segments(texts, texts).j,
    )
    wanted = segments(texts, texts).corpus()
    assert {
        key: json.loads((out / "scores.json").read_text())[key] for key in wanted
    } == wanted


def group_ends(group):
    """Whether the last process of a group ends within a minute."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def wait_for_shards(process, out, seen=0):
    """Return when a run has written more than `seen` shards, or has ended."""
    deadline = time.monotonic() + 120
    while len(list(out.glob("scores-*.parquet"))) <= seen and process.poll() is None:
        assert time.monotonic() < deadline, "no shard in two minutes"
        time.sleep(0.01)


def test_twenty_kills_at_random_lose_and_double_nothing(tmp_path):
    # More rows than twenty runs, each killed so early, can finish on a quick machine.
    rows = 40 * BLOCK + 77
    data, out = write_rows(tmp_path / "rows.jsonl", rows), tmp_path / "out"
    generator = random.Random(0)
    for attempt in range(20):
        seen = len(list(out.glob("scores-*.parquet")))
        process = python(RUN, data, out, 2 if attempt % 5 == 4 else 1, folder=tmp_path)
        # Half of the kills strike while shards are written, half anywhere from the
        # start on.
        if attempt % 2:
            wait_for_shards(process, out, seen)
        time.sleep(generator.uniform(0, 0.3 if attempt % 2 else 1.5))
        assert process.poll() is None  # else there is nothing left to kill
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    before = {
        path.name: path.stat().st_mtime_ns for path in out.glob("scores-*.parquet")
    }
    assert before  # else the kills struck too early to show anything
    finish(python(RUN, data, out, 1, folder=tmp_path))
    # Finished shards are not scored again.
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    assert not list(out.glob(".*.tmp"))
    check_rows(out, rows)


def test_ctrl_c_ends_the_workers_and_keeps_the_shards(tmp_path):
    rows = 8 * BLOCK
    data, out = write_rows(tmp_path / "rows.jsonl", rows), tmp_path / "out"
    process = python(RUN, data, out, 2, folder=tmp_path)
    wait_for_shards(process, out)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert group_ends(process.pid)
    finish(python(RUN, data, out, 1, folder=tmp_path))
    check_rows(out, rows)


def test_ctrl_c_while_workers_start_shows_the_parents_traceback_alone(tmp_path):
    data, out = write_rows(tmp_path / "rows.jsonl", 2 * BLOCK), tmp_path / "out"
    process = python(RUN, data, out, 2, folder=tmp_path)
    while not (out / ".lock").exists():
        assert process.poll() is None
        time.sleep(0.01)
    # Now the workers start, and import for longer than this.
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert err.count("Traceback") == 1, err
    assert group_ends(process.pid)
    assert not out.exists()


def test_workers_end_with_their_parent(tmp_path):
    data, out = write_rows(tmp_path / "rows.jsonl", 40 * BLOCK), tmp_path / "out"
    process = python(RUN, data, out, 2, folder=tmp_path)
    wait_for_shards(process, out)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert group_ends(process.pid)


# --- Disks


def namespace(*mounts):
    """The beginning of a command that mounts file systems for itself alone, or a skip
    where that is not allowed.
    """
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "mount -t tmpfs t /mnt"], check=False).returncode
    ):
        pytest.skip("this system does not allow mounts in a namespace of one's own")
    return [*command, " && ".join([*mounts, 'exec "$@"']), "sh"]


FULL_DISK = """
import subprocess, sys
from pathlib import Path
from tests.stub import Stub
from toxicity_j.scale import score_dataset
data, disk, workers = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
if __name__ == "__main__":
    try:
        score_dataset(data, disk / "out", scorer=Stub(), window=500, workers=workers)
    except OSError as error:
        print(error)
    print([path.name for path in (disk / "out").iterdir() if path.name.endswith(".tmp")])
    subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
    print(score_dataset(data, disk / "out", scorer=Stub(), window=500, workers=workers)["n"])
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(workers, tmp_path):
    (tmp_path / "disk").mkdir()
    data = write_rows(tmp_path / "rows.jsonl", 2 * BLOCK)
    wrap = namespace(f"mount -t tmpfs -o size=200k t {tmp_path / 'disk'}")
    lines = finish(
        python(FULL_DISK, data, tmp_path / "disk", workers, folder=tmp_path, wrap=wrap)
    ).splitlines()
    assert re.search(
        r"cannot write .*/out/scores-\d{12}-\d{12}\.parquet: .*[Nn]o space left",
        lines[0],
    )
    assert lines[1:] == ["[]", str(2 * BLOCK)]


NOTHING_WRITABLE = """
import os
from pathlib import Path
import toxicity_j
for folder in (Path.home(), Path(os.environ["HF_HOME"])):
    try:
        folder.mkdir(exist_ok=True)
        (folder / "x").touch()
    except OSError as error:
        print(error.strerror)
print(0 < toxicity_j.Scorer().score(["fine"], ["you fool"]).j[0] <= 1)
print(0 < toxicity_j.load().compute(predictions=["fine"], sources=["you fool"])["j"] <= 1)
"""


def score_with_home(home, reason, folder, wrap=()):
    """The metric and the scorer score where nothing can be written under HOME and the
    caches.
    """
    variables = {
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }
    lines = finish(
        python(NOTHING_WRITABLE, folder=folder, wrap=wrap, **variables)
    ).splitlines()
    assert lines == [reason, reason, "True", "True"]


def test_a_read_only_home_and_cache(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    score_with_home(
        home,
        "Read-only file system",
        tmp_path,
        namespace(f"mount -t tmpfs -o ro t {home}"),
    )


def test_a_home_and_cache_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    score_with_home(tmp_path / "file" / "home", "Not a directory", tmp_path)


# --- Memory and numbers

LITTLE_MEMORY = """
import logging, resource, sys
import torch
from toxicity_j.batching import run_batched
logging.basicConfig(stream=sys.stdout, format="%(message)s")
torch.set_num_threads(1)

def forward(batch):
    return torch.full((len(batch), 8, 1 << 20), 0.5)[:, 0, 0] * torch.tensor([float(x) for x in batch])

items = [str(i) for i in range(256)]
torch.ones(8) * 2
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (700 << 20), resource.RLIM_INFINITY))
try:
    forward(items)
except RuntimeError as error:
    print("allocate memory" in str(error))
found = run_batched(items, list, forward, token_budget=256, length=lambda item: 1)
print(found.tolist() == [i / 2 for i in range(256)])
"""


def test_memory_that_runs_out_halves_batches_and_says_so_once(tmp_path):
    # A text takes 32 MiB: 256 texts want 8 GiB, and 700 MiB are left, so 256, 128, 64
    # and 32 fail and 16 fit.
    lines = finish(python(LITTLE_MEMORY, folder=tmp_path)).splitlines()
    assert lines[0] == lines[-1] == "True"
    assert (
        len(
            [
                line
                for line in lines
                if line.startswith("memory ran out: batches are halved")
            ]
        )
        == 1
    )


def test_a_model_with_nan_is_an_error_that_names_it_and_writes_no_shard(
    tmp_path, checkpoints
):
    from safetensors.torch import load_file, save_file

    from toxicity_j import Scorer

    folder = tmp_path / "model"
    shutil.copytree(
        checkpoints("roberta", "roberta_named", labels=("neutral", "toxic")), folder
    )
    state = load_file(folder / "model.safetensors")
    state["classifier.out_proj.bias"][1] = float("nan")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    data = write_rows(tmp_path / "rows.jsonl", 3)
    with pytest.raises(ValueError, match=r"model.* not finite"):
        score_dataset(
            data,
            tmp_path / "out",
            sources=None,
            scorer=Scorer(style_model=str(folder), device="cpu"),
        )
    assert not list((tmp_path / "out").glob("scores-*"))


# --- Clocks


def test_a_clock_that_is_set_back_changes_nothing(tmp_path, monkeypatch, capsys):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    data = write_rows(tmp_path / "rows.jsonl", 3 * BLOCK)
    monkeypatch.setattr(
        "toxicity_j.scale.stream.Progress", lambda total, show: Every(total, show=show)
    )
    score_dataset(
        data, tmp_path / "out", scorer=Stub(pause=0.01), timeout=60, progress=True
    )
    check_rows(tmp_path / "out", 3 * BLOCK)
    rates = [
        int(rate.replace(",", ""))
        for rate in re.findall(r"rows, ([\d,]+) rows/s", capsys.readouterr().err)
    ]
    assert len(rates) == 3
    assert min(rates) > 0


def Every(total, show):  # noqa: N802 (stands in for a class)
    from toxicity_j.scale.progress import Progress

    return Progress(total, show=show, every=0)


# --- Downloads

FIND = """
from pathlib import Path
import toxicity_j.builtin_weights as weights
weights.__file__ = "/nowhere/weights.py"
weights._package_folders = list
weights.SHA256 = {"identifier.safetensors": DIGEST}
try:
    print(weights.file_digest(weights.find_weights("identifier.safetensors")) == DIGEST)
except OSError as error:
    print("not found:", error)
"""


class StandIn(BaseHTTPRequestHandler):
    """One file of the Hub; while `server.cut` is true, the connection ends after half
    of it.
    """

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        content = self.server.content
        start = int(re.match(r"bytes=(\d+)", self.headers.get("Range", "bytes=0"))[1])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
            )
        self.end_headers()
        if body:
            self.server.sent += 1
            self.wfile.write(
                content[start : start + (0 if start else len(content) // 2)]
                if self.server.cut
                else content[start:]
            )
            self.close_connection = True

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    server.content, server.cut, server.sent = os.urandom(1 << 20), False, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def find(hub, folder, cache):
    digest = hashlib.sha256(hub.content).hexdigest()
    return python(
        FIND.replace("DIGEST", repr(digest)),
        folder=folder,
        HF_HUB_OFFLINE="0",
        HF_HUB_DISABLE_XET="1",
        HF_HOME=str(cache),
        HF_ENDPOINT=f"http://127.0.0.1:{hub.server_port}",
    )


def test_an_interrupted_download_is_an_error_and_the_next_one_is_whole(hub, tmp_path):
    hub.cut = True
    assert finish(find(hub, tmp_path, tmp_path / "hf")).startswith(
        "not found: the built-in weights identifier"
    )
    hub.cut = False
    assert finish(find(hub, tmp_path, tmp_path / "hf")) == "True\n"


def test_two_processes_load_at_once(hub, tmp_path):
    both = [find(hub, tmp_path, tmp_path / "hf") for _ in range(2)]
    assert [finish(process) for process in both] == ["True\n", "True\n"]
