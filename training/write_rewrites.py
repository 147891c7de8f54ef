"""Let a language model write more rewrites of toxic and of other sentences.

    python -m training.write_rewrites --examples runs/examples \\
        --model FOLDER --gguf_file NAME

The model first learns to rewrite from the table's own pairs, by manner, by how many
words of the source stay, and by length. Then it is asked for all of these, so that the
encoder sees what systems write that never learnt from one table alone. Sources are
toxic texts, and other sentences of the tables of content and style. The rewrites join
the tables of content and fluency without a label: their teachers say how good they are.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import torch

from training.data.example_table import read_rows, replace_unlabeled
from training.data.varied_pairs import SAMPLED_KINDS, of_some_words, real_sentences
from training.flags import command_parser
from training.modules.language_model import add_model_flags, load_language_model
from training.modules.rewriter import KEPT, LENGTHS, Pair, learn, request, write
from training.modules.schedule import add_run_flags

__all__ = ["KIND", "MANNERS", "OTHER_KIND"]

# Kinds of the rewrites of toxic sources, and of others.
KIND, OTHER_KIND = SAMPLED_KINDS
# In which manner the pairs of a kind rewrite. Rated ones count from `LEAST_LABEL` on.
MANNERS = {
    "rewrite": "civil",
    "rewrite_to_rewrite": "paraphrase",
    "rated_appdia": "polite",
    "rated_capp": "polite",
    "rated_multipit_expert": "paraphrase",
    "rated_twitter_para": "paraphrase",
    "rated_similarity": "paraphrase",
    "rated_stsb": "paraphrase",
    "rated_simplicity_da": "simple",
    "rated_asset_ratings": "simple",
}
LEAST_LABEL = 0.75
# Of which kinds the sources are rewritten: toxic texts.
SOURCE_KINDS = ("rewrite", "delete_unrated", "replace")
# How often each manner is asked for, of toxic sources and of others.
MANNER_SHARES = {"civil": 0.45, "polite": 0.25, "simple": 0.1, "paraphrase": 0.2}
OTHER_SHARES = {
    "civil": 0.1,
    "polite": 0.15,
    "simple": 0.2,
    "paraphrase": 0.3,
    # No pair is in these manners: the model knows their names alone.
    "formal": 0.1,
    "cheerful": 0.08,
    "like an advertisement": 0.07,
}
# The higher, the more often a rewrite strays from its source.
TEMPERATURES = (0.7, 1.0, 1.25)
# How much each weighs: near a fifth of what is drawn of fluency. `weigh_pairs` gives
# those of content a share.
WEIGHTS = {"content": 1.2, "fluency": 0.5}
MOST_CHARACTERS = 180
# Words of the other sources.
MOST_WORDS = 25


def _pairs(frame: pd.DataFrame) -> list[Pair]:
    """Select the pairs to learn from."""
    is_short = (frame.source.str.len() + frame.text.str.len()) <= 2 * MOST_CHARACTERS
    is_wanted = frame.kind.isin(MANNERS) & (frame.label >= LEAST_LABEL)
    differs = frame.source != frame.text
    chosen = frame[is_wanted & is_short & differs]
    manners = chosen.kind.map(MANNERS)
    return [*map(Pair, chosen.source, chosen.text, manners)]


def _toxic_sources(content: pd.DataFrame) -> list[str]:
    sources = content.source[content.kind.isin(SOURCE_KINDS)]
    return _short(sources).drop_duplicates().tolist()


def _short(texts: pd.Series) -> pd.Series:
    return texts[texts.str.len() <= MOST_CHARACTERS]


def _other_sources(
    content: pd.DataFrame, style: pd.DataFrame, count: int, rng: Random
) -> list[str]:
    """Draw at most `count` sentences that are not toxic sources: half of them real ones
    of the style table, half sources of rated pairs.
    """
    rated = content.source[content.kind.str.startswith("rated_")]
    taken = {*content.source[content.kind.isin(SOURCE_KINDS)]}
    chosen: list[str] = []
    for texts in (real_sentences(style), rated):
        short = of_some_words(_short(texts), MOST_WORDS).drop_duplicates()
        known = short[~short.isin(taken)].tolist()
        drawn = rng.sample(known, min(len(known), count // 2))
        taken.update(drawn)
        chosen += drawn
    rng.shuffle(chosen)
    return chosen


def _requests(
    sources: list[str], shares: dict[str, float], count: int, rng: Random
) -> list[tuple[str, str]]:
    """Draw what is asked of each source. Returns (source, request)."""
    manners = rng.choices([*shares], [*shares.values()], k=count * len(sources))
    drawn = []
    for place, manner in enumerate(manners):
        source = sources[place % len(sources)]
        asked = request(source, manner, rng.choice(KEPT), rng.choice(LENGTHS))
        drawn.append((source, asked))
    return drawn


def _batches(
    drawn: list[tuple[str, str]], args: argparse.Namespace
) -> list[tuple[list[tuple[str, str]], float]]:
    """Divide what is asked into batches of one temperature and of like length, in
    random order.
    """
    size = -(-len(drawn) // len(TEMPERATURES))
    batches_found = []
    for place, temperature in enumerate(TEMPERATURES):
        # By length, so that little is padded.
        part = sorted(drawn[place * size :][:size], key=lambda pair: len(pair[1]))
        for start in range(0, len(part), args.write_size):
            batch = part[start : start + args.write_size]
            batches_found.append((batch, temperature))
    Random(args.seed).shuffle(batches_found)
    return batches_found


def _sample(
    model: torch.nn.Module,
    tokenizer: object,
    drawn: list[tuple[str, str]],
    args: argparse.Namespace,
) -> pd.DataFrame:
    """Write the rewrites asked for. Columns source and text."""
    found: list[tuple[str, str]] = []
    began = time.monotonic()
    for batch, temperature in _batches(drawn, args):
        answers = write(model, tokenizer, [ask for _, ask in batch], temperature)
        found += zip([source for source, _ in batch], answers, strict=True)
        passed = time.monotonic() - began
        print(f"{len(found)} of {len(drawn)} written, {passed:.0f} s", flush=True)
        if passed > 60 * args.write_minutes:
            break
    frame = pd.DataFrame(found, columns=["source", "text"])
    is_ended, differs = frame.text != "", frame.text != frame.source
    rewrites = frame[is_ended & differs].drop_duplicates(ignore_index=True)
    shown = (
        f"{(~is_ended).sum()} without an end, {(~differs).sum()} equal to the source"
    )
    print(f"{len(rewrites)} of {len(frame)} kept; {shown}; the others are repeated")
    return rewrites


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("write_rewrites", __doc__)
    add = parser.add_argument
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--per_source", type=int, default=4, help="rewrites of each toxic source")
    add("--other_sources", type=int, default=50_000, help="sources beside toxic ones")
    add("--per_other", type=int, default=2, help="rewrites of each of these")
    add("--limit", type=int, help="rewrite so many sources of each kind only")
    add("--batch_size", type=int, default=96)
    add("--write_minutes", type=float, default=1e9, help="end writing sooner")
    add("--write_size", type=int, default=8192, help="rewrites written at a time")
    add_run_flags(parser, learning_rate=2e-4, of_what="the language model", steps=120)
    add_model_flags(parser)
    return parser


def main() -> None:
    """Write the rewrites, and add them to the tables."""
    args = _parser().parse_args()
    torch.manual_seed(args.seed)
    frame, _ = read_rows(args.examples, "content", args.tier)
    model, tokenizer = load_language_model(args.model, args.gguf_file, torch.float32)
    # A tokenizer may lack one of the two; either ends an answer.
    tokenizer.eos_token = tokenizer.eos_token or tokenizer.pad_token
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model.to(args.device)
    learn(model, tokenizer, _pairs(frame), args)
    style, _ = read_rows(args.examples, "style", args.tier)
    rng = Random(args.seed)
    toxic = _toxic_sources(frame)[: args.limit]
    others = _other_sources(frame, style, args.other_sources, rng)[: args.limit]
    drawn = _requests(toxic, MANNER_SHARES, args.per_source, rng)
    drawn += _requests(others, OTHER_SHARES, args.per_other, rng)
    rng.shuffle(drawn)
    if torch.device(args.device).type == "cuda":
        model.to(torch.bfloat16)
    rewrites = _sample(model, tokenizer, drawn, args)
    is_other = rewrites.source.isin(others)
    rewrites["kind"] = np.where(is_other, OTHER_KIND, KIND)
    for task, weight in WEIGHTS.items():
        replace_unlabeled(
            args.examples, task, rewrites, SAMPLED_KINDS, weight, args.tier
        )
    print(f"{len(rewrites)} rewrites of {len(toxic)} toxic and {len(others)} others")


if __name__ == "__main__":
    main()
