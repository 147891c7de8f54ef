"""Weight files: what int8 rows lose, where a file is looked for, and that a changed one
is never used.
"""

from __future__ import annotations

import hashlib
import json
import os

import pytest
import torch

from toxicity_j import builtin_files as files
from toxicity_j import builtin_weights as weights
from toxicity_j.version import VERSION


@pytest.fixture
def released(monkeypatch, tmp_path):
    """A tiny stand-in for the shipped encoder file, in a folder of its own, with no
    other place to find it.
    """
    folder = tmp_path / "clone"
    folder.mkdir()
    files.save_tensors(
        folder / "encoder.safetensors", {"a": torch.ones(2, 3)}, {"config": "{}"}
    )
    digest = hashlib.sha256((folder / "encoder.safetensors").read_bytes()).hexdigest()
    monkeypatch.setitem(weights.SHA256, "encoder.safetensors", digest)
    monkeypatch.setattr(weights, "_folders", {})
    monkeypatch.setattr(weights, "__file__", str(tmp_path / "cache" / "weights.py"))
    monkeypatch.setattr(weights, "_package_folders", list)
    weights.find_weights.cache_clear()
    yield folder
    weights.find_weights.cache_clear()


def test_int8_rows_are_within_half_a_step_and_the_rest_is_exact(tmp_path):
    torch.manual_seed(0)
    state = {
        "matrix": torch.randn(7, 5) * torch.arange(1, 8)[:, None],
        "zero": torch.zeros(2, 2),
        "bias": torch.randn(5),
    }
    files.save_tensors(
        tmp_path / "w.safetensors", state, {"config": json.dumps({"a": 1})}
    )
    loaded, metadata = files.load_tensors(tmp_path / "w.safetensors")
    assert metadata == {"config": '{"a": 1}'}
    assert loaded.keys() == state.keys()
    # A row's step is its largest weight over 127; rounding is off by at most half a
    # step.
    half_step = state["matrix"].abs().amax(dim=1, keepdim=True) / 127 / 2
    assert ((loaded["matrix"] - state["matrix"]).abs() <= half_step + 1e-6).all()
    assert torch.equal(loaded["zero"], state["zero"])
    assert torch.equal(loaded["bias"], state["bias"])


def test_float_storage_is_exact(tmp_path):
    state = {"matrix": torch.randn(4, 4)}
    files.save_tensors(tmp_path / "w.safetensors", state, {}, int8=False)
    assert torch.equal(
        files.load_tensors(tmp_path / "w.safetensors")[0]["matrix"], state["matrix"]
    )


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.safetensors"):
        files.load_tensors(tmp_path / "none.safetensors")


def test_the_folder_that_was_loaded_from_is_searched(released):
    weights.remember_folder(released)
    assert (
        weights.find_weights("encoder.safetensors") == released / "encoder.safetensors"
    )


def test_a_changed_file_is_never_used_and_every_place_is_listed(released, monkeypatch):
    path = released / "encoder.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    weights.remember_folder(released)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="SHA-256 is not this release's") as error:
        weights.find_weights("encoder.safetensors")
    assert "cache/encoder.safetensors (no such file)" in str(error.value)
    assert weights.HUB_SPACE in str(error.value)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_download_is_used_only_with_the_released_digest(
    released, monkeypatch, tmp_path, damaged
):
    path = tmp_path / "downloaded.safetensors"
    content = (released / "encoder.safetensors").read_bytes()
    path.write_bytes(content[:-1] + b"\x07" if damaged else content)
    asked = []

    def download(repository, name, **options):
        asked.append((repository, name, options["revision"]))
        return str(path)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    if damaged:
        with pytest.raises(
            OSError,
            match="from the Hub.* are damaged: their SHA-256 is not this release's",
        ):
            weights.find_weights("encoder.safetensors")
    else:
        assert weights.find_weights("encoder.safetensors") == path
    assert asked == [(weights.HUB_SPACE, "encoder.safetensors", f"v{VERSION}")]


def test_two_saves_are_byte_equal_and_readable_by_all(tmp_path):
    state = {"b": torch.ones(2, 3), "a": torch.zeros(4)}
    metadata = {
        name: name * 3 for name in ("one", "two", "three", "four", "five", "six")
    }
    content = set()
    for index in range(8):
        path = tmp_path / f"{index}.safetensors"
        files.save_tensors(path, state, metadata)
        content.add(path.read_bytes())
        assert path.stat().st_mode & 0o777 == 0o644
    assert len(content) == 1
    assert files.load_tensors(path)[1] == metadata
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted(
        f"{index}.safetensors" for index in range(8)
    )


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    files.save_tensors(path, {"a": torch.zeros(4)}, {})
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.Path, "chmod", full)
    with pytest.raises(OSError, match="No space left"):
        files.save_tensors(path, {"a": torch.ones(4)}, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "w.safetensors"
    files.save_tensors(path, {"a": torch.ones(2, 3)}, {})
    content = path.read_bytes()
    for broken in (
        b"",
        content[:20],
        content[:-1],
        b"\xff" * 40,
        content.replace(b"a.scale", b"b.scale"),
    ):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"`path` must .*w\.safetensors"):
            files.load_tensors(path)
    files.save_tensors(
        path, {"a": torch.ones(3), "b": torch.tensor([1, float("nan")])}, {}
    )
    with pytest.raises(ValueError, match="NaN or infinity in b$"):
        files.load_tensors(path)


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "w.safetensors")
    with pytest.raises(FileNotFoundError, match="`path` must be a safetensors file"):
        files.load_tensors(tmp_path / "w.safetensors")


def test_an_unknown_name_lists_the_valid_ones():
    with pytest.raises(ValueError, match="`name` must be one of .*encoder.safetensors"):
        weights.find_weights("decoder.safetensors")


def test_the_digests_are_those_of_the_files_in_the_package():
    from pathlib import Path

    folder = Path(weights.__file__).parent
    for name, digest in weights.SHA256.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
