"""How the encoder is trained: the command-line flags that say so."""

from __future__ import annotations

import argparse
from pathlib import Path

from toxicity_j.builtin_encoder_config import EncoderConfig
from training.flags import command_parser
from training.modules.schedule import add_run_flags

__all__ = ["encoder_parser"]


def encoder_parser(docstring: str) -> argparse.ArgumentParser:
    """Make the parser of `python -m training.train_encoder`."""
    parser = command_parser("train_encoder", docstring)
    _add_start_flags(parser)
    _add_label_flags(parser)
    of_what = "the transformer; heads take four times"
    add_run_flags(parser, learning_rate=2.5e-4, of_what=of_what)
    parser.add_argument(
        "--batch_sizes",
        type=int,
        nargs=3,
        default=(256, 768, 384),
        help="texts of style, pairs of content and of fluency per step",
    )
    parser.add_argument("--output_dir", type=Path, required=True)
    return parser


def _add_start_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what training starts from").add_argument
    add(
        "--backbone",
        type=Path,
        help="folder of all-MiniLM-L6-v2; the package's when not given",
    )
    add("--encoder", type=Path, help="an encoder to go on with, instead of a backbone")
    usual = EncoderConfig().pair_layers
    add("--pair_layers", type=int, help=f"of a new encoder; {usual} when not given")


def _add_label_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say what is learned from."""
    add = parser.add_argument_group("examples and labels").add_argument
    add(
        "--examples",
        type=Path,
        required=True,
        help="folder of prepare_examples, with its labels",
    )
    add(
        "--teacher", default="teacher", help="labels are read from TASK.TEACHER.parquet"
    )
    add(
        "--content_labels",
        type=Path,
        help="weights and labels of content from weigh_pairs, instead of its teacher's",
    )
    add(
        "--likelihood",
        type=float,
        default=0.8,
        help="weight of the language model in fluency labels",
    )
    add(
        "--trust",
        type=float,
        default=0.25,
        help="scales how far constructed labels count",
    )
