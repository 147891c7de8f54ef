"""The release step: digests of the shipped files go where the package looks them up."""

import hashlib
import runpy
import shutil

import pytest

from toxicity_j.builtin_weights import SHA256
from training.release import PACKAGE, TABLE, write_digests


def test_the_table_gets_the_digests_of_the_files(tmp_path):
    shutil.copy(PACKAGE / TABLE, tmp_path)
    (tmp_path / "encoder.safetensors").write_bytes(b"new weights")
    expected = hashlib.sha256(b"new weights").hexdigest()
    assert write_digests(tmp_path) == {"encoder.safetensors": expected}
    table = runpy.run_path(str(tmp_path / TABLE), run_name="toxicity_j.table")
    # The others stay.
    assert table["SHA256"] == {**SHA256, "encoder.safetensors": expected}


def test_an_unnamed_file_is_refused(tmp_path):
    shutil.copy(PACKAGE / TABLE, tmp_path)
    (tmp_path / "unknown.safetensors").write_bytes(b"weights")
    with pytest.raises(ValueError, match=r"unknown\.safetensors"):
        write_digests(tmp_path)
