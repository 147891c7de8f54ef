"""How a trained identifier is calibrated, saved and judged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.rules import logit
from training.data.mixtures import JIGSAW
from training.data.sources import jigsaw_half, read_paradetox, read_style
from training.eval_metrics import (
    accuracy,
    auc,
    calibration_error,
    interval,
    platt,
)
from training.modules.identifier_validation import predict

__all__ = ["finish", "fold_in_calibration"]


def finish(model: ToxicityIdentifier, data: Path, output_dir: Path) -> None:
    """Calibrate on half of the development texts, save as int8, and print how the saved
    model does on all else.
    """
    first = jigsaw_half(data, calibration=True)
    labels = (first.y >= 0.5).to_numpy(float)
    probabilities = predict(model, model.encode(first.text.tolist()))
    fold_in_calibration(model, labels, probabilities)
    path = model.save_pretrained(output_dir, int8=True)
    # Rounding to int8 moves scores, so the saved model is the one to judge.
    saved = ToxicityIdentifier.from_pretrained(path)
    second = jigsaw_half(data, calibration=False)
    validation = read_style(data, "val")
    jigsaw = validation[validation.source == JIGSAW]
    results: dict[str, object] = {
        "development": report(saved, second),
        "validation": report(saved, validation),
        "validation_jigsaw": report(saved, jigsaw),
        "paradetox_pairs_in_order": pairs_in_order(saved, data),
    }
    print(json.dumps(results, indent=1))


def fold_in_calibration(
    model: ToxicityIdentifier, labels: np.ndarray, probabilities: np.ndarray
) -> tuple[float, float]:
    """Fold Platt's slope and offset into the last layer, and return them."""
    slope, offset = platt(labels, logit(probabilities)[:, None])
    last = model.classifier[-1]
    with torch.no_grad():
        last.weight.mul_(slope)
        last.bias.mul_(slope).add_(offset)
    return slope, offset


def report(model: ToxicityIdentifier, rows: pd.DataFrame) -> dict[str, object]:
    """Measure accuracy, AUC (each with its 95 % interval) and ECE on labeled texts."""
    labels = (rows.y >= 0.5).to_numpy()
    scores = predict(model, model.encode(rows.text.tolist()))
    return {
        "n": len(labels),
        "accuracy": accuracy(labels, scores),
        "accuracy_95": interval(accuracy, labels, scores),
        "auc": auc(labels, scores),
        "auc_95": interval(auc, labels, scores),
        "ece": calibration_error(labels, scores),
    }


def pairs_in_order(model: ToxicityIdentifier, folder: Path) -> tuple[float, int]:
    """Return the share of held-out ParaDetox pairs whose toxic side scores above its
    rewrite, and how many pairs.
    """
    _, held_out = read_paradetox(folder)
    toxic: list[str] = []
    neutral: list[str] = []
    for row in held_out:
        neutral += row.rewrites
        toxic += [row.toxic] * len(row.rewrites)
    in_order = model.p_toxic(toxic) > model.p_toxic(neutral)
    return float(np.mean(in_order)), len(in_order)
