"""A release end to end: published to a stand-in for the Hub on 127.0.0.1, loaded from
it, and again offline.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from scripts.space_files import (
    PublishError,
    absolute_links,
    build_space,
    flat_files,
    tracked_files,
)
from tests.hub_server import Space, serve
from toxicity_j.builtin_weights import HUB_REVISION, HUB_SPACE

ROOT = Path(__file__).resolve().parents[1]
CODE = f"""
import sys; sys.modules["toxicity_j"] = None
import evaluate, json
metric = evaluate.load({HUB_SPACE!r})
print(json.dumps(metric.compute(predictions=["The train is late."], sources=["The stupid train is late."])))
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A clean Git checkout of the files that are tracked here, as they are now."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in tracked_files():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Everything")
    return folder


def publish(
    checkout: Path, home: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess:
    # Without Xet the upload goes by LFS, which the stand-in speaks.
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HF_TOKEN", "PYTHONPATH")
    }
    settings = {
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "scripts.publish", *arguments]
    return subprocess.run(
        command,
        cwd=checkout,
        env=clean | settings | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def load(folder: Path, endpoint: str, **extra: str) -> dict:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(folder / "hf"),
        "HF_ENDPOINT": endpoint,
        **extra,
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_publish_then_load_then_offline(checkout, tmp_path):
    space = Space(HUB_SPACE)
    # An earlier release: one file that is gone now, and the one that the Hub keeps for
    # itself.
    space.exists, space.files = (
        True,
        {"old_module.py": b"", ".gitattributes": b"*.safetensors filter=lfs\n"},
    )
    with serve(space) as endpoint:
        done = publish(
            checkout, tmp_path, HUB_SPACE, HF_ENDPOINT=endpoint, HF_TOKEN="hf_stand_in"
        )
        assert done.returncode == 0, done.stderr
        assert space.commits == [f"Release {HUB_REVISION}"]
        assert list(space.tags) == [HUB_REVISION]
        assert "old_module.py" not in space.files
        assert ".gitattributes" in space.files
        assert space.tokens >= {"Bearer hf_stand_in"}
        assert "hf_stand_in" not in done.stdout + done.stderr
        # The weights are at the root, for evaluate, and in the package's folder, for
        # the page.
        weights = (ROOT / "toxicity_j/encoder.safetensors").read_bytes()
        assert (
            space.files["encoder.safetensors"]
            == space.files["toxicity_j/encoder.safetensors"]
            == weights
        )

        # The same release again is refused before anything is built.
        again = publish(
            checkout, tmp_path, HUB_SPACE, HF_ENDPOINT=endpoint, HF_TOKEN="hf_stand_in"
        )
        assert again.returncode == 1
        assert f"has a tag {HUB_REVISION} already" in again.stderr
        assert len(space.commits) == 1

        space.paths.clear()
        first = load(tmp_path, endpoint)
        asked = {path.rsplit("/", 1)[1] for path in space.paths}
    assert first["n"] == 1
    assert 0 < first["j"] <= 1
    assert {"toxicity_j.py", "scorer.py", "encoder.safetensors"} <= asked
    assert "__init__.py" not in asked
    # Nothing listens at port 9.
    assert (
        load(
            tmp_path, "http://127.0.0.1:9", HF_EVALUATE_OFFLINE="1", HF_HUB_OFFLINE="1"
        )
        == first
    )


def test_no_token_no_upload(checkout, tmp_path):
    done = publish(checkout, tmp_path, HUB_SPACE, HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "publish: no token: set HF_TOKEN, or log in with `hf auth login`\n"
    )


def test_what_is_not_committed_is_not_published(checkout, tmp_path):
    (checkout / "stray.txt").write_text("not tracked")
    try:
        done = publish(checkout, tmp_path, HUB_SPACE, "--dry-run")
    finally:
        (checkout / "stray.txt").unlink()
    assert done.returncode == 1
    assert "the tree is dirty: commit or remove stray.txt" in done.stderr


@pytest.mark.parametrize(
    ("name", "pattern", "wrong", "message"),
    [
        ("CITATION.cff", r"^version: .*", "version: 9.9.9", "9.9.9 in CITATION.cff"),
        ("CHANGELOG.md", r"^## \d\S*", "## 9.9.9", "9.9.9 in CHANGELOG.md"),
    ],
)
def test_versions_must_agree(checkout, tmp_path, name, pattern, wrong, message):
    text = (checkout / name).read_text()
    (checkout / name).write_text(
        re.sub(pattern, wrong, text, count=1, flags=re.MULTILINE)
    )
    git(checkout, "commit", "-qam", "Disagree")
    try:
        done = publish(checkout, tmp_path, HUB_SPACE, "--dry-run")
    finally:
        git(checkout, "reset", "-q", "--hard", "HEAD~1")
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [("no-slash", "must be ORG/NAME"), ("other/place", "looks for its weights at")],
)
def test_a_wrong_name_is_refused(checkout, tmp_path, name, message):
    done = publish(checkout, tmp_path, name, "--dry-run")
    assert done.returncode == 1
    assert message in done.stderr


