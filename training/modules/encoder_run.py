"""What the two training runs of the encoder share: tables, learning rates, steps, and
the file at the end.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import nn

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_network import EncoderNetwork
from training.data.example_table import ExampleTable
from training.modules.schedule import Clock, adamw, batches, take_step

__all__ = [
    "optimizer",
    "read_tables",
    "run_steps",
    "save_encoder",
    "save_settings",
]


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
    network: EncoderNetwork,
    rate: float,
    head_factor: float,
    others: Sequence[nn.Parameter] = (),
) -> torch.optim.AdamW:
    """Decay the matrices of the body alone, and train heads at another rate.

    Args:
        network: of which only what requires a gradient is trained.
        rate: learning rate of the body.
        head_factor: how many times that of the heads is.
        others: trained like heads.
    """
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    heads = [*others]
    for name, parameter in network.named_parameters():
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
        {"params": heads, "lr": head_factor * rate, "weight_decay": 0.0},
    ]
    return adamw(groups, matrices[0].device)


def run_steps(
    tables: dict[str, ExampleTable],
    losses_of: Callable[[dict[str, np.ndarray]], dict[str, torch.Tensor]],
    updates: torch.optim.Optimizer,
    args: argparse.Namespace,
) -> None:
    """Take the steps of a run.

    Args:
        tables: by task; their rows are drawn by weight.
        losses_of: computes the losses of one step from the rows of each task.
        updates: changes what is trained.
        args: with `batch_sizes`, `steps`, `minutes` and `seed`.
    """
    clock = Clock(args.steps, args.minutes)
    for rows in _batches(tables, args.batch_sizes, args.steps, args.seed):
        losses = losses_of(rows)
        _show(clock, losses)
        take_step(sum(losses.values()), updates, clock)
        if clock.share >= 1:
            break


def _batches(
    tables: dict[str, ExampleTable], sizes: Sequence[int], steps: int, seed: int
) -> Iterator[dict[str, np.ndarray]]:
    """Draw the rows of each step, by task; each task has a seed of its own."""
    streams = []
    for place, (size, table) in enumerate(zip(sizes, tables.values(), strict=True)):
        streams.append(batches(table.weights, table.lengths, size, steps, seed + place))
    for rows in zip(*streams, strict=True):
        yield dict(zip(tables, rows, strict=True))


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
