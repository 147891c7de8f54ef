"""Train the built-in encoder on the example tables and their teachers' labels.

    python -m training.train_encoder --examples runs/examples --output_dir runs/encoder

One seeded multi-task run: minutes on a GPU, days on two cores. One step takes a batch
of each task. Ends with an uncalibrated encoder.safetensors, which `python -m
training.calibrate_encoder` turns into the shipped file.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_encoder_config import EncoderConfig
from training.data.example_table import ExampleTable
from training.modules.backbone import from_backbone
from training.modules.encoder_losses import EncoderLosses
from training.modules.encoder_options import encoder_parser
from training.modules.encoder_run import (
    read_tables,
    run_losses,
    save_encoder,
    save_settings,
)
from training.modules.padded_network import pad_attention
from training.modules.training_rows import TrainingRows
from training.modules.vocabulary import count_tokens, prune

TASKS = ("style", "content", "fluency")


def train(
    encoder: Encoder, tables: dict[str, ExampleTable], args: argparse.Namespace
) -> None:
    """Run the steps."""
    network, device = encoder.network, torch.device(args.device)
    rows = {
        task: TrainingRows.of_table(table, device) for task, table in tables.items()
    }
    network.train()
    pad_attention(network)
    run_losses(EncoderLosses(network, rows), tables, args)


def _first_encoder(args: argparse.Namespace) -> Encoder:
    if args.encoder:
        for flag in ("backbone", "pair_layers"):
            if getattr(args, flag) is not None:
                raise ValueError(f"`{flag}` is for a new encoder; drop it or `encoder`")
        encoder = Encoder.from_pretrained(args.encoder, device=args.device)
        encoder.network.requires_grad_(True)
        return encoder
    config = EncoderConfig()
    if args.pair_layers is not None:
        config = replace(config, pair_layers=args.pair_layers)
    encoder = from_backbone(args.backbone, config)
    encoder.network.to(args.device)
    return encoder


def main() -> None:
    """Train as the command line says."""
    args = encoder_parser(__doc__).parse_args()
    torch.manual_seed(args.seed)
    encoder = _first_encoder(args)
    tables = read_tables(TASKS, args, encoder.tokenizer)
    save_settings(args)
    train(encoder, tables, args)
    encoder.network.float().to("cpu").eval()
    if not args.encoder:
        texts = [ids for table in tables.values() for ids in table.texts]
        encoder = prune(encoder, count_tokens(texts))
    save_encoder(encoder, args.output_dir / "encoder.safetensors")


if __name__ == "__main__":
    main()
