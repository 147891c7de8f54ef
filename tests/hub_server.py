"""A small server on 127.0.0.1 that stands in for the Hub: it takes a commit as
huggingface_hub sends it, and serves it.

Endpoints: create, refs, tree, preupload, LFS batch and upload, commit (NDJSON), tag,
and resolve for one Space.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Space:
    """What the server holds: files at `main`, tags, large files by SHA-256, and a
    log.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.exists = False
        self.files: dict[str, bytes] = {}
        self.tags: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.paths: list[str] = []
        self.tokens: set[str | None] = set()

    def commit(self, lines: list[dict]) -> str:
        """Apply one commit and return its id."""
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.commits.append(value["summary"])
            elif line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del self.files[value["path"]]
        return f"{len(self.commits):040d}"


class Handler(BaseHTTPRequestHandler):
    """Answers for `server.space`."""

    def do_HEAD(self):
        self._resolve(body=False)

    def do_GET(self):
        space = self._log()
        api = f"/api/spaces/{space.name}"
        path = self.path.partition("?")[0]
        if not path.startswith("/api/"):
            return self._resolve(body=True)
        if not space.exists:
            return self._missing("RepoNotFound")
        if path == f"{api}/refs":
            tags = [
                {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": "0" * 40}
                for tag in space.tags
            ]
            return self._json({"branches": [], "converts": [], "tags": tags})
        if path.startswith(f"{api}/tree/"):
            rows = [
                {"type": "file", "path": name, "oid": "0" * 40, "size": len(content)}
                for name, content in space.files.items()
            ]
            return self._json(rows)
        return self._missing("EntryNotFound")

    def do_POST(self):
        space = self._log()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api = f"/api/spaces/{space.name}"
        address = f"http://127.0.0.1:{self.server.server_port}"
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            space.exists = True
            return self._json(
                {"url": f"{address}/spaces/{space.name}", "name": space.name}
            )
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if path == f"{api}/preupload/main":
            files = json.loads(body)["files"]
            modes = [
                {
                    "path": item["path"],
                    "shouldIgnore": False,
                    "uploadMode": _mode(item["path"]),
                }
                for item in files
            ]
            return self._json({"files": modes})
        if path == f"/spaces/{space.name}.git/info/lfs/objects/batch":
            return self._json(_batch(json.loads(body), address))
        if path == f"{api}/commit/main":
            oid = space.commit([json.loads(line) for line in body.splitlines()])
            url = f"{address}/spaces/{space.name}/commit/{oid}"
            return self._json({"success": True, "commitUrl": url, "commitOid": oid})
        if path.startswith(f"{api}/tag/"):
            space.tags[json.loads(body)["tag"]] = dict(space.files)
            return self._json({})
        return self._missing("EntryNotFound")

    def do_PUT(self):
        space = self._log()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        oid = self.path.rsplit("/", 1)[1]
        assert hashlib.sha256(content).hexdigest() == oid
        space.large[oid] = content
        self._json({})

    def _resolve(self, *, body: bool) -> None:
        space = self._log()
        known = re.fullmatch(
            rf"/spaces/{space.name}/resolve/([^/]+)/([^?]+)", self.path
        )
        revision = known[1] if known else ""
        files = space.files if revision == "main" else space.tags.get(revision)
        if files is None or known is None:
            return self._missing("RevisionNotFound")
        if known[2] not in files:
            return self._missing("EntryNotFound")
        content = files[known[2]]
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)
        return None

    def _log(self) -> Space:
        space = self.server.space
        space.paths.append(self.path)
        space.tokens.add(self.headers.get("Authorization"))
        return space

    def _json(self, value) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Quiet."""


def _mode(path: str) -> str:
    return "lfs" if path.endswith((".safetensors", ".png")) else "regular"


def _batch(request: dict, address: str) -> dict:
    objects = []
    for item in request["objects"]:
        action = {"href": f"{address}/large/{item['oid']}", "header": {}}
        objects.append(
            {"oid": item["oid"], "size": item["size"], "actions": {"upload": action}}
        )
    return {"transfer": "basic", "objects": objects}


@contextmanager
def serve(space: Space):
    """Serve a Space, and give the server's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.space = space
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
