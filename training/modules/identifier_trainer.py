"""The training loop of a toxicity identifier."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm
from transformers import get_cosine_schedule_with_warmup

from toxicity_j.batching import token_batches
from toxicity_j.builtin_identifier import ToxicityIdentifier
from training.data.tables import length_batches
from training.eval_metrics import accuracy, auc, calibration_error
from training.modules.checkpoint import load_checkpoint, save_checkpoint
from training.modules.identifier_options import TrainingOptions

__all__ = [
    "CHECKPOINT",
    "Epoch",
    "Examples",
    "TrainingOptions",
    "best_epoch",
    "fit",
    "predict",
    "validate",
]

CHECKPOINT = "checkpoint.pt"
WARMUP_SHARE = 0.05
# Tokens of a batch of `predict`, padding included.
_TOKEN_BUDGET = 16384

# A text's ids, changed each time it is seen.
Augment = Callable[[list[int], random.Random], list[int]]
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
            result[indices] = torch.sigmoid(model(*batch).double()).cpu().numpy()
    return result


def validate(model: ToxicityIdentifier, examples: Examples) -> Epoch:
    """Return `auc`, `accuracy`, `ece` and `validation_loss` on examples; those at or
    above 0.5 are toxic.

    Raises:
        ValueError: The examples have one class only.
    """
    labels = examples.targets >= 0.5
    if labels.all() or not labels.any():
        raise ValueError(
            f"`examples` must have both classes; got {int(labels.sum())} toxic ones of"
            f" {len(labels)}"
        )
    probabilities = predict(model, examples.ids)
    likelihoods = np.where(labels, probabilities, 1 - probabilities)
    return {
        "auc": auc(labels, probabilities),
        "accuracy": accuracy(labels, probabilities),
        "ece": calibration_error(labels, probabilities),
        "validation_loss": float(-np.log(np.maximum(likelihoods, 1e-12)).mean()),
    }


class _Trainer:
    """A model with its optimizer and schedule."""

    def __init__(
        self, model: ToxicityIdentifier, train: Examples, options: TrainingOptions
    ) -> None:
        self.model = model
        self.train = train
        self.options = options
        self._lengths = np.array([len(row) for row in train.ids], dtype=np.int64)
        self._steps = math.ceil(len(train.ids) / options.batch_size)
        total = self._steps * options.num_train_epochs
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(model, options.weight_decay), lr=options.learning_rate
        )
        warmup = int(WARMUP_SHARE * total)
        self._schedule = get_cosine_schedule_with_warmup(self._optimizer, warmup, total)

    def states(self) -> dict[str, Any]:
        """Return what a checkpoint must hold."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, parts: dict[str, Any]) -> None:
        """Go on from what a checkpoint holds."""
        self.model.load_state_dict(parts["model"])
        self._optimizer.load_state_dict(parts["optimizer"])
        self._schedule.load_state_dict(parts["schedule"])

    def run_epoch(self, epoch: int, augment: Augment | None, progress: bool) -> float:
        """Pass over the examples once, and return the mean loss per text."""
        options = self.options
        # Seeded by the epoch, so that a resumed run does what an uninterrupted one
        # would.
        torch.manual_seed(options.seed * 1000 + epoch)
        rng = random.Random(options.seed * 1000 + epoch)
        batches = length_batches(
            self._lengths,
            options.batch_size,
            np.random.default_rng([options.seed, epoch]),
        )
        self.model.train()
        total = 0.0
        for indices in tqdm(
            batches, total=self._steps, desc=f"epoch {epoch}", disable=not progress
        ):
            rows = [self.train.ids[index] for index in indices]
            if augment is not None:
                rows = [augment(row, rng) for row in rows]
            total += self._step(rows, self.train.targets[indices]) * len(indices)
        return total / len(self._lengths)

    def _step(self, rows: list[list[int]], targets: npt.NDArray[np.float32]) -> float:
        ids, mask = self.model.collate(rows)
        wanted = torch.from_numpy(targets).to(ids.device)
        loss = binary_cross_entropy_with_logits(self.model(ids, mask), wanted)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._schedule.step()
        return loss.item()


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    embedding, others = [], []
    for name, parameter in model.named_parameters():
        group = embedding if name.startswith("embedding") else others
        group.append(parameter)
    return [
        {"params": embedding, "weight_decay": 0.0},
        {"params": others, "weight_decay": weight_decay},
    ]


def fit(
    model: ToxicityIdentifier,
    train: Examples,
    validation: Examples,
    options: TrainingOptions,
    *,
    output_dir: str | Path,
    resume: bool = False,
    augment: Augment | None = None,
    progress: bool = True,
) -> list[Epoch]:
    """Train `model` in place, and leave it in eval mode with the weights of its best
    epoch; see `best_epoch`.

    Args:
        model: what is trained.
        train: the examples to learn.
        validation: the examples to judge each epoch by, of both classes.
        options: how.
        output_dir: gets `identifier.safetensors` (the best so far), `history.json`, and
            a checkpoint until it ends.
        resume: go on from the checkpoint in `output_dir` where there is one.
        augment: changes a text's ids each time it is seen.
        progress: show bars.

    Returns:
        For each epoch `epoch`, `loss`, and what `validate` says.

    Raises:
        ValueError: There is nothing to learn, the validation examples have one class,
            or the checkpoint is damaged.
    """
    if not train.ids:
        raise ValueError("`train` must have at least one example; got none")
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    trainer = _Trainer(model, train, options)
    history = _resume(trainer, checkpoint) if resume else []
    for epoch in range(len(history), options.num_train_epochs):
        if _stops_early(history, options.early_stopping_patience):
            break
        loss = trainer.run_epoch(epoch, augment, progress)
        history.append({"epoch": epoch, "loss": loss, **validate(model, validation)})
        if progress:
            print(_describe(history[-1]), flush=True)
        _save(trainer, history, folder)
    best = ToxicityIdentifier.from_pretrained(folder)
    model.load_state_dict(best.state_dict())
    checkpoint.unlink(missing_ok=True)
    model.eval()
    return history


def _resume(trainer: _Trainer, checkpoint: Path) -> list[Epoch]:
    """Go on from the checkpoint where there is one, and return the epochs it has behind
    it.
    """
    if not checkpoint.is_file():
        return []
    parts = load_checkpoint(checkpoint, "model", "optimizer", "schedule", "history")
    trainer.restore(parts)
    history: list[Epoch] = parts["history"]
    return history


def _stops_early(history: Sequence[Epoch], patience: int) -> bool:
    if not history:
        return False
    epochs_since_best = len(history) - 1 - best_epoch(history)
    return epochs_since_best > patience


def _save(trainer: _Trainer, history: Sequence[Epoch], folder: Path) -> None:
    """Write the weights where the last epoch is the best, the history, and a
    checkpoint.
    """
    if best_epoch(history) == len(history) - 1:
        trainer.model.save_pretrained(folder)
    text = json.dumps(history, indent=1)
    (folder / "history.json").write_text(text + "\n", encoding="utf-8")
    save_checkpoint(folder / CHECKPOINT, history=history, **trainer.states())


def _describe(epoch: Epoch) -> str:
    return json.dumps({name: round(value, 4) for name, value in epoch.items()})
