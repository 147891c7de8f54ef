"""What an epoch of an identifier is judged by: its scores on validation examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.token_batches import token_batches
from training.eval_metrics import accuracy, auc, calibration_error

__all__ = ["Epoch", "Examples", "best_epoch", "predict", "validate"]

# Tokens of a batch of `predict`, padding included.
_TOKEN_BUDGET = 16384
# Keeps the loss of a probability of 0 finite.
_LEAST_LIKELIHOOD = 1e-12

Epoch = dict[str, float]


@dataclass(frozen=True)
class Examples:
    """Token ids and what they are to score.

    Attributes:
        ids: of each text.
        targets: in [0, 1]. *Shape:* (n,)
    """

    ids: list[list[int]]
    targets: npt.NDArray[np.float32]


def best_epoch(history: Sequence[Epoch]) -> int:
    """Return the index of the epoch of highest validation AUC; of equal ones, the one
    of lowest validation loss.
    """
    ranks = [(epoch["auc"], -epoch["validation_loss"]) for epoch in history]
    return ranks.index(max(ranks))


def predict(
    model: ToxicityIdentifier, ids: Sequence[list[int]]
) -> npt.NDArray[np.float64]:
    """Return P(toxic) of tokenized texts. *Shape:* (n,)"""
    model.eval()
    result = np.zeros(len(ids))
    lengths = [len(row) for row in ids]
    with torch.inference_mode():
        for indices in token_batches(lengths, _TOKEN_BUDGET):
            batch = model.collate([ids[index] for index in indices])
            logits = model(*batch).double()
            result[indices] = torch.sigmoid(logits).cpu().numpy()
    return result


def validate(model: ToxicityIdentifier, examples: Examples) -> Epoch:
    """Return `auc`, `accuracy`, `ece` and `validation_loss` on examples; those at or
    above 0.5 are toxic.

    Raises:
        ValueError: The examples have one class only.
    """
    labels = examples.targets >= 0.5
    toxic = int(labels.sum())
    if toxic in (0, len(labels)):
        raise ValueError(
            f"`examples` must have both classes; got {toxic} toxic ones of"
            f" {len(labels)}"
        )
    probabilities = predict(model, examples.ids)
    likelihoods = np.where(labels, probabilities, 1 - probabilities)
    losses = -np.log(np.maximum(likelihoods, _LEAST_LIKELIHOOD))
    return {
        "auc": auc(labels, probabilities),
        "accuracy": accuracy(labels, probabilities),
        "ece": calibration_error(labels, probabilities),
        "validation_loss": float(losses.mean()),
    }
