"""A Hub load end to end, against a small server on 127.0.0.1 that stands in for the Hub: first load, then the cached
copy offline.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.make_space import make_space
from toxicity_j.builtin_weights import HUB_REVISION, HUB_SPACE

CODE = f"""
import sys; sys.modules["toxicity_j"] = None
import evaluate, json
metric = evaluate.load({HUB_SPACE!r})
print(json.dumps(metric.compute(predictions=["The train is late."], sources=["The stupid train is late."])))
"""


class Hub(BaseHTTPRequestHandler):
    """Serves `/spaces/{org}/{name}/resolve/{revision}/{file}` of one folder at `main` and at the release's tag."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.server.paths.append(self.path)
        known = re.fullmatch(rf"/spaces/{HUB_SPACE}/resolve/(?:main|{HUB_REVISION})/([^/?]+)", self.path)
        path = self.server.folder / (known[1] if known else "")
        if not path.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RevisionNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def hub(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.folder, server.paths = tmp_path / "space", []
    make_space(server.folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def load(tmp_path: Path, endpoint: str, **extra: str) -> dict:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": endpoint,
        **extra,
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_first_load_then_offline(hub, tmp_path):
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    first = load(tmp_path, endpoint)
    assert first["n"] == 1
    assert 0 < first["j"] <= 1
    asked = {path.rsplit("/", 1)[1] for path in hub.paths}
    assert {"toxicity_j.py", "scorer.py", "encoder.safetensors"} <= asked
    assert "toxicity_j/__init__.py" not in asked
    seen = len(hub.paths)
    again = load(tmp_path, "http://127.0.0.1:9", HF_EVALUATE_OFFLINE="1", HF_HUB_OFFLINE="1")
    assert again == first
    assert len(hub.paths) == seen


def test_a_space_is_never_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FileExistsError, match="`out` must be an empty folder"):
        make_space(tmp_path)
