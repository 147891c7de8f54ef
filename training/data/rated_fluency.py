"""Texts that people judged: is this well written?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from training.data.rated_scales import (
    OPEN,
    RESEARCH,
    demetr_values,
    scaled,
    simplicity_ratings,
    stacked,
)
from training.data.tables import read_tsv

_SOUND = 0.93


def _graded(
    text: pd.Series,
    label: pd.Series | float,
    weight: float,
    pair: pd.Series | None = None,
    source_text: pd.Series | None = None,
) -> pd.DataFrame:
    frame = pd.DataFrame({"text": text, "label": label, "weight": weight})
    return frame.assign(pair=pair, source_text=source_text)


def _rated(
    folder: Path, name: str, column: str, bounds: tuple[float, float], weight: float
) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    return _graded(
        frame.text, scaled(frame[column], *bounds), weight, frame.get("sample")
    )


def _rewrites(
    folder: Path, name: str, column: str, bounds: tuple[float, float]
) -> pd.DataFrame:
    """Read rated rewrites: the source is what the rewrite was made of."""
    frame = read_tsv(folder / f"{name}.tsv")
    return _graded(
        frame.rewrite,
        scaled(frame[column], *bounds),
        1.0,
        frame.get("item"),
        frame.source,
    )


def _simplicity(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "simplicity_da.tsv")
    return _graded(
        frame.rewrite,
        simplicity_ratings(folder, "fluency_mean"),
        1.0,
        None,
        frame.source,
    )


def _two_sided(
    good: pd.Series, bad: pd.Series, bad_label: float, weight: float
) -> pd.DataFrame:
    """Turn minimal pairs into rows: both sides carry the row's number as `pair`."""
    number = pd.Series(np.arange(len(good)), index=good.index)
    return pd.concat(
        [_graded(good, _SOUND, weight, number), _graded(bad, bad_label, weight, number)]
    )


def _blimp(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "blimp.tsv")
    return _two_sided(frame.good, frame.bad, 0.2, 0.3)


def _jfleg(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "jfleg.tsv")
    corrected = frame[frame.source != frame.ref0]
    return _two_sided(corrected.ref0, corrected.source, 0.35, 1.0)


def _demetr(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "demetr.tsv")
    broken = _graded(frame.perturbed, demetr_values(frame.kind, 1), 0.6, frame.item)
    good = frame.drop_duplicates("good")
    return pd.concat([_graded(good.good, _SOUND, 1.0, good.item), broken])


def _mqm(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "wmt_ted_mqm.tsv")
    penalty = frame.fluency_err.astype(float) + 0.5 * frame.style_err.astype(float)
    # One minor error (1 point) costs a little, one major error (5 points) more than
    # half.
    return _graded(frame.text, 0.97 * np.exp(-penalty / 6), 1.0, frame.seg)


def read_fluency_rated(folder: Path) -> pd.DataFrame:
    """Read texts with labels of fluency; columns text, label, weight, source, tier,
    pair, source_text.

    `pair` numbers, within a source, the rows that say the same in different ways, or is
    missing; `source_text` is the text that a rewrite was made of, or is missing.

    Args:
        folder: the data folder, which holds `fluency_rated/` and `meaning_rated/`.
    """
    rated, pairs = Path(folder) / "fluency_rated", Path(folder) / "meaning_rated"
    parts = {
        ("gmeg", OPEN): _rewrites(rated, "gmeg", "quality_mean_0_100", (25, 95)),
        ("wmt_ted_mqm", OPEN): _mqm(rated),
        ("nlg_emnlp17", OPEN): _rated(
            rated, "nlg_emnlp17", "naturalness_median_1_6", (1, 6), 0.5
        ),
        ("query_wellformed", OPEN): _rated(
            rated, "query_wellformed", "wellformed_0_1", (0, 1), 0.25
        ),
        ("blimp", OPEN): _blimp(rated),
        ("demetr", OPEN): _demetr(pairs),
        ("gug", RESEARCH): _rated(rated, "gug", "mean_1_4", (1, 4), 1.0),
        ("jfleg", RESEARCH): _jfleg(rated),
        ("li_adger", RESEARCH): _rated(
            rated, "li_adger", "judgement", (-1.3, 1.3), 0.5
        ),
        ("webnlg2020", RESEARCH): _rated(
            rated, "webnlg2020", "fluency_mean_0_100", (20, 100), 0.5
        ),
        ("mir_yelp", RESEARCH): _rewrites(
            pairs, "mir_yelp", "naturalness_mean_1_5", (1, 5)
        ),
        ("tmu_gfm", RESEARCH): _rewrites(pairs, "tmu_gfm", "grammar_mean_0_4", (1, 4)),
        ("lai_formality", RESEARCH): _rewrites(
            pairs, "lai_formality", "fluency_mean", (0, 100)
        ),
        ("asset_ratings", RESEARCH): _rewrites(
            pairs, "asset_ratings", "fluency_mean", (0, 100)
        ),
        ("simplicity_da", RESEARCH): _simplicity(pairs),
    }
    return stacked(parts, ["text"])
