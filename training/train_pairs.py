"""Train what reads pairs alone, on pairs that no run has seen before.

    python -m training.train_pairs --examples runs/examples \\
        --encoder runs/encoder/encoder.safetensors --output_dir runs/pairs

Trunk, style, the branch of fluency and the likelihoods stay as they are. Some pairs of
content are those of `python -m training.train_encoder`, the others are made here: see
`training.data.varied_pairs`. Ends with an uncalibrated encoder.safetensors, after an
hour on two cores: a mean of the weights before and after, in the manner of WiSE-FT
(Wortsman et al. 2022, arXiv 2109.01903), because what is learned from made pairs is
paid for with agreement on the outputs of systems.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from random import Random

import pandas as pd
import torch
from tokenizers import Tokenizer

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_network import EncoderNetwork
from training.data.example_table import ExampleTable, read_rows
from training.data.varied_pairs import edited_sentences, role_pairs, varied_pairs
from training.flags import command_parser
from training.modules.encoder_losses import PAIR_TASKS, pair_losses
from training.modules.encoder_options import add_label_flags
from training.modules.encoder_run import (
    optimizer,
    read_tables,
    run_steps,
    save_encoder,
    save_settings,
)
from training.modules.padded_attention import use_padded_attention
from training.modules.schedule import add_run_flags

# Shares of the ways that pairs of content are made, and of those of the first run.
VARIED_SHARE, EDITED_SHARE, ROLE_SHARE, FIRST_SHARE = 0.32, 0.14, 0.12, 0.42
# How far from the weights before to those after the mean lies. Of 0.25, 0.5 and 1 it
# costs least of the agreement with people.
WAY = 0.25
PARTS = (
    "body.pair",
    "body.segment_embeddings",
    "content_head",
    "pair_fluency_head",
)


def train(
    encoder: Encoder, tables: dict[str, ExampleTable], args: argparse.Namespace
) -> None:
    """Run the steps."""
    network = encoder.network
    keep_all_but_pairs(network)
    updates = optimizer(network, args.learning_rate, 2.0)
    use_padded_attention(network)
    run_steps(tables, partial(pair_losses, network, tables), updates, args)


def interpolate(network: EncoderNetwork, before: dict[str, torch.Tensor]) -> None:
    """Move the weights back, so that they lie `WAY` of the way from those before."""
    for name, after in network.state_dict().items():
        if name.startswith(PARTS):
            after.lerp_(before[name], 1 - WAY)


def keep_all_but_pairs(network: EncoderNetwork) -> None:
    """Let only what reads pairs learn."""
    # Dropout would change what is kept.
    network.eval()
    network.requires_grad_(False)
    for name in PARTS:
        network.get_submodule(name).train().requires_grad_(True)


def add_new_pairs(
    table: ExampleTable,
    style: pd.DataFrame,
    count: int,
    tokenizer: Tokenizer,
    rng: Random,
) -> None:
    """Make `count` pairs, in part from rows of style, and add them to the table of
    content.
    """
    ways = (
        (VARIED_SHARE, lambda size: varied_pairs(table, size, rng)),
        (EDITED_SHARE, lambda size: edited_sentences(style, size, rng)),
        (ROLE_SHARE, lambda size: role_pairs(size, rng)),
    )
    table.weights = table.weights * FIRST_SHARE / table.weights.sum()
    of_new = 1 - FIRST_SHARE
    for share, make in ways:
        pairs = make(round(count * share / of_new))
        table.add_pairs(tokenizer, pairs, share)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("train_pairs", __doc__)
    add = parser.add_argument
    add("--encoder", type=Path, required=True, help="encoder.safetensors of a run")
    add_label_flags(parser)
    of_what = "the pair layers; heads take twice"
    add_run_flags(parser, learning_rate=1.5e-4, of_what=of_what, steps=2000)
    add(
        "--batch_sizes",
        type=int,
        nargs=2,
        default=(64, 20),
        help="pairs of content and of fluency per step",
    )
    add("--new_pairs", type=int, default=140_000, help="how many are made")
    add("--output_dir", type=Path, required=True)
    return parser


def main() -> None:
    """Train as the command line says."""
    args = _parser().parse_args()
    torch.manual_seed(args.seed)
    encoder = Encoder.from_pretrained(args.encoder, device=args.device)
    tables = read_tables(PAIR_TASKS, args, encoder.tokenizer)
    style, _ = read_rows(args.examples, "style", args.tier)
    rng = Random(args.seed)
    add_new_pairs(tables["content"], style, args.new_pairs, encoder.tokenizer, rng)
    save_settings(args)
    network = encoder.network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    train(encoder, tables, args)
    interpolate(network, before)
    network.to("cpu").eval()
    save_encoder(encoder, args.output_dir / "encoder.safetensors")


if __name__ == "__main__":
    main()
