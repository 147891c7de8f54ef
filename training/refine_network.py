"""Train a whole encoder on, with what a larger model says of fluency.

    python -m training.refine_network --encoder runs/final.safetensors \\
        --data DATA --examples runs/examples --output_file runs/whole.safetensors

A larger model tells sound English from broken better than the encoder does, and a
branch cannot learn that from a trunk that stays as it is. So everything learns: fluency
from the teacher's labels of pairs that have no other, and from those that have; style
and content from what the other refinements read. As far as a label is not trusted, what
the encoder said before is learned, so that it stays what it is. Two hours on one core.

A part of the result alone can be taken: see `training.average_encoders`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from toxicity_j.builtin_encoder import Encoder
from training.data.example_table import ExampleTable, read_rows
from training.flags import add_data_flag
from training.modules.encoder_run import Drawn, run_losses
from training.modules.network_refinement import NetworkRefinement
from training.modules.padded_network import pad_attention
from training.modules.refinement_command import refinement_parser, run_refinement
from training.modules.training_rows import LabeledRows, TrainingRows
from training.refine_pairs import pair_rows, read_pairs
from training.refine_style import refining_texts, text_rows

__all__ = ["fluency_labels", "refine"]

# Share of the pairs of fluency whose label is the teacher's, and how far it counts
# beside what the encoder said before: a mean of both agrees with people better than
# either.
TEACHER_SHARE, TEACHER_TRUST = 0.64, 0.65
# How far the label of any other row counts, times its trust.
TABLE_TRUST = 0.75


@dataclass(frozen=True)
class FluencyLabels:
    """What is learned of the rows of the fluency table. *Shape:* (rows,) each.

    Attributes:
        labels: in [0, 1].
        shares: how far each counts beside what the encoder said before, in [0, 1].
        weights: how often each is drawn.
    """

    labels: np.ndarray
    shares: np.ndarray
    weights: np.ndarray


def fluency_labels(frame: pd.DataFrame, teacher: np.ndarray) -> FluencyLabels:
    """Join the table's labels with the teacher's.

    Args:
        frame: the fluency table.
        teacher: its labels, in [0, 1]; those of rows without another are taken.
            *Shape:* (rows,)
    """
    is_teachers = frame.label.isna().to_numpy()
    trust = np.clip(TABLE_TRUST * frame.trust.to_numpy(), 0, 1)
    weights = np.where(is_teachers, 0.0, frame.weight.to_numpy())
    weights *= (1 - TEACHER_SHARE) / weights.sum()
    # Each as often as any other of these.
    weights[is_teachers] = TEACHER_SHARE / max(1, is_teachers.sum())
    return FluencyLabels(
        np.where(is_teachers, teacher, frame.label.to_numpy()),
        np.where(is_teachers, TEACHER_TRUST, trust),
        weights,
    )


def refine(
    encoder: Encoder,
    tables: dict[str, LabeledRows],
    drawn: dict[str, Drawn],
    args: argparse.Namespace,
) -> None:
    """Run the steps.

    Args:
        encoder: is changed.
        tables: by task; see `NetworkRefinement`.
        drawn: what their rows are drawn by, in the order of `args.batch_sizes`.
        args: of the run.
    """
    pad_attention(encoder.network)
    run_losses(NetworkRefinement(encoder.network, tables), drawn, args)


def _fluency_rows(
    encoder: Encoder, args: argparse.Namespace
) -> tuple[LabeledRows, ExampleTable]:
    """Read the table of fluency, with a teacher's labels; return also the table, by
    which its rows are drawn.
    """
    table = ExampleTable("fluency", args, encoder.tokenizer)
    file = args.examples / f"fluency.{args.teacher}.parquet"
    teacher = pd.read_parquet(file).teacher.to_numpy()[table.kept]
    known = fluency_labels(table.frame, teacher)
    table.labels, table.weights = known.labels, known.weights
    shares = torch.tensor(known.shares, dtype=torch.float32, device=encoder.device)
    return LabeledRows(TrainingRows.of_table(table, encoder.device), shares), table


def _read(
    encoder: Encoder, args: argparse.Namespace
) -> tuple[dict[str, LabeledRows], dict[str, Drawn]]:
    """Read what each task learns from, and what its rows are drawn by."""
    style, _ = read_rows(args.examples, "style", args.tier)
    fluency, by_weight = _fluency_rows(encoder, args)
    made, of_pairs = pair_rows(encoder, read_pairs(style, args))
    texts = refining_texts(style, args.texts, args.seed)
    rated, of_texts = text_rows(encoder, texts)
    tables = {"fluency": fluency, "alone": fluency, "style": rated, "content": made}
    drawn: dict[str, Drawn] = {
        "fluency": by_weight,
        "alone": by_weight,
        "style": of_texts,
        "content": of_pairs,
    }
    return tables, drawn


def main() -> None:
    """Refine as the command line says."""
    of_what = "the body; heads take four times"
    parser = refinement_parser(
        "refine_network", __doc__, learning_rate=1.2e-4, of_what=of_what, steps=600
    )
    add = parser.add_argument
    add_data_flag(add)
    add("--teacher", default="teacher", help="labels are in fluency.TEACHER.parquet")
    add(
        "--batch_sizes",
        type=int,
        nargs=4,
        default=(56, 128, 96, 20),
        help="per step: pairs of fluency, its texts alone, texts of style, pairs of"
        " content",
    )
    add("--pairs", type=int, default=83_000, help="pairs of content that are made")
    add("--texts", type=int, default=96_000, help="texts of style that are drawn")
    run_refinement(
        parser, lambda encoder, args: refine(encoder, *_read(encoder, args), args)
    )


if __name__ == "__main__":
    main()
