"""A training run of the encoder: tables, learning rates, steps, and the file at the
end.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import nn

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_network import EncoderNetwork
from training.data.example_table import ExampleTable
from training.modules.gradients import Batch, Gradients, LossesOf
from training.modules.schedule import Clock, adamw, batches, follow_gradients
from training.modules.training_rows import width_of

__all__ = [
    "Drawn",
    "DrawnRows",
    "NetworkLosses",
    "optimizer",
    "read_tables",
    "run_losses",
    "run_steps",
    "save_encoder",
    "save_settings",
]

# How many times the learning rate of the body that of the heads is: they start from
# nothing.
HEAD_FACTOR = 4.0


class Drawn(Protocol):
    """What a run draws rows by.

    Attributes:
        weights: how often each row is drawn. *Shape:* (rows,)
        lengths: tokens of the longer side of each row. *Shape:* (rows,)
    """

    weights: np.ndarray
    lengths: np.ndarray


class DrawnRows:
    """What a run draws rows by; see `Drawn`.

    Args:
        lengths: tokens of the longer side of each row. *Shape:* (rows,)
        weights: how often each row is drawn; evenly when None. *Shape:* (rows,)
    """

    def __init__(self, lengths: np.ndarray, weights: np.ndarray | None = None) -> None:
        self.lengths = lengths
        self.weights = np.ones(len(lengths)) if weights is None else weights


def read_tables(
    tasks: Sequence[str], args: argparse.Namespace, tokenizer: Tokenizer
) -> dict[str, ExampleTable]:
    """Read the tables, then their labels."""
    tables = {task: ExampleTable(task, args, tokenizer) for task in tasks}
    scores = pd.read_parquet(args.examples / "likelihood.parquet")
    likelihood = dict(zip(scores.text, scores.likelihood, strict=True))
    for table in tables.values():
        table.read_labels(args, likelihood)
    return tables


def optimizer(
    network: EncoderNetwork, rate: float, others: Sequence[nn.Parameter]
) -> torch.optim.AdamW:
    """Decay the matrices of the body alone, and train heads at a higher rate; what does
    not learn is left out.

    Args:
        network: what is trained.
        rate: learning rate of the body.
        others: trained like heads.
    """
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    heads = [*others]
    for name, parameter in network.named_parameters():
        # What does not learn would decay.
        if not parameter.requires_grad:
            continue
        if not name.startswith("body."):
            heads.append(parameter)
        elif parameter.dim() == 2:
            matrices.append(parameter)
        else:
            vectors.append(parameter)
    groups = [
        {"params": matrices, "lr": rate, "weight_decay": 0.01},
        {"params": vectors, "lr": rate, "weight_decay": 0.0},
        {"params": heads, "lr": HEAD_FACTOR * rate, "weight_decay": 0.0},
    ]
    return adamw(groups, network.body.word_embeddings.weight.device)


class NetworkLosses(Protocol):
    """Computes the losses of a task's batch, for a network.

    Attributes:
        network: what learns, as far as it asks for gradients.
        helpers: parameters that learn beside it, at the rate of heads.
    """

    network: EncoderNetwork
    helpers: Sequence[nn.Parameter]

    def __call__(
        self, task: str, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        """Compute the losses of rows of a task, padded to a width, by name."""
        ...


def run_losses(
    losses_of: NetworkLosses, tables: Mapping[str, Drawn], args: argparse.Namespace
) -> None:
    """Take the steps of a run that trains what learns in a network.

    Args:
        losses_of: computes the losses.
        tables: by task; see `run_steps`.
        args: with `learning_rate`, that of the body; and as for `run_steps`.
    """
    updates = optimizer(losses_of.network, args.learning_rate, losses_of.helpers)
    run_steps(tables, losses_of, updates, args)


def run_steps(
    tables: Mapping[str, Drawn],
    losses_of: LossesOf,
    updates: torch.optim.Optimizer,
    args: argparse.Namespace,
) -> None:
    """Take the steps of a run.

    Args:
        tables: by task; their rows are drawn by weight.
        losses_of: computes the losses of a task's batch.
        updates: changes what is trained.
        args: with `batch_sizes`, `steps`, `minutes` and `seed`.
    """
    clock = Clock(args.steps, args.minutes)
    groups = updates.param_groups
    parameters = [parameter for group in groups for parameter in group["params"]]
    gradients = Gradients(losses_of, parameters)
    for step in _batches(tables, args.batch_sizes, args.steps, args.seed):
        losses = gradients.of_step(step)
        _show(clock, losses)
        follow_gradients(updates, clock)
        if clock.share >= 1:
            break


def _batches(
    tables: Mapping[str, Drawn], sizes: Sequence[int], steps: int, seed: int
) -> Iterator[list[Batch]]:
    """Draw the batches of each step; each task has a seed of its own."""
    streams = []
    for place, (size, table) in enumerate(zip(sizes, tables.values(), strict=True)):
        streams.append(batches(table.weights, table.lengths, size, steps, seed + place))
    for rows in zip(*streams, strict=True):
        yield [
            Batch(task, chosen, width_of(table.lengths[chosen]))
            for (task, table), chosen in zip(tables.items(), rows, strict=True)
        ]


def _show(clock: Clock, losses: dict[str, torch.Tensor]) -> None:
    """Print the losses of every hundredth step."""
    if clock.step % 100:
        return
    shown = [f"{name} {loss.item():.3f}" for name, loss in losses.items()]
    print(clock.step, *shown, f"done {clock.share:.2f}", flush=True)


def save_settings(args: argparse.Namespace) -> None:
    """Write the flags of a run beside what it makes."""
    args.output_dir.mkdir(parents=True, exist_ok=True)
    settings = {name: str(value) for name, value in vars(args).items()}
    text = json.dumps(settings, indent=1)
    (args.output_dir / "settings.json").write_text(text + "\n", encoding="utf-8")


def save_encoder(encoder: Encoder, path: Path) -> None:
    """Write the file and say so."""
    encoder.save_pretrained(path)
    print(f"wrote {path}")
