"""Texts that people judged: is this toxic?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from training.data.rated_scales import OPEN, RESEARCH, mapped, scaled, stacked
from training.data.tables import read_tsv

_EDOS = {"1": 0.95, "2": 0.9, "3": 0.75, "4": 0.8}
# Backhanded compliments and condescension: raters of toxicity are divided.
_EDOS_MILD = ("3.3", "3.4")
# Label and weight by class; any other class is left in the middle, at a low weight.
_CANNOT_REWRITE = {
    "toxic_content": (0.85, 1.0),
    "not_toxic": (0.15, 2.0),
    "unclear": (0.5, 0.5),
}
_IMPLICIT_HATE = {
    "explicit_hate": (0.92, 1.0),
    "implicit_hate": (0.72, 0.7),
    "not_hate": (0.15, 0.3),
}
_OTHER_CLASS = (0.5, 0.3)
# How much less toxic a text is per step of politeness.
_POLITENESS_SLOPE = 0.05
# How toxic a comment is at most that has one of these faults.
_UNHEALTHY = {
    "hostile": 1.0,
    "antagonize": 0.8,
    "condescending": 0.6,
    "generalisation_unfair": 0.6,
    "dismissive": 0.5,
}


def _texts(
    text: pd.Series, label: pd.Series | float, weight: pd.Series | float = 1.0
) -> pd.DataFrame:
    return pd.DataFrame({"text": text, "label": label, "weight": weight})


def _rated(
    folder: Path, name: str, column: str, bounds: tuple[float, float], weight: float
) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    return _texts(frame.text, scaled(frame[column], *bounds), weight)


def _by_class(
    folder: Path, name: str, column: str, table: dict[str, tuple[float, float]]
) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    chosen = frame[column].map(lambda found: table.get(found, _OTHER_CLASS))
    return _texts(frame.text, chosen.str[0], chosen.str[1])


def _edos(folder: Path) -> pd.DataFrame:
    # A sentence that is not sexist may be toxic all the same, so those rows say
    # nothing.
    frame = read_tsv(folder / "edos.tsv").query("sexist == 'sexist'")
    labels = mapped(frame.category.str[0], _EDOS)
    is_mild = frame.vector.str[:3].isin(_EDOS_MILD)
    return _texts(frame.text, labels.where(~is_mild, 0.5), 0.7)


def _brexit(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "hs_brexit.tsv")
    votes = frame.offensive.str.split(",", expand=True)
    votes = votes.apply(pd.to_numeric, errors="coerce")
    return _texts(frame.text, votes.mean(axis=1), 0.5)


def _unhealthy(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "unhealthy.tsv")
    graded = frame[list(_UNHEALTHY)].astype(float) * pd.Series(_UNHEALTHY)
    return _texts(frame.text, graded.max(axis=1), 0.5)


def _polite(
    folder: Path, name: str, column: str, label_at_zero: float, lowest: float
) -> pd.DataFrame:
    """Read a politeness file: its rude end is curt, seldom toxic, so it maps to the low
    end of the scale.
    """
    frame = read_tsv(folder / f"{name}.tsv")
    politeness = pd.to_numeric(frame[column], errors="coerce")
    label = label_at_zero - _POLITENESS_SLOPE * politeness
    return _texts(frame.text, label.clip(lowest, 0.25), 0.3)


def read_style_rated(folder: Path) -> pd.DataFrame:
    """Read texts with labels of toxicity; columns text, label in [0, 1], weight,
    source, tier.

    Args:
        folder: the data folder, which holds `style_rated/`.
    """
    rated = Path(folder) / "style_rated"
    parts = {
        ("cannot_rewrite", OPEN): _by_class(
            rated, "cannot_rewrite", "reason", _CANNOT_REWRITE
        ),
        ("convabuse", OPEN): _rated(rated, "convabuse", "share_positive", (0, 1), 0.7),
        ("toxigen_annotated", OPEN): _rated(
            rated, "toxigen_annotated", "toxicity_human_1_5", (1, 5), 1.0
        ),
        ("edos", OPEN): _edos(rated),
        ("implicit_hate", OPEN): _by_class(
            rated, "implicit_hate", "label", _IMPLICIT_HATE
        ),
        ("hahackathon", RESEARCH): _rated(
            rated, "hahackathon", "offense_mean_0_5", (0, 3.5), 0.5
        ),
        ("md_agreement", RESEARCH): _rated(
            rated, "md_agreement", "share_positive", (0, 1), 1.0
        ),
        ("hs_brexit", RESEARCH): _brexit(rated),
        ("unhealthy", RESEARCH): _unhealthy(rated),
        ("stanford_politeness", RESEARCH): _polite(
            rated, "stanford_politeness", "politeness_z", 0.08, 0.02
        ),
        ("politeness_hpd_en", RESEARCH): _polite(
            rated, "politeness_hpd_en", "labels", 0.2, 0.0
        ),
    }
    return stacked(parts, ["text"])
