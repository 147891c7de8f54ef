"""The rows of the content table that people or a judge labeled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from toxicity_j.rules import sigmoid
from training.data.content_rows import Rows
from training.data.rated import read_meaning_rated
from training.data.sources import read_krishna, read_meaning
from training.data.table_parts import select, without_held_out
from training.data.tables import read_tsv

__all__ = ["judged_pairs", "rated_pairs"]

# Sampling weight of each rated source per row, beside its own weights: captions and
# encyclopedias count for less.
RATED_SHARE = {
    "breaking_nli": 0.5,
    "cannot_wikifact": 0.3,
    "demetr": 0.3,
    "cad_nli": 0.4,
    "negation_nli": 0.6,
}
# Relations that hold both ways, which are read both ways.
SYMMETRIC = (
    "stsb",
    "sts12_16",
    "twitter_para",
    "multipit_expert",
    "semantoneg",
    "cannot_wikifact",
)
# How far the label of a judged pair counts beside the teacher's.
JUDGED_TRUST = 0.5
# The mean of the judge's logit over the pairs it labeled, taken off before it is mixed
# (the tools' table uses it too).
JUDGE_MEAN = 1.2


def rated_pairs(rows: Rows, folder: Path) -> None:
    """Add pairs that people rated."""
    rated = without_held_out(read_meaning_rated(folder))
    for one, two, label, weight, name, tier in rated.itertuples(index=False):
        share = weight * RATED_SHARE.get(name, 1.0)
        rows.put_rated(one, two, label, share, name, tier)
        if name in SYMMETRIC:
            rows.put_rated(two, one, label, 0.5 * share, name, tier)
    for one, two, label, weight in read_meaning(folder):
        rows.put_rated(one, two, label, weight, "similarity", "research")
    krishna = read_krishna(folder, "training")
    for one, two, label in select(krishna, "text1", "text2", "human"):
        rows.put_rated(one, two, label, 8.0, "krishna2020")


def judged_pairs(rows: Rows, folder: Path, judged_sim: Sequence[float] | None) -> None:
    """Add pairs that a judge labeled, and pairs that are left to the teacher.

    Args:
        rows: gets the pairs.
        folder: the data folder.
        judged_sim: SIM of release 0.3.0 for each judged pair; None where it is missing.
    """
    judged = read_tsv(folder / "teacher" / "judge_meaning.tsv")
    labels = _judged_labels(judged, judged_sim)
    judged = judged.assign(label=labels)
    for source, text, label in select(judged, "source", "rewrite", "label"):
        rows.append((source, text, label, 4.0, JUDGED_TRUST, "judged", "open"))
    unlabeled = read_tsv(folder / "teacher" / "pairs_to_judge.tsv")
    for source, text in select(unlabeled, "source", "rewrite"):
        rows.put(source, text, None, "to_judge", "unrated", 2.0)


def _judged_labels(
    judged: pd.DataFrame, judged_sim: Sequence[float] | None
) -> np.ndarray:
    """Mix the judge's logit with SIM of release 0.3.0; NaN where there is none.
    *Shape:* (rows,)
    """
    if judged_sim is None or len(judged_sim) != len(judged):
        print(
            f"judge_meaning.tsv has {len(judged)} rows without a SIM of release 0.3.0:"
            " the teacher labels them"
        )
        return np.full(len(judged), np.nan)
    # A logit of 0 or 1 would drown the judge's.
    sim = np.clip(np.asarray(judged_sim, dtype=float), 0.01, 0.99)
    judge = judged.judge.astype(float).to_numpy()
    logit = np.log(sim / (1 - sim))
    return sigmoid(logit + judge - JUDGE_MEAN)
