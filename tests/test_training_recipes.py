"""Each recipe of training/recipes runs on made-up data, with the commands that it has
for the real ones.

A stand-in for `python` notes what a recipe calls. Each command then runs in a fork of
one process that has imported the libraries, because a small run spent most of its time
on importing them again.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_identifier import ToxicityIdentifier

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "training" / "recipes"
IMPORTED_ONCE = [
    "training.train_encoder",
    "training.label_likelihood",
    "training.distil_identifier",
    "training.modules.tiny_models",
]
# Writes its arguments, one per line, and an empty line.
STAND_IN = '#!/bin/sh\nprintf "%s\\n" "$@" "" >> "$COMMANDS"\n'


def commands(name: str, folder: Path) -> list[list[str]]:
    """Return the arguments of each `python` that the small run of a recipe calls."""
    stand_in, noted = folder / "bin" / "python", folder / "commands.txt"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN, encoding="utf-8")
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COMMANDS": str(noted)}
    subprocess.run([RECIPES / name, "--small", folder], env=environment, check=True)
    blocks = noted.read_text(encoding="utf-8").removesuffix("\n\n").split("\n\n")
    return [block.split("\n") for block in blocks]


def run_module(arguments: list[str]) -> None:
    """Do what `python -m` does."""
    option, module, *others = arguments
    assert option == "-m"
    os.chdir(ROOT)
    torch.set_num_threads(1)
    sys.argv = [module, *others]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run_small(name: str, folder: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    for arguments in commands(name, folder):
        process = context.Process(target=run_module, args=(arguments,))
        process.start()
        process.join()
        assert process.exitcode == 0, arguments


@pytest.mark.parametrize("name", ["identifier.sh", "own_identifier.sh"])
def test_a_recipe_makes_an_identifier(name, tmp_path):
    run_small(name, tmp_path)
    p_toxic = ToxicityIdentifier.from_pretrained(tmp_path / "identifier").p_toxic(
        ["what a day"]
    )
    assert 0 <= p_toxic[0] <= 1


def test_the_recipe_makes_an_encoder(tmp_path):
    run_small("encoder.sh", tmp_path)
    scores = Encoder.from_pretrained(tmp_path / "encoder").score(
        ["what a day"], ["what a damn day"]
    )
    assert all(np.isfinite(values).all() for values in scores.values())
    assert set(scores) == {"style", "content", "fluency"}
