"""Train the built-in encoder on the example tables and their teachers' labels.

    python -m training.train_encoder --examples runs/examples --output_dir runs/encoder

One seeded multi-task run: minutes on a GPU, days on two cores. One step takes a batch
of each task. Ends with an uncalibrated encoder.safetensors, which `python -m
training.calibrate_encoder` turns into the shipped file.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_network import EncoderConfig, EncoderNetwork
from training.data.example_table import ExampleTable
from training.modules.backbone import from_backbone
from training.modules.encoder_losses import step_losses
from training.modules.encoder_options import encoder_parser
from training.modules.padded_attention import use_padded_attention
from training.modules.schedule import Clock, adamw, batches
from training.modules.vocabulary import count_tokens, prune

TASKS = ("style", "content", "fluency")


def train(
    encoder: Encoder, tables: dict[str, ExampleTable], args: argparse.Namespace
) -> None:
    """Run the steps."""
    network = encoder.network
    # Marks wrong words in training alone; it is not saved.
    flaw_head = nn.Linear(network.config.token_features, 1).to(args.device)
    network.train()
    updates = _optimizer(network, flaw_head, args)
    streams = _streams(tables, args)
    use_padded_attention(network)
    clock = Clock(args.steps, args.minutes)
    while clock.share < 1:
        clock.set_rate(updates)
        rows = {task: next(stream) for task, stream in streams.items()}
        losses = step_losses(network, flaw_head, tables, rows)
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        updates.step()
        updates.zero_grad()
        if clock.step % 100 == 0:
            _show(clock, losses)
        clock.step += 1


def _optimizer(
    network: EncoderNetwork, flaw_head: nn.Linear, args: argparse.Namespace
) -> torch.optim.AdamW:
    """Decay the matrices of the body alone, and train heads at four times its rate."""
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    heads: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if not name.startswith("body."):
            heads.append(parameter)
        elif parameter.dim() == 2:
            matrices.append(parameter)
        else:
            vectors.append(parameter)
    heads += flaw_head.parameters()
    rate = args.learning_rate
    groups = [
        {"params": matrices, "lr": rate, "weight_decay": 0.01},
        {"params": vectors, "lr": rate, "weight_decay": 0.0},
        {"params": heads, "lr": 4 * rate, "weight_decay": 0.0},
    ]
    return adamw(groups, torch.device(args.device))


def _streams(
    tables: dict[str, ExampleTable], args: argparse.Namespace
) -> dict[str, Iterator[np.ndarray]]:
    """Make each task's stream of batches of rows, each with a seed of its own."""
    sizes = dict(zip(TASKS, args.batch_sizes, strict=True))
    streams = {}
    for place, (task, table) in enumerate(tables.items()):
        seed = args.seed + place
        streams[task] = batches(
            table.weights, table.lengths, sizes[task], args.steps, seed
        )
    return streams


def _show(clock: Clock, losses: dict[str, torch.Tensor]) -> None:
    shown = [f"{name} {loss.item():.3f}" for name, loss in losses.items()]
    print(clock.step, *shown, f"done {clock.share:.2f}", flush=True)


def _new_encoder(args: argparse.Namespace) -> Encoder:
    config = EncoderConfig(pair_layers=args.pair_layers)
    encoder = from_backbone(args.backbone, config)
    encoder.network.to(args.device)
    return encoder


def _read_tables(args: argparse.Namespace, encoder: Encoder) -> dict[str, ExampleTable]:
    """Read the tables, then their labels."""
    tables = {task: ExampleTable(task, args, encoder.tokenizer) for task in TASKS}
    scores = pd.read_parquet(args.examples / "likelihood.parquet")
    likelihood = dict(zip(scores.text, scores.likelihood, strict=True))
    for table in tables.values():
        table.read_labels(args, likelihood)
    return tables


def _save(encoder: Encoder, path: Path) -> None:
    """Write the file under another name first, so that a kill leaves none in part."""
    unfinished = path.with_suffix(".tmp")
    encoder.save_pretrained(unfinished)
    os.replace(unfinished, path)
    print(f"wrote {path}")


def main() -> None:
    """Train as the command line says."""
    args = encoder_parser(__doc__).parse_args()
    args.output_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    encoder = _new_encoder(args)
    tables = _read_tables(args, encoder)
    settings = {name: str(value) for name, value in vars(args).items()}
    text = json.dumps(settings, indent=1)
    (args.output_dir / "settings.json").write_text(text + "\n", encoding="utf-8")
    train(encoder, tables, args)
    encoder.network.float().to("cpu").eval()
    texts = [ids for table in tables.values() for ids in table.texts]
    encoder = prune(encoder, count_tokens(texts))
    _save(encoder, args.output_dir / "encoder.safetensors")


if __name__ == "__main__":
    main()
