"""A language model that learns to rewrite, and writes rewrites when asked.

What it is asked says in which manner, how many words of the source stay, and how long
the rewrite is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy, pad
from transformers import DynamicCache

from toxicity_j.devices import pad_right, to_device
from training.modules.schedule import (
    Clock,
    adamw,
    batches,
    mixed_precision,
    take_step,
)

__all__ = ["KEPT", "LENGTHS", "Pair", "learn", "kept_and_length", "request", "write"]

# Bounds of the share of a source's words that stay, and of the ratio of lengths.
KEPT_BOUNDS = (0.35, 0.65)
KEPT = ("few", "half", "most")
LENGTH_BOUNDS = (0.75, 1.15)
LENGTHS = ("shorter", "equal", "longer")
MOST_NEW_TOKENS = 48
# Tokens until the answers that have ended leave the batch.
STEPS_BETWEEN_CHECKS = 4


@dataclass(frozen=True)
class Pair:
    """A source, and how it was rewritten, in a manner."""

    source: str
    text: str
    manner: str


def request(source: str, manner: str, kept: str, length: str) -> str:
    """Write what the model goes on from."""
    return f"{manner}, {kept} words kept, {length}\n{source.strip()}\n=>"


def kept_and_length(source: str, text: str) -> tuple[str, str]:
    """Return how many words of a source a text keeps, and its length beside it."""
    words, written = source.lower().split(), text.lower().split()
    share = len({*words} & {*written}) / max(1, len({*words}))
    ratio = len(written) / max(1, len(words))
    kept = KEPT[np.digitize(share, KEPT_BOUNDS)]
    return kept, LENGTHS[np.digitize(ratio, LENGTH_BOUNDS)]


def learn(
    model: torch.nn.Module,
    tokenizer: object,
    pairs: Sequence[Pair],
    args: argparse.Namespace,
) -> None:
    """Fine-tune the model to write the text of each pair.

    Raises:
        ValueError: there are no pairs.
    """
    if not pairs:
        raise ValueError("`--examples` must hold pairs to learn rewriting from")
    rows = [_tokens(tokenizer, pair) for pair in pairs]
    lengths = np.array([len(ids) for ids, _ in rows])
    groups = [{"params": [*model.parameters()], "lr": args.learning_rate}]
    device = torch.device(args.device)
    updates = adamw(groups, device)
    clock = Clock(args.steps, args.minutes)
    even = np.ones(len(rows))
    model.train()
    for chosen in batches(even, lengths, args.batch_size, args.steps, args.seed):
        ids, wanted = _padded([rows[row] for row in chosen], device)
        with mixed_precision(device):
            logits = model(ids).logits[:, :-1]
        loss = cross_entropy(logits.transpose(1, 2).float(), wanted[:, 1:])
        if clock.step % 50 == 0:
            print(f"step {clock.step} loss {loss.item():.3f}", flush=True)
        take_step(loss, updates, clock)
        if clock.share >= 1:
            break
    model.eval()


def _tokens(tokenizer: object, pair: Pair) -> tuple[list[int], int]:
    """Return the tokens of a request and its answer, and where the answer starts."""
    kept, length = kept_and_length(pair.source, pair.text)
    asked = tokenizer(request(pair.source, pair.manner, kept, length))
    answer = tokenizer(f" {pair.text.strip()}")
    end = tokenizer.eos_token_id
    return [*asked.input_ids, *answer.input_ids, end], len(asked.input_ids)


def _padded(
    rows: Sequence[tuple[list[int], int]], device: torch.device
) -> list[torch.Tensor]:
    """Pad rows of tokens, and the tokens to predict: -100 elsewhere. *Shape:* (rows,
    width) each.
    """
    tokens, starts = zip(*rows, strict=True)
    ids, is_id = pad_right(tokens, 0)
    is_answer = np.arange(ids.shape[1]) >= np.array(starts)[:, None]
    wanted = np.where(is_id & is_answer, ids, -100)
    return to_device([ids, wanted], device)


@torch.inference_mode()
def write(
    model: torch.nn.Module, tokenizer: object, asked: list[str], temperature: float
) -> list[str]:
    """Sample an answer to each request; one without an end is empty."""
    tokenizer.padding_side = "left"
    batch = tokenizer(asked, return_tensors="pt", padding=True).to(model.device)
    end = tokenizer.eos_token_id
    answers = _sampled(model, batch.input_ids, batch.attention_mask, end, temperature)
    is_ended = (answers == end).any(1).tolist()
    texts = tokenizer.batch_decode(answers, skip_special_tokens=True)
    return [
        " ".join(text.split()) if ended else ""
        for text, ended in zip(texts, is_ended, strict=True)
    ]


def _sampled(
    model: torch.nn.Module,
    ids: torch.Tensor,
    is_id: torch.Tensor,
    end: int,
    temperature: float,
) -> torch.Tensor:
    """Sample the tokens that follow each row, which is padded on the left.

    `generate` reads all rows until the last answer ends; most end much sooner. *Shape:*
    (rows, width) twice -> (rows, `MOST_NEW_TOKENS`), `end` from the end on.
    """
    answers = ids.new_full((len(ids), MOST_NEW_TOKENS), end)
    # Where the rows stand that are still written, and which of these have ended.
    rows = torch.arange(len(ids), device=ids.device)
    is_ended = torch.zeros_like(rows, dtype=torch.bool)
    width = ids.shape[1]
    # All that is written later is read.
    is_read = pad(is_id, (0, MOST_NEW_TOKENS), value=1)
    places = (is_read.cumsum(1) - 1).clamp_min(0)
    cache = DynamicCache(config=model.config)
    start = 0
    for step in range(MOST_NEW_TOKENS):
        stop = width + step
        logits = model(
            ids,
            attention_mask=is_read[:, :stop],
            position_ids=places[:, start:stop],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        drawn = _draw(logits[:, -1], temperature).masked_fill_(is_ended, end)
        answers[rows, step] = drawn
        is_ended |= drawn == end
        if (step + 1) % STEPS_BETWEEN_CHECKS == 0:
            (left,) = torch.where(~is_ended)
            if not len(left):
                break
            if len(left) < len(rows):
                rows, drawn, is_ended = rows[left], drawn[left], is_ended[left]
                is_read, places = is_read[left], places[left]
                cache.batch_select_indices(left)
        ids, start = drawn[:, None], stop
    return answers


def _draw(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Draw a token per row from the softmax of the logits, by Gumbel noise:
    `torch.multinomial` waits for the GPU. *Shape:* (rows, vocabulary) -> (rows,)
    """
    scores = logits.float() / temperature
    # A draw of 0 would win whatever the logits say.
    noise = torch.empty_like(scores).exponential_().clamp_min_(1e-8)
    return scores.sub_(noise.log_()).argmax(-1)
