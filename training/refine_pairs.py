"""Train what reads pairs in an encoder on, with contrasts that teachers get wrong.

    python -m training.refine_pairs --encoder runs/averaged.safetensors \\
        --data DATA --examples runs/examples --output_file runs/refined.safetensors

The teachers take a sentence of which one word is nonsense for one that lost its
meaning, where people look at how much of it stands; they take another tone for another
meaning, and hardly see one exchanged word. So rules label these: sentences whose rude
words are replaced, rewrites in another tone, and rewrites with a word exchanged. Beside
them, rows of the content table are read: those without a label with the teacher's, all
others with what the encoder said before, so that it stays what it is. Trunk, style, the
branch of fluency and the likelihoods do not learn. An hour and a half on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import torch

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.text import tokenize
from training.data.example_table import MAX_TOKENS, read_rows
from training.data.retold_contrasts import RetoldContrasts
from training.data.table_parts import ParaDetox, read_training_paradetox
from training.data.varied_pairs import is_usable
from training.flags import add_data_flag, command_parser
from training.modules.encoder_run import optimizer, run_steps
from training.modules.padded_network import pad_attention
from training.modules.pair_refinement import PairRefinement
from training.modules.schedule import add_run_flags
from training.modules.training_rows import Tokens, TrainingRows
from training.synthetic.drawing import draw_distinct
from training.synthetic.pair_variations import Pair
from training.synthetic.profanity_edits import replace_rude

__all__ = ["refine", "refining_pairs"]

# Shares of the pairs whose text has rude words replaced, is in another tone, or has
# another word.
REPLACED_SHARE, RESTYLED_SHARE, SWAPPED_SHARE = 0.2, 0.1, 0.13
# How far labels by rule count beside what the encoder said before, and how far the
# teacher's does.
RULE_TRUST, TEACHER_TRUST = 0.75, 0.5
# Kinds of rows whose sources are toxic sentences.
_TOXIC_KINDS = ("rewrite", "delete_unrated", "replace")


@dataclass(frozen=True)
class _Lengths:
    """What a run draws by: `weights` and `lengths` of the rows."""

    weights: np.ndarray
    lengths: np.ndarray


def refining_pairs(
    content: pd.DataFrame,
    weighed: pd.DataFrame,
    style: pd.DataFrame,
    known: ParaDetox,
    count: int,
    seed: int,
) -> pd.DataFrame:
    """Make pairs: contrasts by rule, and rows of the table drawn by weight.

    Args:
        content: the content table.
        weighed: weight and label of each row; see `training.weigh_pairs`.
        style: the style table, of whose sentences contrasts are made too.
        known: the rude words, and words that stand in for them.
        count: how many.
        seed: decides every draw.

    Returns:
        Columns source, text, label and share: how far the label counts beside what the
        encoder said before, in [0, 1].
    """
    rng = Random(seed)
    contrasts = RetoldContrasts(content, weighed.teacher, style, known.rude)
    parts = [
        _replaced(content, known, round(REPLACED_SHARE * count), rng),
        _labeled(contrasts.restyled(round(RESTYLED_SHARE * count), rng)),
        _labeled(contrasts.swapped(round(SWAPPED_SHARE * count), rng)),
    ]
    by_rule = pd.concat(parts, ignore_index=True)
    differs = content.source != content.text
    share = np.where(content.label.isna(), TEACHER_TRUST, 0.0)
    rows = content.assign(weight=weighed.weight, label=weighed.teacher, share=share)
    rows = rows[differs & (rows.weight > 0)]
    # The first to come of waits as long as their weights say (Efraimidis and Spirakis
    # 2006).
    waits = np.random.default_rng(seed).exponential(size=len(rows)) / rows.weight
    first = np.argsort(waits)[: count - len(by_rule)]
    drawn = rows.iloc[first][["source", "text", "label", "share"]]
    pairs = pd.concat([by_rule, drawn], ignore_index=True)
    return pairs.sample(frac=1, random_state=seed, ignore_index=True)


def _replaced(
    content: pd.DataFrame, known: ParaDetox, count: int, rng: Random
) -> pd.DataFrame:
    sources = content.source[content.kind.isin(_TOXIC_KINDS)].unique().tolist()

    def make(turn: int) -> tuple[tuple[str, str], float] | None:
        source = rng.choice(sources)
        text, _, kept = replace_rude(source, known.rude, rng, known.lexicon)
        return ((source, text), kept) if is_usable((source, text)) else None

    return _labeled(draw_distinct(make, count if sources else 0, rng, at_most=True))


def _labeled(found: Sequence[tuple[Pair, float]]) -> pd.DataFrame:
    rows = [(source, text, label) for (source, text), label in found]
    pairs = pd.DataFrame(rows, columns=["source", "text", "label"])
    return pairs.assign(share=RULE_TRUST)


def refine(encoder: Encoder, pairs: pd.DataFrame, args: argparse.Namespace) -> None:
    """Run the steps."""
    network, device = encoder.network, encoder.device
    texts, sources = (
        Tokens.of_texts(
            tokenize(encoder.tokenizer, column.tolist(), MAX_TOKENS), device
        )
        for column in (pairs.text, pairs.source)
    )
    unknown = np.full(len(pairs), np.nan)
    rows = TrainingRows(texts, sources, pairs.label.to_numpy(), unknown, unknown)
    pad_attention(network)
    shares = torch.from_numpy(pairs.share.to_numpy(np.float32)).to(device)
    losses_of = PairRefinement(network, rows, shares)
    updates = optimizer(network, args.learning_rate, [])
    longer = torch.maximum(texts.lengths, sources.lengths).cpu().numpy()
    drawn = _Lengths(np.ones(len(pairs)), longer)
    run_steps({"content": drawn}, losses_of, updates, args)


def main() -> None:
    """Refine as the command line says."""
    parser = command_parser("refine_pairs", __doc__)
    add = parser.add_argument
    add_data_flag(add)
    add("--encoder", type=Path, required=True, help="encoder.safetensors of a run")
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    of_what = "the pair layers; heads take four times"
    add_run_flags(parser, learning_rate=1e-4, of_what=of_what, steps=1700)
    add("--batch_sizes", type=int, nargs=1, default=(48,), help="pairs per step")
    add("--pairs", type=int, default=83_000, help="how many are made")
    add("--output_file", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    encoder = Encoder.from_pretrained(args.encoder, device=args.device)
    content, is_read = read_rows(args.examples, "content", args.tier)
    style, _ = read_rows(args.examples, "style", args.tier)
    weighed = pd.read_parquet(args.examples / "content.weighed.parquet")[is_read]
    known = read_training_paradetox(args.data)
    weighed = weighed.reset_index(drop=True)
    pairs = refining_pairs(content, weighed, style, known, args.pairs, args.seed)
    refine(encoder, pairs, args)
    encoder.network.to("cpu").eval()
    encoder.save_pretrained(args.output_file)
    print(f"wrote {args.output_file}")


if __name__ == "__main__":
    main()
