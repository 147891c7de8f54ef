"""Train what reads style in an encoder on, with contrasts that it gets wrong.

    python -m training.refine_style --encoder runs/refined.safetensors \\
        --examples runs/examples --output_file runs/style.safetensors

Rated sentences hold few of the kinds that a classifier confuses, so handwritten
contrasts (`training.synthetic.style_contrasts`) and texts that were written and marked
one by one (`training.synthetic.own_texts`) are read, with their labels. Beside them,
rows of the style table are read, with a part of their label and for the rest what the
encoder said before, so that it stays what it is; and rewrites and what systems wrote,
with that alone, because all of what is learned here would cost agreement with people on
these. Trunk, content and fluency do not learn. Half an hour on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd
import torch

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.text import tokenize
from training.data.example_table import MAX_TOKENS, read_rows
from training.data.style_table import OWN
from training.data.table_parts import select
from training.modules.encoder_run import Drawn, DrawnRows, run_losses
from training.modules.padded_network import pad_attention
from training.modules.refinement_command import refinement_parser, run_refinement
from training.modules.style_refinement import StyleRefinement
from training.modules.training_rows import LabeledRows, Tokens, TrainingRows
from training.synthetic.style_contrasts import style_contrasts

__all__ = ["detoxified", "refine", "refining_texts", "text_rows"]

# Shares of the texts that are contrasts, texts written one by one, and texts that keep
# what was said of them.
CONTRAST_SHARE, OWN_SHARE, KEPT_SHARE = 0.15, 0.34, 0.3
# How far the label of a row of the table counts, times its trust, beside what the
# encoder said before.
TABLE_TRUST = 0.2
# Kinds of rewrites, of what systems made of toxic sentences, and of these sentences: in
# the style table, and in that of content.
_KEPT_STYLE = ("outputs", "emnlp_dev", "paradetox", "rewrite")
_KEPT_CONTENT = (
    "rewrite",
    "delete",
    "replace",
    "delete_unrated",
    "judged",
    "to_judge",
    "rated_appdia",
    "rated_capp",
    "lossy",
)


def detoxified(style: pd.DataFrame, content: pd.DataFrame) -> list[str]:
    """Return the texts of both tables that are like those that J is measured on."""
    of_style = style.text[style.kind.isin(_KEPT_STYLE)]
    of_content = content.text[content.kind.isin(_KEPT_CONTENT)]
    return pd.concat([of_style, of_content]).unique().tolist()


def refining_texts(
    style: pd.DataFrame, count: int, seed: int, kept: Sequence[str] = ()
) -> pd.DataFrame:
    """Draw texts: contrasts, texts written one by one, texts that stay as they are, and
    rows of the table by weight.

    Args:
        style: the style table.
        count: how many.
        seed: decides every draw.
        kept: texts of which the encoder is to say what it said before.

    Returns:
        Columns text, label and share: how far the label counts beside what the encoder
        said before, in [0, 1].
    """
    contrasts = round(CONTRAST_SHARE * count)
    rows = style_contrasts(Random(f"refine-{seed}"), contrasts)
    made = [(text, label, 1.0) for text, label, _ in rows]
    is_own = style.kind == OWN
    own = round(OWN_SHARE * count) if is_own.any() else 0
    texts = style[is_own].sample(own, replace=True, random_state=seed)
    made += [(text, label, 1.0) for text, label in select(texts, "text", "label")]
    if kept:
        rng = Random(f"kept-{seed}")
        stay = rng.choices(kept, k=round(KEPT_SHARE * count))
        made += [(text, 0.0, 0.0) for text in stay]
    style = style[~is_own]
    drawn = style.sample(
        count - len(made), replace=True, weights=style.weight, random_state=seed
    )
    share = np.where(drawn.label.isna(), 0.0, TABLE_TRUST * drawn.trust)
    rated = pd.DataFrame(
        {"text": drawn.text, "label": drawn.label.fillna(0.0), "share": share}
    )
    known = pd.DataFrame(made, columns=rated.columns)
    return pd.concat([known, rated], ignore_index=True)


def text_rows(encoder: Encoder, texts: pd.DataFrame) -> tuple[LabeledRows, Drawn]:
    """Tokenize texts, with their labels and shares; return also what they are drawn by.

    Args:
        encoder: its tokenizer and device are used.
        texts: see `refining_texts`.
    """
    ids = tokenize(encoder.tokenizer, texts.text.tolist(), MAX_TOKENS)
    tokens = Tokens.of_texts(ids, encoder.device)
    unknown = np.full(len(texts), np.nan)
    rows = TrainingRows(tokens, tokens, texts.label.to_numpy(), unknown, unknown)
    shares = torch.tensor(texts.share.to_numpy(np.float32), device=encoder.device)
    drawn = DrawnRows(tokens.lengths.cpu().numpy())
    return LabeledRows(rows, shares), drawn


def refine(encoder: Encoder, texts: pd.DataFrame, args: argparse.Namespace) -> None:
    """Run the steps."""
    table, drawn = text_rows(encoder, texts)
    pad_attention(encoder.network)
    run_losses(StyleRefinement(encoder.network, table), {"style": drawn}, args)


def _train(encoder: Encoder, args: argparse.Namespace) -> None:
    style, _ = read_rows(args.examples, "style", args.tier)
    content, _ = read_rows(args.examples, "content", args.tier)
    kept = detoxified(style, content)
    refine(encoder, refining_texts(style, args.texts, args.seed, kept), args)


def main() -> None:
    """Refine as the command line says."""
    of_what = "the branch of style; its head takes four times"
    parser = refinement_parser(
        "refine_style", __doc__, learning_rate=6e-5, of_what=of_what, steps=1500
    )
    add = parser.add_argument
    add("--batch_sizes", type=int, nargs=1, default=(64,), help="texts per step")
    add("--texts", type=int, default=96_000, help="how many are drawn")
    run_refinement(parser, _train)


if __name__ == "__main__":
    main()
