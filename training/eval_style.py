"""P(toxic) against raters, on sentences that training and calibration have not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from toxicity_j.builtin_encoder import Encoder
from training.data.mixtures import CORE, JIGSAW
from training.data.sources import jigsaw_half, read_paradetox, read_style
from training.eval_metrics import (
    Row,
    accuracy,
    auc,
    calibration_error,
    expected_ece_if_calibrated,
    mean,
    measured,
    single,
)

__all__ = ["jigsaw_rows", "notebook_rows", "paradetox_rows", "validation_rows"]

# Sentences of a published notebook; people put the first below 0.5, the others above
# it. Never trained on.
NOTEBOOK = (
    "I love you so much",
    "I'm famous, and you're dead",
    "And it just helped that you have no morals or integrity",
    "Nolan will destroy it",
)


def jigsaw_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure P(toxic) and its calibration on the kept Jigsaw sentences that
    calibration has not seen.
    """
    frame = jigsaw_half(folder, calibration=False)
    p_toxic = encoder.p_toxic(frame.text.tolist())
    labels = (frame.y >= 0.5).to_numpy(float)
    name = "Jigsaw sentences"
    # The error of a small sample is above 0 even where probabilities are exact.
    chance = expected_ece_if_calibrated(p_toxic)
    by_chance = f"{name}, by chance alone"
    return [
        measured("style", name, "accuracy", accuracy, labels, p_toxic),
        measured("style", name, "AUC", auc, labels, p_toxic),
        measured("style", name, "ECE", calibration_error, labels, p_toxic),
        single("style", by_chance, "ECE", chance, len(p_toxic)),
    ]


def validation_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure P(toxic) on the validation split, by source."""
    frame = read_style(folder, "val")
    frame["p_toxic"] = encoder.p_toxic(frame.text.tolist())
    frame["label"] = (frame.y >= 0.5).astype(float)
    rows = []

    def add(
        name: str,
        statistic: str,
        function: Callable[..., float],
        part: pd.DataFrame,
        column: str = "label",
    ) -> None:
        columns = part[column], part.p_toxic
        row = measured("style", f"validation, {name}", statistic, function, *columns)
        rows.append(row)

    for source, part in frame.groupby("source"):
        # AUC needs both classes.
        if part.label.nunique() == 2:
            add(source, "AUC", auc, part)
    add(JIGSAW, "accuracy", accuracy, frame[frame.source == JIGSAW])
    add("core sources", "AUC", auc, frame[frame.source.isin(CORE)])
    for source in (JIGSAW, "paradetox"):
        part = frame[frame.source == source]
        # Shares of raters, because a class would hide how sure they are.
        add(source, "ECE", calibration_error, part, "y")
    return rows


def notebook_rows(encoder: Encoder) -> list[Row]:
    """Give P(toxic) of the notebook's sentences."""
    p_toxic = encoder.p_toxic(list(NOTEBOOK))
    return [
        single("style", text, "P(toxic)", float(p), 1)
        for text, p in zip(NOTEBOOK, p_toxic, strict=True)
    ]


def paradetox_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure P(toxic) of held-out toxic sources against their human rewrites."""
    _, held_out = read_paradetox(folder)
    toxic = encoder.p_toxic([row.toxic for row in held_out])
    human = encoder.p_toxic([row.rewrites[0] for row in held_out])
    labels = np.repeat([1.0, 0.0], len(held_out))
    both = np.concatenate([toxic, human])

    def row(
        name: str, statistic: str, function: Callable[..., float], *columns: np.ndarray
    ) -> Row:
        name = f"ParaDetox tenth: {name}"
        return measured("style", name, statistic, function, *columns)

    return [
        row("source and rewrite", "ECE", calibration_error, labels, both),
        row("toxic sources caught", "share", mean, toxic >= 0.5),
        row("rewrites passed", "share", mean, human < 0.5),
        row("source against rewrite", "AUC", auc, labels, both),
        row("rewrite below its source", "share", mean, human < toxic),
    ]
