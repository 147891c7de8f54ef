"""Label the texts of the example tables with a language model's likelihoods.

    python -m training.label_likelihood --examples runs/examples \\
        --model FOLDER --gguf_file NAME

The model is SmolLM2-135M-Instruct; see `modules.language_model`. Texts are lower-cased,
punctuation is joined and one stop ends each, so that spelling and case do not count.
Writes likelihood.parquet: text, likelihood (in nats per token). Where `python -m
training.label_earlier` has begun it, the texts of rows without a label join those that
are there.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy

from toxicity_j.devices import pad_right, to_device
from toxicity_j.token_batches import token_batches
from training.data.varied_pairs import MADE_KINDS
from training.flags import command_parser
from training.modules.language_model import add_model_flags, load_language_model

PROMPT = "Comments that people wrote in a discussion:\n-"
MAX_TOKENS = 96
# Tokens whose logits are in memory at a time.
PIECE = 4096
_SPACED = (
    (re.compile(r"\s+([.,!?;:%)\]])"), r"\1"),
    (re.compile(r"([(\[])\s+"), r"\1"),
)
_CLITIC = re.compile(r"\s+(n ?'t|'s|'re|'ve|'ll|'d|'m)\b")


def plain(text: str) -> str:
    """Write a text without the marks of tokenizers: lower case, joined punctuation, one
    stop at the end.
    """
    text = text.strip()
    for pattern, joined in _SPACED:
        text = pattern.sub(joined, text)
    text = _CLITIC.sub(_without_spaces, text).lower()
    return text.rstrip(".!? ") + "."


def _without_spaces(found: re.Match[str]) -> str:
    return found[1].replace(" ", "")


def texts_of(folder: Path, unlabeled: bool = False) -> list[str]:
    """Return the distinct texts whose likelihood training asks for: both sides of
    content and fluency pairs, without those that rules made for content alone.

    Args:
        folder: of the tables.
        unlabeled: of rows without a label alone.
    """
    found: dict[str, None] = {}
    for name in ("content", "fluency"):
        columns = ["source", "text", "kind", "label"]
        frame = pd.read_parquet(folder / f"{name}.parquet", columns=columns)
        is_asked = ~frame.kind.isin(MADE_KINDS)
        if unlabeled:
            is_asked &= frame.label.isna()
        asked = frame[is_asked]
        found |= dict.fromkeys([*asked.source, *asked.text])
    return list(found)


@torch.inference_mode()
def likelihoods(
    model: torch.nn.Module,
    tokenizer: object,
    texts: list[str],
    budget: int,
    device: str,
) -> np.ndarray:
    """Compute the mean log-probability per token of each text after the prompt.
    *Shape:* (n,), nats, below 0.
    """
    if not texts:
        return np.zeros(0, dtype=np.float32)
    prompt = tokenizer(PROMPT).input_ids
    lines = [f" {plain(text)}\n" for text in texts]
    rows = [ids[:MAX_TOKENS] for ids in tokenizer(lines).input_ids]
    lengths = np.array([len(prompt) + len(row) for row in rows])
    found = torch.zeros(len(rows), device=device)
    # The longest first, so that a budget that fits one batch fits all.
    for chosen in token_batches(lengths, budget):
        ids, is_text = _padded([rows[row] for row in chosen], prompt, found.device)
        indices = torch.from_numpy(chosen).to(device)
        found[indices] = _mean_log_probability(model, ids, is_text)
    return found.cpu().numpy()


def _padded(
    rows: list[list[int]], prompt: list[int], device: torch.device
) -> list[torch.Tensor]:
    """Pad prompt and text of each row, and mark the tokens of the text. *Shape:* (rows,
    width) each.
    """
    ids, is_text = pad_right([[*prompt, *row] for row in rows], 0)
    is_text[:, : len(prompt)] = 0
    return to_device([ids, is_text], device)


def _mean_log_probability(
    model: torch.nn.Module, ids: torch.Tensor, is_text: torch.Tensor
) -> torch.Tensor:
    """Compute the mean log-probability of each row's text. *Shape:* (rows, width) twice
    -> (rows,)
    """
    # Padding lies behind the text, so causal attention needs no mask.
    states = model.base_model(ids, use_cache=False).last_hidden_state[:, :-1]
    is_asked = is_text[:, 1:].bool()
    losses = torch.zeros(is_asked.shape, device=ids.device)
    losses[is_asked] = _losses(model, states[is_asked], ids[:, 1:][is_asked])
    return -losses.sum(1) / is_asked.sum(1)


def _losses(
    model: torch.nn.Module, states: torch.Tensor, wanted: torch.Tensor
) -> torch.Tensor:
    """Compute how surprising each token is after a hidden state. *Shape:* (tokens,
    hidden), (tokens,) -> (tokens,), nats.
    """
    head = model.get_output_embeddings()
    pieces = zip(states.split(PIECE), wanted.split(PIECE), strict=True)
    losses = [
        cross_entropy(head(piece).float(), ids, reduction="none")
        for piece, ids in pieces
    ]
    return torch.cat(losses)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("label_likelihood", __doc__)
    add = parser.add_argument
    add("--examples", type=Path, required=True, help="folder of prepare_examples")
    add("--limit", type=int, help="label so many texts only")
    add("--token_budget", type=int, default=24_000, help="tokens per batch")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add_model_flags(parser)
    return parser


def main() -> None:
    """Label the texts."""
    args = _parser().parse_args()
    began = time.time()
    model, tokenizer = load_language_model(args.model, args.gguf_file, torch.bfloat16)
    model.to(args.device)
    print(f"loaded after {time.time() - began:.0f} s", flush=True)
    path = args.examples / "likelihood.parquet"
    is_begun = path.is_file()
    texts = texts_of(args.examples, is_begun)[: args.limit]
    values = likelihoods(model, tokenizer, texts, args.token_budget, args.device)
    table = pd.DataFrame({"text": texts, "likelihood": values})
    if is_begun:
        known = pd.read_parquet(path)
        table = pd.concat([known[~known.text.isin(texts)], table], ignore_index=True)
    table.to_parquet(path)
    print(f"labeled {len(texts)} texts after {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
