"""Add pairs without a label that rules make of others to the tables.

    python -m training.write_variations --examples runs/examples

Two rewrites of one source side by side, variations of pairs, edits of real sentences,
and sentences built by grammar; see `training.data.varied_pairs`. Rewrites in another
tone, and with a word exchanged; see `training.data.retold_pairs`. The teacher says what
they keep. Rewrites come from `python -m training.write_rewrites`; where there are none,
the other pairs alone are varied. Some of the pairs go to the table of fluency too, for
`python -m training.refine_network`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pandas as pd

from training.data.example_table import read_rows, replace_unlabeled
from training.data.retold_pairs import RetoldPairs, word_swaps
from training.data.varied_pairs import (
    edited_sentences,
    is_usable,
    pairs_between,
    role_pairs,
    varied_pairs,
)
from training.flags import add_tier_flag, command_parser
from training.synthetic.pair_variations import Pair

__all__ = ["KINDS"]

# How many of each kind are made at most.
KINDS = {
    "between": 100_000,
    "varied": 150_000,
    "edited": 40_000,
    "roles": 30_000,
    "restyled": 60_000,
    "swapped": 90_000,
}
WEIGHT = 1.0
# Kinds with broken sentences among sound ones, of which fluency gets a part.
FLUENCY_KINDS = ("varied", "edited", "swapped")
# No other training than that of the whole network draws them: it draws rows without a
# label evenly.
_FLUENCY_WEIGHT = 0.0


def _without_made(examples: Path, tier: str = "all") -> pd.DataFrame:
    """Read the content table without the pairs of an earlier run."""
    frame, _ = read_rows(examples, "content", tier)
    return frame[~frame.kind.isin(KINDS)]


def _make(args: argparse.Namespace) -> dict[str, list[Pair]]:
    """Make the pairs of each kind."""
    content = _without_made(args.examples, args.tier)
    style, _ = read_rows(args.examples, "style", args.tier)
    retold = RetoldPairs(content, style, word_swaps(content))
    rng = Random(args.seed)
    return {
        "between": pairs_between(content, args.between, rng),
        "varied": varied_pairs(content, args.varied, rng),
        "edited": edited_sentences(style, args.edited, rng),
        "roles": role_pairs(args.roles, rng),
        "restyled": retold.restyled(args.restyled, rng),
        "swapped": retold.swapped(args.swapped, rng),
    }


def _new(frame: pd.DataFrame, made: Mapping[str, Sequence[Pair]]) -> pd.DataFrame:
    """Select the pairs that the table lacks, whose sides differ and are not long.
    Columns source, text and kind.
    """
    seen = {*zip(frame.source, frame.text, strict=True)}
    rows = []
    for kind, pairs in made.items():
        for pair in pairs:
            if is_usable(pair) and pair not in seen:
                seen.add(pair)
                rows.append((*pair, kind))
    return pd.DataFrame(rows, columns=["source", "text", "kind"])


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("write_variations", __doc__)
    add = parser.add_argument
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    for kind, count in KINDS.items():
        add(f"--{kind}", type=int, default=count, help="pairs of this kind at most")
    add("--fluency", type=int, default=67_000, help="pairs for the table of fluency")
    add_tier_flag(add)
    add("--seed", type=int, default=13)
    return parser


def main() -> None:
    """Make the pairs, and put them in place of those of an earlier run."""
    args = _parser().parse_args()
    new = _new(_without_made(args.examples), _make(args))
    replace_unlabeled(args.examples, "content", new, KINDS, WEIGHT, args.tier)
    is_read = new.kind.isin(FLUENCY_KINDS)
    count = min(args.fluency, is_read.sum())
    drawn = new[is_read].sample(count, random_state=args.seed)
    replace_unlabeled(
        args.examples, "fluency", drawn, FLUENCY_KINDS, _FLUENCY_WEIGHT, args.tier
    )
    counts = new.kind.value_counts()
    shown = ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in KINDS)
    print(f"{len(new)} pairs added: {shown}")


if __name__ == "__main__":
    main()
