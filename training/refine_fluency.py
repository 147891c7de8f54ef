"""Train what reads fluency in an encoder on, with sound sentences and broken twins.

    python -m training.refine_fluency --encoder runs/mean.safetensors \\
        --examples runs/examples --output_file runs/fluent.safetensors

Marks of whole pairs (`training.data.marked_pairs`) forgive a slip that one word makes,
so after `training.refine_network` an encoder tells a broken sentence from its sound
twin less well than before. Here broken sentences of the fluency table are read beside
their sound twins, and must lie below them. Beside them, marked pairs and
all rows of the table are read. Trunk, content and style do not learn. A quarter of an
hour on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch

from toxicity_j.builtin_encoder import Encoder
from training.flags import command_parser
from training.modules.encoder_run import Drawn, run_losses, save_encoder
from training.modules.fluency_refinement import FluencyRefinement
from training.modules.padded_network import pad_attention
from training.modules.schedule import add_run_flags
from training.modules.training_rows import LabeledRows
from training.refine_network import fluency_rows, marked_rows
from training.refine_pairs import pair_rows

__all__ = ["refine", "twins"]

# A sentence with a known sound one and a lower label than this is broken.
_BROKEN = 0.5


def twins(frame: pd.DataFrame) -> pd.DataFrame:
    """Return broken sentences beside their sound twins.

    Args:
        frame: the fluency table.

    Returns:
        Columns source (sound), text (broken), label and share.
    """
    is_broken = (frame.label < _BROKEN) & (frame.sound != "")
    made = frame[is_broken].drop_duplicates("text")
    pairs = made[["text", "label"]].assign(source=made.sound, share=1.0)
    return pairs.reset_index(drop=True)


def refine(
    encoder: Encoder,
    tables: dict[str, LabeledRows],
    drawn: dict[str, Drawn],
    args: argparse.Namespace,
) -> None:
    """Run the steps.

    Args:
        encoder: is changed.
        tables: by task; see `FluencyRefinement`.
        drawn: what their rows are drawn by, in the order of `args.batch_sizes`.
        args: of the run.
    """
    pad_attention(encoder.network)
    run_losses(FluencyRefinement(encoder.network, tables), drawn, args)


def _read(
    encoder: Encoder, args: argparse.Namespace
) -> tuple[dict[str, LabeledRows], dict[str, Drawn]]:
    """Read what each task learns from, and what its rows are drawn by."""
    fluency, by_weight = fluency_rows(encoder, args)
    marked, of_marked = marked_rows(encoder, args)
    broken, of_broken = pair_rows(encoder, twins(by_weight.frame))
    tables = {
        "fluency": fluency,
        "alone": fluency,
        "marked": marked["marked_fluency"],
        "twins": broken,
    }
    drawn: dict[str, Drawn] = {
        "fluency": by_weight,
        "alone": by_weight,
        "marked": of_marked,
        "twins": of_broken,
    }
    return tables, drawn


def main() -> None:
    """Refine as the command line says."""
    parser = command_parser("refine_fluency", __doc__)
    add = parser.add_argument
    add("--encoder", type=Path, required=True, help="encoder.safetensors of a run")
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--teacher", default="teacher", help="labels are in fluency.TEACHER.parquet")
    of_what = "the branch of fluency; heads take four times"
    add_run_flags(parser, learning_rate=1e-4, of_what=of_what, steps=400)
    add(
        "--batch_sizes",
        type=int,
        nargs=4,
        default=(16, 32, 24, 20),
        help="per step: pairs of fluency, its texts alone, marked pairs, twins",
    )
    add("--output_file", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    encoder = Encoder.from_pretrained(args.encoder, device=args.device)
    refine(encoder, *_read(encoder, args), args)
    encoder.network.to("cpu").eval()
    save_encoder(encoder, args.output_file)


if __name__ == "__main__":
    main()
