"""Train what reads pairs in an encoder on, with contrasts that teachers get wrong.

    python -m training.refine_pairs --encoder runs/averaged.safetensors \\
        --data DATA --examples runs/examples --output_file runs/refined.safetensors

The teachers take a sentence of which one word is nonsense for one that lost its
meaning, where people look at how much of it stands; they take another tone for another
meaning, and hardly see one exchanged word. So rules label these: sentences whose rude
words are replaced or deleted, rewrites in another tone, rewrites with a word exchanged,
contrasts, sentences by grammar, and rewrites by people; and several of them in a row,
because the tables hold single sentences. No source takes fluency from texts that are
sound. Beside them, rows of the content table are read: those without a label with the
teacher's, all others with what the encoder said before, so that it stays what it is.
With `--marked_share`, so many of the pairs are some that were marked by reading
(`training.data.marked_pairs`), most of them written for it.
Trunk, style, the branch of fluency and the likelihoods do not learn. An hour and a
quarter on one core.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import torch

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.text import tokenize
from training.data.example_table import MAX_TOKENS, read_rows
from training.data.marked_pairs import marked_pairs
from training.data.refining_pairs import refining_pairs
from training.data.table_parts import read_training_paradetox
from training.flags import add_data_flag
from training.modules.encoder_run import Drawn, DrawnRows, run_losses
from training.modules.padded_network import pad_attention
from training.modules.pair_refinement import PairRefinement
from training.modules.refinement_command import refinement_parser, run_refinement
from training.modules.training_rows import LabeledRows, Tokens, TrainingRows

__all__ = ["pair_rows", "read_pairs", "refine", "with_marked"]


def read_pairs(style: pd.DataFrame, args: argparse.Namespace) -> pd.DataFrame:
    """Read the content table and its weights, and make pairs of these and of others.

    Args:
        style: the style table.
        args: with `data`, `examples`, `tier`, `pairs` and `seed`.
    """
    content, is_read = read_rows(args.examples, "content", args.tier)
    weighed = pd.read_parquet(args.examples / "content.weighed.parquet")[is_read]
    weighed = weighed.reset_index(drop=True)
    known = read_training_paradetox(args.data)
    return refining_pairs(content, weighed, style, known, args.pairs, args.seed)


def _read_marked(args: argparse.Namespace) -> pd.DataFrame:
    """Read the marked pairs of the tables, and those of our own.

    Args:
        args: with `examples` and `tier`.
    """
    tasks = "content", "fluency"
    return marked_pairs(read_rows(args.examples, task, args.tier)[0] for task in tasks)


def with_marked(
    made: pd.DataFrame, marked: pd.DataFrame, marked_share: float
) -> pd.DataFrame:
    """Add marked pairs to pairs that are made, and say how often each is drawn.

    Args:
        made: see `training.data.refining_pairs`.
        marked: see `training.data.marked_pairs`.
        marked_share: of what is drawn, in [0, 1].

    Returns:
        Columns of `made`, and weight.
    """
    made = made.assign(weight=(1 - marked_share) / len(made))
    marked = marked.assign(weight=marked_share * marked.weight)
    return pd.concat([made, marked[made.columns]], ignore_index=True)


def pair_rows(encoder: Encoder, pairs: pd.DataFrame) -> tuple[LabeledRows, Drawn]:
    """Tokenize pairs, with their labels and shares; return also what they are drawn by.

    Args:
        encoder: its tokenizer and device are used.
        pairs: see `training.data.refining_pairs`; drawn evenly without a column weight.
    """
    device = encoder.device
    texts, sources = (
        Tokens.of_texts(
            tokenize(encoder.tokenizer, column.tolist(), MAX_TOKENS), device
        )
        for column in (pairs.text, pairs.source)
    )
    unknown = np.full(len(pairs), np.nan)
    rows = TrainingRows(texts, sources, pairs.label.to_numpy(), unknown, unknown)
    shares = torch.from_numpy(pairs.share.to_numpy(np.float32)).to(device)
    longer = torch.maximum(texts.lengths, sources.lengths).cpu().numpy()
    weights = pairs.weight.to_numpy() if "weight" in pairs else None
    return LabeledRows(rows, shares), DrawnRows(longer, weights)


def refine(encoder: Encoder, pairs: pd.DataFrame, args: argparse.Namespace) -> None:
    """Run the steps."""
    network = encoder.network
    table, drawn = pair_rows(encoder, pairs)
    pad_attention(network)
    is_sound = torch.tensor(pairs.is_sound.to_numpy(bool), device=encoder.device)
    losses_of = PairRefinement(network, table, is_sound)
    run_losses(losses_of, {"content": drawn}, args)


def _train(encoder: Encoder, args: argparse.Namespace) -> None:
    style, _ = read_rows(args.examples, "style", args.tier)
    pairs = read_pairs(style, args)
    if args.marked_share:
        pairs = with_marked(pairs, _read_marked(args), args.marked_share)
    refine(encoder, pairs, args)


def main() -> None:
    """Refine as the command line says."""
    of_what = "the pair layers; heads take four times"
    parser = refinement_parser(
        "refine_pairs", __doc__, learning_rate=1e-4, of_what=of_what, steps=1700
    )
    add = parser.add_argument
    add_data_flag(add)
    add("--batch_sizes", type=int, nargs=1, default=(48,), help="pairs per step")
    add("--pairs", type=int, default=83_000, help="how many are made")
    add("--marked_share", type=float, default=0.0, help="of the pairs drawn, marked")
    run_refinement(parser, _train)


if __name__ == "__main__":
    main()
