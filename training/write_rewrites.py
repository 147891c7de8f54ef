"""Let a language model write more rewrites of the content table's sources.

    python -m training.write_rewrites --examples runs/examples \\
        --model FOLDER --gguf_file NAME

The model first learns to rewrite from the table's own pairs, by manner, by how many
words of the source stay, and by length. Then it is asked for all of these, so that the
encoder sees what systems write that never learnt from one table alone. The rewrites
join the tables of content and fluency without a label: their teachers say how good they
are.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy

from training.flags import command_parser
from training.modules.language_model import add_model_flags, load_language_model
from training.modules.schedule import Clock, batches, with_initial_rates

__all__ = ["KIND", "manner_of", "request"]

KIND = "sampled"
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
# How often each manner is asked for; the rest asks for paraphrases.
CIVIL, POLITE, SIMPLE = 0.45, 0.25, 0.1
# Bounds of the share of a source's words that stay, and of the ratio of lengths.
KEPT_BOUNDS = (0.35, 0.65)
KEPT = ("few", "half", "most")
LENGTH_BOUNDS = (0.75, 1.15)
LENGTHS = ("shorter", "equal", "longer")
# The higher, the more often a rewrite strays from its source.
TEMPERATURES = (0.7, 1.0, 1.25)
# How much they weigh in each table: near a twelfth of what is drawn.
WEIGHTS = {"content": 1.2, "fluency": 0.5}
MOST_CHARACTERS = 180
MOST_NEW_TOKENS = 48


def request(source: str, manner: str, kept: str, length: str) -> str:
    """Write what the model goes on from."""
    return f"{manner}, {kept} words kept, {length}\n{source.strip()}\n=>"


def manner_of(source: str, text: str) -> tuple[str, str]:
    """Return how many words of a source a text keeps, and its length beside it."""
    words, written = source.lower().split(), text.lower().split()
    share = len({*words} & {*written}) / max(1, len({*words}))
    ratio = len(written) / max(1, len(words))
    kept = KEPT[np.digitize(share, KEPT_BOUNDS)]
    return kept, LENGTHS[np.digitize(ratio, LENGTH_BOUNDS)]


def _pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Select the pairs to learn from."""
    is_short = (frame.source.str.len() + frame.text.str.len()) <= 2 * MOST_CHARACTERS
    is_wanted = frame.kind.isin(MANNERS) & (frame.label >= LEAST_LABEL)
    differs = frame.source != frame.text
    return frame[is_wanted & is_short & differs].reset_index(drop=True)


def _learn(
    model: torch.nn.Module, tokenizer: object, pairs: pd.DataFrame, args: object
) -> None:
    """Fine-tune the model to write the text of each pair."""
    rows = [_tokens(tokenizer, *pair) for pair in _columns(pairs)]
    lengths = np.array([len(ids) for ids, _ in rows])
    groups = [{"params": [*model.parameters()], "lr": args.learning_rate}]
    is_gpu = torch.device(args.device).type == "cuda"
    updates = torch.optim.AdamW(with_initial_rates(groups), fused=is_gpu)
    clock = Clock(args.steps, minutes=1e9)
    even = np.ones(len(rows))
    model.train()
    for chosen in batches(even, lengths, args.batch_size, args.steps, args.seed):
        clock.set_rate(updates)
        ids, wanted = _padded([rows[row] for row in chosen], args.device)
        with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=is_gpu):
            logits = model(ids).logits[:, :-1]
        loss = cross_entropy(logits.transpose(1, 2).float(), wanted[:, 1:])
        loss.backward()
        updates.step()
        updates.zero_grad()
        if clock.step % 50 == 0:
            print(f"step {clock.step} loss {loss.item():.3f}", flush=True)
        clock.step += 1
    model.eval()


def _columns(pairs: pd.DataFrame) -> zip:
    return zip(pairs.source, pairs.text, pairs.kind, strict=True)


def _tokens(
    tokenizer: object, source: str, text: str, kind: str
) -> tuple[list[int], int]:
    """Return the tokens of a request and its answer, and where the answer starts."""
    asked = tokenizer(request(source, MANNERS[kind], *manner_of(source, text)))
    answer = tokenizer(f" {text.strip()}")
    end = tokenizer.eos_token_id
    return [*asked.input_ids, *answer.input_ids, end], len(asked.input_ids)


