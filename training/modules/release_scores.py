"""Scores of pairs by another release of the package, from its checkout."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

__all__ = ["release_scores"]

# Runs in the folder of a release, so that `toxicity_j` is that release.
CODE = """
import sys
import pandas as pd
from toxicity_j import Scorer
pairs = pd.read_parquet(sys.argv[1])
scorer = Scorer(style_model=sys.argv[3] or None)
found = scorer.score(pairs.rewrite.tolist(), pairs.source.tolist())
scores = {name: getattr(found, name) for name in ("sta", "sim", "fl", "j")}
pd.DataFrame(scores).to_parquet(sys.argv[2])
"""


def release_scores(
    release: Path, style_model: str = ""
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what scores the columns `source` and `rewrite` by the package in the
    folder `release`, with the style model of `embedded` or another.
    """

    def score(pairs: pd.DataFrame) -> pd.DataFrame:
        with tempfile.TemporaryDirectory() as folder:
            asked = Path(folder, "asked.parquet")
            answered = Path(folder, "answered.parquet")
            pairs[["source", "rewrite"]].to_parquet(asked)
            command = [sys.executable, "-c", CODE, asked, answered, style_model]
            subprocess.run(command, cwd=release, check=True)
            return pd.read_parquet(answered)

    return score
