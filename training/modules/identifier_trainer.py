"""The training loop of a toxicity identifier."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm
from transformers import get_cosine_schedule_with_warmup

from toxicity_j.builtin_identifier import ToxicityIdentifier
from training.data.tables import length_batches
from training.modules.checkpoint import load_checkpoint, save_checkpoint
from training.modules.identifier_options import TrainingOptions
from training.modules.identifier_validation import (
    Epoch,
    Examples,
    best_epoch,
    validate,
)

__all__ = ["CHECKPOINT", "fit"]

CHECKPOINT = "checkpoint.pt"
WARMUP_SHARE = 0.05

# A text's ids, changed each time it is seen.
Augment = Callable[[list[int], random.Random], list[int]]


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
        warmup = int(WARMUP_SHARE * total)
        groups = _parameter_groups(model, options.weight_decay)
        self._optimizer = torch.optim.AdamW(groups, lr=options.learning_rate)
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
        seed = options.seed * 1000 + epoch
        torch.manual_seed(seed)
        rng = random.Random(seed)
        order = np.random.default_rng([options.seed, epoch])
        batches = length_batches(self._lengths, options.batch_size, order)
        bar = tqdm(
            batches, total=self._steps, desc=f"epoch {epoch}", disable=not progress
        )
        self.model.train()
        total = 0.0
        for indices in bar:
            rows = [self.train.ids[index] for index in indices]
            if augment is not None:
                rows = [augment(row, rng) for row in rows]
            loss = self._step(rows, self.train.targets[indices])
            total += loss * len(indices)
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
    # Decay would shrink the rows of tokens that no batch holds.
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
    """Train `model` in place, and leave it in eval mode with its best epoch's weights.

    Args:
        model: what is trained.
        train: the examples to learn.
        validation: the examples to judge each epoch by, of both classes.
        options: how.
        output_dir: gets the best weights so far, `history.json`, and a checkpoint until
            it ends.
        resume: go on from the checkpoint in `output_dir` where there is one.
        augment: changes a text's ids each time it is seen.
        progress: show bars.

    Returns:
        For each epoch `epoch`, `loss`, and what `validate` says.

    Raises:
        ValueError: No examples, validation of one class, or a damaged checkpoint.
    """
    if not train.ids:
        raise ValueError("`train` must have at least one example; got none")
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(model, train, options)
    history = _resume(trainer, folder) if resume else []
    for epoch in range(len(history), options.num_train_epochs):
        if _stops_early(history, options.early_stopping_patience):
            break
        loss = trainer.run_epoch(epoch, augment, progress)
        found = {"epoch": epoch, "loss": loss, **validate(model, validation)}
        history.append(found)
        _save(trainer, history, folder)
        if progress:
            print(_describe(found), flush=True)
    best = ToxicityIdentifier.from_pretrained(folder)
    model.load_state_dict(best.state_dict())
    (folder / CHECKPOINT).unlink(missing_ok=True)
    model.eval()
    return history


def _resume(trainer: _Trainer, folder: Path) -> list[Epoch]:
    """Go on from a checkpoint where there is one; return the epochs behind it."""
    checkpoint = folder / CHECKPOINT
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