def _padded(
    rows: list[tuple[list[int], int]], device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad rows of tokens, and the tokens to predict: -100 elsewhere. *Shape:* (rows,
    width) each.
    """
    width = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    wanted = torch.full_like(ids, -100)
    for row, (tokens, start) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        wanted[row, start : len(tokens)] = ids[row, start : len(tokens)]
    return ids.to(device), wanted.to(device)


def _requests(sources: list[str], count: int, seed: int) -> list[tuple[str, str]]:
    """Draw what is asked of each source. Returns (source, request), shuffled."""
    rng = Random(seed)
    chances = (CIVIL, POLITE, SIMPLE, 1 - CIVIL - POLITE - SIMPLE)
    manners = rng.choices(
        ("civil", "polite", "simple", "paraphrase"), chances, k=count * len(sources)
    )
    drawn = []
    for place, manner in enumerate(manners):
        source = sources[place % len(sources)]
        asked = request(source, manner, rng.choice(KEPT), rng.choice(LENGTHS))
        drawn.append((source, asked))
    rng.shuffle(drawn)
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


@torch.inference_mode()
def _write(
    model: torch.nn.Module, tokenizer: object, asked: list[str], temperature: float
) -> list[str]:
    """Sample an answer to each request; one without an end is empty."""
    tokenizer.padding_side = "left"
    batch = tokenizer(asked, return_tensors="pt", padding=True).to(model.device)
    tokens = model.generate(
        **batch,
        do_sample=True,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        max_new_tokens=MOST_NEW_TOKENS,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    answers = tokens[:, batch.input_ids.shape[1] :]
    is_ended = (answers == tokenizer.eos_token_id).any(1).tolist()
    texts = tokenizer.batch_decode(answers, skip_special_tokens=True)
    return [
        " ".join(text.split()) if ended else ""
        for text, ended in zip(texts, is_ended, strict=True)
    ]


def _sample(
    model: torch.nn.Module, tokenizer: object, sources: list[str], args: object
) -> pd.DataFrame:
    """Write the rewrites. Columns source and text."""
    drawn = _requests(sources, args.per_source, args.seed)
    found: list[tuple[str, str]] = []
    began = time.monotonic()
    for batch, temperature in _batches(drawn, args):
        answers = _write(model, tokenizer, [ask for _, ask in batch], temperature)
        found += zip([source for source, _ in batch], answers, strict=True)
        print(f"{len(found)} of {len(drawn)} written", flush=True)
        if time.monotonic() - began > 60 * args.minutes:
            break
    frame = pd.DataFrame(found, columns=["source", "text"])
    is_rewrite = (frame.text != "") & (frame.text != frame.source)
    return frame[is_rewrite].drop_duplicates(ignore_index=True)


def _join(folder: Path, name: str, rewrites: pd.DataFrame, tier: str) -> None:
    """Add rewrites to a table, in place of those of an earlier run."""
    path = folder / f"{name}.parquet"
    frame = pd.read_parquet(path)
    frame = frame[frame.kind != KIND]
    fields = {"label": np.nan, "weight": WEIGHTS[name], "trust": 0.0}
    fields |= {"kind": KIND, "tier": tier}
    if name == "fluency":
        fields["sound"] = ""
    rows = rewrites.assign(**fields)[frame.columns]
    joined = pd.concat([frame, rows], ignore_index=True)
    joined.to_parquet(path, compression="zstd")


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("write_rewrites", __doc__)
    add = parser.add_argument
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--per_source", type=int, default=2, help="rewrites asked of each source")
    add("--limit", type=int, help="rewrite so many sources only")
    add("--steps", type=int, default=150, help="of learning to rewrite")
    add("--batch_size", type=int, default=64)
    add("--minutes", type=float, default=1e9, help="end writing sooner")
    add("--write_size", type=int, default=8192, help="rewrites written at a time")
    add("--learning_rate", type=float, default=2e-4)
    add("--tier", choices=("open", "all"), default="all")
    add("--seed", type=int, default=13)
    add_model_flags(parser)
    return parser


def main() -> None:
    """Write the rewrites, and add them to the tables."""
    args = _parser().parse_args()
    torch.manual_seed(args.seed)
    frame = pd.read_parquet(args.examples / "content.parquet")
    tier = "research"
    if args.tier == "open":
        frame, tier = frame[frame.tier == "open"], "open"
    model, tokenizer = load_language_model(args.model, args.gguf_file, torch.float32)
    # A tokenizer may lack one of the two; either ends an answer.
    tokenizer.eos_token = tokenizer.eos_token or tokenizer.pad_token
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model.to(args.device)
    _learn(model, tokenizer, _pairs(frame), args)
    is_source = frame.kind.isin(SOURCE_KINDS)
    is_source &= frame.source.str.len() <= MOST_CHARACTERS
    sources = frame.source[is_source].drop_duplicates().tolist()[: args.limit]
    if args.device != "cpu":
        model.to(torch.bfloat16)
    rewrites = _sample(model, tokenizer, sources, args)
    for name in WEIGHTS:
        _join(args.examples, name, rewrites, tier)
    print(f"{len(rewrites)} rewrites of {len(sources)} sources")


if __name__ == "__main__":
    main()
