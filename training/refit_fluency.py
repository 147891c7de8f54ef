"""Let the source say of fluency what it said before what reads pairs was trained.

    python -m training.refit_fluency --encoder runs/marked_mean.safetensors \\
        --earlier runs/fluent.safetensors --examples runs/examples \\
        --output_file runs/refitted.safetensors

Content and what the source adds to fluency are read from the same pair layers. Where
these learn what is kept, the second is lost in part, and broken sentences beside sound
sources get more than before. So its head alone learns again what the earlier encoder
adds: of rows of the tables of fluency and content. Five minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import smooth_l1_loss

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_network import EncoderNetwork
from training.data.example_table import read_rows
from training.modules import padded_network as padded
from training.modules.encoder_run import run_losses
from training.modules.padded_network import pad_attention
from training.modules.refinement import Refinement
from training.modules.refinement_command import refinement_parser, run_refinement
from training.modules.schedule import mixed_precision
from training.modules.training_rows import LabeledRows
from training.refine_pairs import pair_rows

__all__ = ["Refit", "rows_of_both", "refit"]


class Refit(Refinement):
    """Computes the loss of a batch of pairs: how far what their sources add to fluency
    lies from what an earlier network adds; see `Refinement`. No label is read.

    Args:
        network: as there.
        earlier: the earlier one.
        table: the pairs.
    """

    def __init__(
        self, network: EncoderNetwork, earlier: EncoderNetwork, table: LabeledRows
    ) -> None:
        super().__init__(network, table, ("pair_fluency_head.",), earlier)

    def __call__(
        self, task: str, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        """Compute the loss of rows, padded to a width."""
        network, before = self.network, self.before
        pairs = self.table.rows.pairs(rows, width)
        with mixed_precision(self.device):
            with torch.no_grad():
                trunk = padded.trunk_of_pairs(network.body, *pairs)
                earlier = padded.pair_states(before.body, trunk, pairs)
                added = padded.pair_logits(before.pair_fluency_head, earlier)
                together = padded.pair_states(network.body, trunk, pairs)
            adds = padded.pair_logits(network.pair_fluency_head, together)
        return {"fluency": smooth_l1_loss(adds.float(), added.float())}


def rows_of_both(
    fluency: pd.DataFrame, content: pd.DataFrame, count: int, seed: int
) -> pd.DataFrame:
    """Draw pairs of both tables by weight, half of them of each.

    Args:
        fluency: the table of fluency.
        content: the table of content.
        count: how many.
        seed: decides the draw.

    Returns:
        Columns source, text, label and share; the last two are not known.
    """
    drawn = [
        table.sample(count // 2, replace=True, weights="weight", random_state=seed)
        for table in (fluency, content)
    ]
    sides = pd.concat(drawn, ignore_index=True)[["source", "text"]]
    return sides.assign(label=np.nan, share=0.0)


def refit(
    encoder: Encoder, earlier: Encoder, pairs: pd.DataFrame, args: argparse.Namespace
) -> None:
    """Run the steps."""
    table, drawn = pair_rows(encoder, pairs)
    for network in (encoder.network, earlier.network):
        pad_attention(network)
    losses_of = Refit(encoder.network, earlier.network, table)
    run_losses(losses_of, {"pairs": drawn}, args)


def _train(encoder: Encoder, args: argparse.Namespace) -> None:
    earlier = Encoder.from_pretrained(args.earlier, device=args.device)
    tables = [
        read_rows(args.examples, task, args.tier)[0] for task in ("fluency", "content")
    ]
    refit(encoder, earlier, rows_of_both(*tables, args.pairs, args.seed), args)


def main() -> None:
    """Learn as the command line says."""
    of_what = "the body, which does not learn; the head takes four times"
    parser = refinement_parser(
        "refit_fluency", __doc__, learning_rate=1e-4, of_what=of_what, steps=350
    )
    add = parser.add_argument
    add("--earlier", type=Path, required=True, help="says what the source adds")
    add("--batch_sizes", type=int, nargs=1, default=(64,), help="pairs per step")
    add("--pairs", type=int, default=24_000, help="how many are drawn")
    run_refinement(parser, _train)


if __name__ == "__main__":
    main()