def test_links_of_the_card_lead_to_files_of_the_space(tmp_path):
    files = build_space(tmp_path / "space", HUB_SPACE, HUB_REVISION)
    card = (tmp_path / "space" / "README.md").read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", card)
    prefix = rf"https://huggingface.co/spaces/{HUB_SPACE}/(?:blob|tree|resolve)/{HUB_REVISION}/([^)#]+)"
    inside = [match[1] for match in map(re.compile(prefix).match, links) if match]
    assert inside
    assert all((tmp_path / "space" / path).exists() for path in inside)
    assert not [link for link in links if not re.match(r"[a-z]+:|#", link)]
    assert set(flat_files()) <= set(files)
    assert {
        "app.py",
        "space/page.py",
        "toxicity_j/__init__.py",
        "requirements.txt",
    } <= set(files)


def test_a_dead_link_is_refused(tmp_path):
    with pytest.raises(PublishError, match=r"README.md links to gone.md"):
        absolute_links("See [this](gone.md).", HUB_SPACE, "v1", tmp_path)
    # Addresses and anchors stay as they are.
    kept = "[a](https://example.org/x) [b](#part)"
    assert absolute_links(kept, HUB_SPACE, "v1", tmp_path) == kept


def test_a_folder_is_never_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(PublishError, match="`out` must be an empty folder"):
        build_space(tmp_path, HUB_SPACE, "v1")


@pytest.mark.slow
def test_wheel_and_sdist_install_and_score(checkout, tmp_path):
    """Built from a clean checkout; installed without dependencies, which the running
    environment has.
    """
    pytest.importorskip("build", reason="needs the library build")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(tmp_path)],
        cwd=checkout,
        check=True,
    )
    wheel, sdist = next(tmp_path.glob("*.whl")), next(tmp_path.glob("*.tar.gz"))
    names = zipfile.ZipFile(wheel).namelist()
    assert "toxicity_j/encoder.safetensors" in names
    assert not [
        name for name in names if name.startswith(("tests/", "space/", "scripts/"))
    ]
    for number, package in enumerate((wheel, sdist)):
        folder = tmp_path / f"environment{number}"
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        python = folder / "bin" / "python"
        # What the package needs is taken from the running environment, behind the new
        # one's own packages.
        place = next((folder / "lib").glob("python*/site-packages"))
        (place / "running.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = [str(python), "-m", "pip", "install", "--no-deps", str(package)]
        subprocess.run(install, check=True, cwd=tmp_path)
        code = """
from toxicity_j import Scorer
print(Scorer().score(["The train is late."], ["Stupid train."]).j[0])
"""
        done = subprocess.run(
            [str(python), "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert 0 <= float(done.stdout) <= 1
        located = "import toxicity_j; print(toxicity_j.__file__)"
        done = subprocess.run(
            [str(python), "-c", located],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert str(folder) in done.stdout
