"""Pairs of texts that people judged: is the meaning kept?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from training.data.rated_scales import (
    OPEN,
    RESEARCH,
    demetr_values,
    mapped,
    scaled,
    simplicity_ratings,
    stacked,
)
from training.data.tables import read_tsv

# A hypothesis that follows from a premise says less than it, so entailment is not full
# agreement.
_NLI = {
    "entailment": 0.72,
    "neutral": 0.35,
    "not_entailment": 0.2,
    "contradiction": 0.08,
}
# One replaced word: a synonym keeps everything, another word breaks it.
_ONE_WORD = {"entailment": 0.92, "neutral": 0.4, "contradiction": 0.08}
# STS grade 3 means "roughly equivalent, important information differs"; the power
# brings it below one half.
_STS_POWER = 1.5
# A label that fewer rows have says nothing about how a file is balanced.
_RARE = 0.02


def _pairs(
    one: pd.Series, two: pd.Series, label: pd.Series | float, weight: pd.Series | float
) -> pd.DataFrame:
    return pd.DataFrame({"text1": one, "text2": two, "label": label, "weight": weight})


def _demetr(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "demetr.tsv")
    # Half against the reference, half against the good translation, from which it
    # differs by one edit.
    first = frame.reference.where(frame.item % 2 == 1, frame.good)
    edited = _pairs(first, frame.perturbed, demetr_values(frame.kind, 0), 0.6)
    good = frame.drop_duplicates(["reference", "good"])
    return pd.concat([edited, _pairs(good.reference, good.good, 0.95, 1.0)])


def _nli(
    folder: Path, name: str, table: dict[str, float], weight: float
) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    counts = frame.label.value_counts()
    # Every label of a file counts as much as its rarest main label.
    smallest = counts[counts > _RARE * len(frame)].min()
    balance = (smallest / frame.label.map(counts)).clip(upper=1.0)
    label = mapped(frame.label, table)
    return _pairs(frame.text1, frame.text2, label, weight * balance)


def _rated(
    folder: Path, name: str, column: str, bounds: tuple[float, float], weight: float
) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    label = scaled(frame[column], *bounds)
    # Files of rewrites name the two sides, files of equals number them.
    if "source" in frame:
        return _pairs(frame.source, frame.rewrite, label, weight)
    return _pairs(frame.text1, frame.text2, label, weight)


def _sts(folder: Path, name: str) -> pd.DataFrame:
    rows = _rated(folder, name, "score_0_5", (0, 5), 0.5)
    return rows.assign(label=rows.label**_STS_POWER)


def _two_valued(
    folder: Path,
    name: str,
    column: str,
    labels: tuple[float, float],
    weights: tuple[float, float],
) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    label = mapped(frame[column], dict(enumerate(labels)))
    weight = mapped(frame[column], dict(enumerate(weights)))
    return _pairs(frame.text1, frame.text2, label, weight)


def _simplicity(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "simplicity_da.tsv")
    label = simplicity_ratings(folder, "meaning_mean")
    return _pairs(frame.source, frame.rewrite, label, 1.0)


def _positives(folder: Path, name: str, label: float, weight: float) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    return _pairs(frame.source, frame.rewrite, label, weight)


def read_meaning_rated(folder: Path) -> pd.DataFrame:
    """Read pairs with labels of kept meaning; columns text1, text2, label in [0, 1],
    weight, source, tier.

    Args:
        folder: the data folder, which holds `meaning_rated/`.
    """
    rated = Path(folder) / "meaning_rated"
    parts = {
        ("negation_nli", OPEN): _nli(rated, "negation_nli", _NLI, 1.0),
        ("cad_nli", OPEN): _nli(rated, "cad_nli", _NLI, 0.7),
        ("breaking_nli", OPEN): _nli(rated, "breaking_nli", _ONE_WORD, 1.0),
        ("semantoneg", OPEN): _two_valued(
            rated, "semantoneg", "same_meaning", (0.08, 0.92), (0.5, 1.0)
        ),
        ("cannot_wikifact", OPEN): _two_valued(
            rated, "cannot_wikifact", "negated", (0.92, 0.08), (1.0, 0.4)
        ),
        ("demetr", OPEN): _demetr(rated),
        ("stsb", OPEN): _sts(rated, "stsb"),
        ("sts12_16", OPEN): _sts(rated, "sts12_16"),
        ("lai_formality", RESEARCH): _rated(
            rated, "lai_formality", "content_mean", (0, 100), 2.0
        ),
        ("mir_yelp", RESEARCH): _rated(
            rated, "mir_yelp", "content_mean_1_5", (1, 5), 2.0
        ),
        ("simplicity_da", RESEARCH): _simplicity(rated),
        ("asset_ratings", RESEARCH): _rated(
            rated, "asset_ratings", "meaning_mean", (0, 100), 1.0
        ),
        ("tmu_gfm", RESEARCH): _rated(
            rated, "tmu_gfm", "meaning_mean_0_4", (0, 4), 0.5
        ),
        ("twitter_para", RESEARCH): _rated(
            rated, "twitter_para", "score_0_1", (0, 1), 1.0
        ),
        ("multipit_expert", RESEARCH): _two_valued(
            rated, "multipit_expert", "paraphrase", (0.25, 0.88), (1.0, 1.0)
        ),
        ("lewidi_paraphrase", RESEARCH): _rated(
            rated, "lewidi_paraphrase", "mean_m5_5", (-5, 5), 1.0
        ),
        ("appdia", RESEARCH): _positives(rated, "appdia", 0.9, 1.5),
        ("capp", RESEARCH): _positives(rated, "capp", 0.8, 0.3),
    }
    return stacked(parts, ["text1", "text2"])
