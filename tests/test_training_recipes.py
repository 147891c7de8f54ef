"""Each recipe of training/recipes runs on made-up data, with the commands that it has for the real ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_identifier import ToxicityIdentifier

RECIPES = Path(__file__).parents[1] / "training" / "recipes"


def run_small(name: str, folder: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [RECIPES / name, "--small", folder]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]


@pytest.mark.parametrize("name", ["identifier.sh", "own_identifier.sh"])
def test_a_recipe_makes_an_identifier(name, tmp_path):
    run_small(name, tmp_path)
    p_toxic = ToxicityIdentifier.from_pretrained(tmp_path / "identifier").p_toxic(["what a day"])
    assert 0 <= p_toxic[0] <= 1


def test_the_recipe_makes_an_encoder(tmp_path):
    run_small("encoder.sh", tmp_path)
    scores = Encoder.from_pretrained(tmp_path / "encoder").score(["what a day"], ["what a damn day"])
    assert all(np.isfinite(values).all() for values in scores.values())
    assert set(scores) == {"style", "content", "fluency"}
