"""P(toxic) against raters, on sentences that training and calibration have not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from toxicity_j.builtin_encoder import Encoder
from training.data.sources import CORE, JIGSAW, jigsaw_half, read_paradetox, read_style
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
    rows = []
    for name, function in (
        ("accuracy", accuracy),
        ("AUC", auc),
        ("ECE", calibration_error),
    ):
        rows.append(
            measured("style", "Jigsaw sentences", name, function, labels, p_toxic)
        )
    chance = expected_ece_if_calibrated(p_toxic)
    rows.append(
        single(
            "style", "Jigsaw sentences, by chance alone", "ECE", chance, len(p_toxic)
        )
    )
    return rows


def validation_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure P(toxic) on the validation split, by source."""
    frame = read_style(folder, "val")
    frame["p_toxic"] = encoder.p_toxic(frame.text.tolist())
    frame["label"] = (frame.y >= 0.5).astype(float)
    rows = []
    for source, part in frame.groupby("source"):
        if part.label.nunique() == 2:
            rows.append(
                measured(
                    "style",
                    f"validation, {source}",
                    "AUC",
                    auc,
                    part.label,
                    part.p_toxic,
                )
            )
    jigsaw = frame[frame.source == JIGSAW]
    rows.append(
        measured(
            "style",
            f"validation, {JIGSAW}",
            "accuracy",
            accuracy,
            jigsaw.label,
            jigsaw.p_toxic,
        )
    )
    core = frame[frame.source.isin(CORE)]
    rows.append(
        measured(
            "style", "validation, core sources", "AUC", auc, core.label, core.p_toxic
        )
    )
    for source in (JIGSAW, "paradetox"):
        part = frame[frame.source == source]
        rows.append(
            measured(
                "style",
                f"validation, {source}",
                "ECE",
                calibration_error,
                part.y,
                part.p_toxic,
            )
        )
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
    name = "ParaDetox tenth: "
    return [
        measured(
            "style", name + "source and rewrite", "ECE", calibration_error, labels, both
        ),
        measured("style", name + "toxic sources caught", "share", mean, toxic >= 0.5),
        measured("style", name + "rewrites passed", "share", mean, human < 0.5),
        measured("style", name + "source against rewrite", "AUC", auc, labels, both),
        measured(
            "style", name + "rewrite below its source", "share", mean, human < toxic
        ),
    ]
