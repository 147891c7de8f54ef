"""What the commands that train an encoder on share: their flags, and what they do
before and after.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from toxicity_j.builtin_encoder import Encoder
from training.flags import command_parser
from training.modules.encoder_run import save_encoder
from training.modules.schedule import add_run_flags

__all__ = ["refinement_parser", "run_refinement"]


def refinement_parser(
    name: str, docstring: str, *, learning_rate: float, of_what: str, steps: int
) -> argparse.ArgumentParser:
    """Make the parser of `python -m training.NAME`, with `--encoder`, `--examples`,
    `--output_file` and the flags of a run.

    Args:
        name: of the module.
        docstring: that of the module.
        learning_rate: see `add_run_flags`, as for the others.
        of_what: likewise.
        steps: likewise.
    """
    parser = command_parser(name, docstring)
    add = parser.add_argument
    add("--encoder", type=Path, required=True, help="encoder.safetensors of a run")
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--output_file", type=Path, required=True)
    add_run_flags(parser, learning_rate=learning_rate, of_what=of_what, steps=steps)
    return parser


def run_refinement(
    parser: argparse.ArgumentParser,
    train: Callable[[Encoder, argparse.Namespace], None],
) -> None:
    """Read the command line and the encoder, train it, and write it.

    Args:
        parser: of `refinement_parser`.
        train: trains an encoder in place, as the flags say.
    """
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    encoder = Encoder.from_pretrained(args.encoder, device=args.device)
    train(encoder, args)
    encoder.network.to("cpu").eval()
    save_encoder(encoder, args.output_file)
