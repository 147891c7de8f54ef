"""Publish a release as a Hub Space, in one commit and with a tag.

Usage: python -m scripts.publish ORG/NAME [--dry-run] [--out FOLDER]

The token comes from `HF_TOKEN` or `hf auth login`; there is no option for it. Nothing
is uploaded unless the tree is clean, every place that names the version agrees, and the
built folder loads and scores. `--dry-run` stops before the upload and needs no token.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.space_files import PACKAGE, ROOT, PublishError, build_space

# The Hub writes this file itself: it says which files are stored as large files.
KEPT = {".gitattributes"}
PAIR = ("Shut up, you fool, the train is late.", "The train is late.")

# Loads the flat module as a user does, with the package out of reach, and prints its
# scores.
_LOAD = f"""
import sys; sys.modules["{PACKAGE}"] = None
import evaluate, json
metric = evaluate.load(sys.argv[1])
print(json.dumps(metric.compute(sources=[{PAIR[0]!r}], predictions=[{PAIR[1]!r}])))
"""
# Builds the page from the Space's own folder, and scores through the function behind
# its API.
_PAGE = f"""
import json
import app
from space import api
app.build()
print(json.dumps(api.score({PAIR[0]!r}, [{PAIR[1]!r}])))
"""


def check_tree() -> None:
    """Check that what is published is what is committed.

    Raises:
        PublishError: files are changed or not tracked, or this is no Git checkout.
    """
    status = subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if status.returncode:
        raise PublishError(f"{ROOT} is not a Git checkout")
    changed = [line[3:] for line in status.stdout.splitlines()]
    if changed:
        raise PublishError(
            f"the tree is dirty: commit or remove {', '.join(changed[:5])}"
        )


def check_versions(repo_id: str) -> str:
    """Return the version, if every place that names it agrees.

    Raises:
        PublishError: a version, the Space's name, or a digest of the weights disagrees;
            the message names the place.
    """
    from toxicity_j.builtin_weights import HUB_REVISION, HUB_SPACE, SHA256
    from toxicity_j.version import VERSION

    named = {
        "CITATION.cff": _found(r"^version: (\S+)", "CITATION.cff"),
        "CHANGELOG.md": _found(r"^## (\d\S*)", "CHANGELOG.md"),
        "HUB_REVISION in builtin_weights.py": HUB_REVISION.removeprefix("v"),
    }
    for place, version in named.items():
        if version != VERSION:
            raise PublishError(
                f"the version is {VERSION} in version.py and {version} in {place}"
            )
    if repo_id != HUB_SPACE:
        raise PublishError(
            f"the module looks for its weights at {HUB_SPACE} (HUB_SPACE), not at"
            f" {repo_id}"
        )
    for name, digest in SHA256.items():
        if hashlib.sha256((ROOT / PACKAGE / name).read_bytes()).hexdigest() != digest:
            raise PublishError(
                f"{name} is not the file whose SHA-256 is in builtin_weights.py"
            )
    return VERSION


def check_space(folder: Path) -> dict[str, float]:
    """Score a pair with the module and the page of a built Space; return the former's.

    Raises:
        PublishError: either fails, or they disagree.
    """
    module = _run(_LOAD, [str(folder / f"{PACKAGE}.py")], folder.parent)
    page = _run(_PAGE, [], folder)
    j, page_j = module["j"], page["j"][0]
    if not 0 < j <= 1 or abs(j - page_j) > 1e-6:
        raise PublishError(
            f"the built Space scores J = {j} and its page {page_j}; they must agree"
        )
    return module


def check_hub(repo_id: str, tag: str) -> None:
    """Check that there is a token, and that the tag is free.

    Raises:
        PublishError: there is no token, or the tag exists.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import RepositoryNotFoundError

    if get_token() is None:
        raise PublishError("no token: set HF_TOKEN, or log in with `hf auth login`")
    try:
        refs = HfApi().list_repo_refs(repo_id, repo_type="space")
    except RepositoryNotFoundError:  # a first release
        return
    if tag in [ref.name for ref in refs.tags]:
        raise PublishError(f"{repo_id} has a tag {tag} already; raise the version")


def upload(folder: Path, files: list[str], repo_id: str, tag: str) -> str:
    """Upload a built Space in one commit, tag it, and return the commit's address.

    Raises:
        huggingface_hub.errors.HfHubHTTPError: the Hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    api.create_repo(repo_id, repo_type="space", space_sdk="gradio", exist_ok=True)
    present = api.list_repo_files(repo_id, repo_type="space")
    stale = [path for path in present if path not in files and path not in KEPT]
    additions = [CommitOperationAdd(path, str(folder / path)) for path in files]
    deletions = [CommitOperationDelete(path) for path in stale]
    commit = api.create_commit(
        repo_id,
        [*additions, *deletions],
        commit_message=f"Release {tag}",
        repo_type="space",
        revision="main",
    )
    api.create_tag(repo_id, tag=tag, revision=commit.oid, repo_type="space")
    return str(commit.commit_url)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, publish, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.publish", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("repo_id", metavar="ORG/NAME", help="the Space")
    parser.add_argument(
        "--dry-run", action="store_true", help="build and check, but upload nothing"
    )
    parser.add_argument(
        "--out", type=Path, help="keep the built Space in this new or empty folder"
    )
    options = parser.parse_args(arguments)
    try:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", options.repo_id):
            raise PublishError(f"`repo_id` must be ORG/NAME; got {options.repo_id!r}")
        check_tree()
        tag = f"v{check_versions(options.repo_id)}"
        if not options.dry_run:
            check_hub(options.repo_id, tag)
        with tempfile.TemporaryDirectory() as temporary:
            # evaluate names a module after its file, so the folder's own name does not
            # matter.
            folder = options.out or Path(temporary) / "space"
            files = build_space(folder, options.repo_id, tag)
            scores = check_space(folder)
            print(
                f"built {len(files)} files; the module loads and scores J ="
                f" {scores['j']:.3f}"
            )
            if options.dry_run:
                print("dry run: nothing was uploaded")
            else:
                print(f"published {tag}: {upload(folder, files, options.repo_id, tag)}")
    except PublishError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    return 0


def _found(pattern: str, name: str) -> str | None:
    match = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        return None
    return match[1]


def _run(code: str, arguments: list[str], folder: Path) -> dict:
    """Run Python in a folder, offline, and return the JSON of its last line."""
    # Without the checkout on its path, which has what the built folder may lack.
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_EVALUATE_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory() as home:
        environment["HF_HOME"] = home
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PublishError(f"the built Space does not load: {last}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
