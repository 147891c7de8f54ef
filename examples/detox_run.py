"""One run of detox_training: a model, its optimizer and schedule, and its batches."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from examples.detox_model import PAD, Detoxifier, as_tensor
from examples.detox_objectives import Batch, Objective, Pair

__all__ = ["Options", "Training", "batches"]

# The parts of a training that have a state.
STATE = ("model", "optimizer", "schedule")


@dataclass(frozen=True)
class Options:
    """What all runs share."""

    warm_epochs: int = 3
    epochs: int = 5
    batch_size: int = 64
    learning_rate: float = 2e-3
    dim: int = 128


class Training:
    """A model, its optimizer and schedule, so that several runs can go on from one."""

    def __init__(
        self, pairs: Sequence[Pair], vocab_size: int, options: Options, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.pairs, self.options, self.seed = pairs, options, seed
        self.model = Detoxifier(vocab_size, options.dim)
        steps = options.epochs * -(-len(pairs) // options.batch_size)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=options.learning_rate
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, options.learning_rate, total_steps=steps, pct_start=0.1
        )

    def saved(self) -> bytes:
        """Return the state, from which trainings of the same pairs can go on."""
        file = io.BytesIO()
        torch.save({name: getattr(self, name).state_dict() for name in STATE}, file)
        return file.getvalue()

    def restore(self, state: bytes) -> None:
        """Take over what `saved` returned."""
        found = torch.load(io.BytesIO(state))
        for name in STATE:
            getattr(self, name).load_state_dict(found[name])

    def run(self, epochs: range, name: str, objective: Objective | None = None) -> None:
        """Train for some epochs, and print the means of each under a name."""
        size = self.options.batch_size
        self.model.train()
        torch.manual_seed(self.seed + epochs.start)
        for epoch in epochs:
            sums = np.zeros(2)
            for batch in batches(self.pairs, size, self.seed + epoch):
                sums += self._step(batch, objective)
            cross_entropy, added = sums / len(self.pairs)
            print(
                f"{name}, epoch {epoch + 1}: cross-entropy {cross_entropy:.3f}, added"
                f" {added:.3f}",
                flush=True,
            )

    def _step(
        self, pairs: Sequence[Pair], objective: Objective | None
    ) -> tuple[float, float]:
        sources, targets = (as_tensor(list(side)) for side in zip(*pairs, strict=True))
        output = self.model(sources, self.model.encode(sources), targets[:, :-1])
        batch = Batch(pairs, sources, targets[:, 1:], output)
        likelihoods = output.gather(2, batch.targets[..., None])[..., 0]
        cross_entropy = -likelihoods[batch.targets != PAD].mean()
        added = objective(self.model, batch) if objective else torch.zeros(())
        self.optimizer.zero_grad()
        (cross_entropy + added).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        return cross_entropy.item() * len(pairs), added.item() * len(pairs)


def batches(pairs: Sequence[Pair], size: int, seed: int) -> list[list[Pair]]:
    """Return shuffled batches of pairs of like lengths, so that little is padding."""
    rng = random.Random(seed)
    shuffled = rng.sample(pairs, len(pairs))
    found = []
    for start in range(0, len(shuffled), 16 * size):
        alike = sorted(shuffled[start : start + 16 * size], key=_length)
        found += [alike[i : i + size] for i in range(0, len(alike), size)]
    return rng.sample(found, len(found))


def _length(pair: Pair) -> int:
    source, target = pair
    return max(len(source), len(target))
