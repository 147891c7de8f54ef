"""Trains a small seq2seq transformer to detoxify, from scratch on a CPU: cross-entropy alone, then with the loss.

    python -m examples.detox_training --data FOLDER --output FOLDER

FOLDER holds paradetox_train.tsv. Both runs have the same seed, batches and steps. The table judges greedy outputs for
the held-out tenth: P(toxic) by the identifier, which the loss uses, and by the built-in encoder, which it does not;
SIM, FL and J.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.objectives.loss import ToxicityLoss
from toxicity_j.scorer import Scorer
from training.data import read_paradetox

PAD, START, END = 0, 1, 2
MAX_TOKENS = 32
VOCABULARY = 2000


@dataclass(frozen=True)
class Options:
    """What both runs share; `weight` is that of the toxicity loss in the second."""

    epochs: int = 6
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight: float = 0.4
    dim: int = 128
    seed: int = 0


class Detoxifier(nn.Module):
    """Two layers of encoder and of decoder, with a pointer to source tokens.

    The pointer is See et al.'s (2017, https://arxiv.org/abs/1704.04368).
    """

    def __init__(self, vocab_size: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim, padding_idx=PAD)
        self.positions = nn.Embedding(MAX_TOKENS + 1, dim)
        nn.init.normal_(self.embedding.weight, std=dim**-0.5)
        shape = {"d_model": dim, "nhead": 4, "dim_feedforward": 4 * dim, "batch_first": True, "dropout": 0.1}
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(**shape), 2, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**shape), 2)
        self.query, self.key, self.gate = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, 1)
        # Copying in order is a good start: states of equal places and tokens are alike.
        nn.init.eye_(self.query.weight)
        nn.init.eye_(self.key.weight)
        nn.init.constant_(self.gate.bias, 1.0)

    def encode(self, sources: torch.Tensor) -> torch.Tensor:
        """States of source tokens. *Shape:* (batch, length) -> (batch, length, dim)"""
        return self.encoder(self._embed(sources), src_key_padding_mask=sources == PAD)

    def forward(self, sources: torch.Tensor, memory: torch.Tensor, written: torch.Tensor) -> torch.Tensor:
        """Probabilities of each next token. *Shape:* (batch, written, vocabulary)"""
        ahead = torch.ones(written.shape[1], written.shape[1], dtype=torch.bool).triu(1)
        states = self.decoder(self._embed(written), memory, tgt_mask=ahead, memory_key_padding_mask=sources == PAD)
        own = torch.softmax(states @ self.embedding.weight.T, dim=-1)
        affinity = self.query(states) @ self.key(memory).transpose(1, 2) / memory.shape[-1] ** 0.5
        pointed = torch.softmax(affinity.masked_fill((sources == PAD)[:, None], -1e9), dim=-1)
        gate = torch.sigmoid(self.gate(states))
        places = sources[:, None].expand_as(pointed)
        return ((1 - gate) * own).scatter_add(2, places, gate * pointed)

    @torch.inference_mode()
    def generate(self, sources: torch.Tensor) -> torch.Tensor:
        """Greedy outputs, without the start. *Shape:* (batch, MAX_TOKENS)"""
        memory, written = self.encode(sources), torch.full((len(sources), 1), START)
        for _ in range(MAX_TOKENS):
            following = self(sources, memory, written)[:, -1].argmax(-1, keepdim=True)
            written = torch.cat([written, following], dim=1)
        return written[:, 1:]

    def _embed(self, ids: torch.Tensor) -> torch.Tensor:
        scale = self.embedding.embedding_dim**0.5
        return self.embedding(ids) * scale + self.positions(torch.arange(ids.shape[1]))


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """A byte-level BPE of the generator's own, so that the loss needs its bridge."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def as_tensor(rows: list[list[int]]) -> torch.Tensor:
    """Rows of ids, padded behind."""
    length = max(map(len, rows))
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


def train(
    pairs: list[tuple[list[int], list[int]]], tokenizer: Tokenizer, options: Options, loss: ToxicityLoss | None
) -> tuple[Detoxifier, list[dict[str, float]]]:
    """One run; returns the model and, for each epoch, its mean cross-entropy and toxicity loss."""
    torch.manual_seed(options.seed)
    model = Detoxifier(tokenizer.get_vocab_size(), options.dim)
    steps = options.epochs * -(-len(pairs) // options.batch_size)
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, total_steps=steps, pct_start=0.1)
    history = []
    for epoch in range(options.epochs):
        order, sums = random.Random(options.seed + epoch).sample(range(len(pairs)), len(pairs)), np.zeros(2)
        for start in range(0, len(order), options.batch_size):
            batch = [pairs[i] for i in order[start : start + options.batch_size]]
            sources, targets = as_tensor([source for source, _ in batch]), as_tensor([target for _, target in batch])
            probabilities = model(sources, model.encode(sources), targets[:, :-1])
            wanted, mask = targets[:, 1:], targets[:, 1:] != PAD
            likelihood = probabilities.gather(2, wanted[..., None])[..., 0].clamp_min(1e-9)
            cross_entropy = -likelihood.log()[mask].mean()
            # The loss comes in halfway: before that the model copies nothing, and samples from it say nothing.
            late = loss is not None and schedule.last_epoch >= steps // 2
            toxicity = loss(probabilities.clamp_min(1e-9).log(), mask) if late else torch.zeros(())
            optimiser.zero_grad()
            (cross_entropy + toxicity).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            sums += [cross_entropy.item() * len(batch), toxicity.item() * len(batch)]
        history.append({"cross_entropy": sums[0] / len(pairs), "toxicity": sums[1] / len(pairs)})
        print(
            f"  epoch {epoch + 1}: " + ", ".join(f"{name} {value:.3f}" for name, value in history[-1].items()),
            flush=True,
        )
    return model.eval(), history


def outputs(model: Detoxifier, tokenizer: Tokenizer, sources: list[str]) -> list[str]:
    """Greedy rewrites."""
    texts = []
    for start in range(0, len(sources), 128):
        rows = [encoding.ids[:MAX_TOKENS] for encoding in tokenizer.encode_batch(sources[start : start + 128])]
        ids = model.generate(as_tensor(rows)).tolist()
        texts += [tokenizer.decode(row[: row.index(END)] if END in row else row).strip() for row in ids]
    return texts


def judge(predictions: list[str], sources: list[str]) -> dict[str, float]:
    """Means over segments: P(toxic) twice, SIM, FL and J."""
    segments = Scorer("embedded").score(predictions, sources)
    quick = float(ToxicityIdentifier.from_pretrained().p_toxic(predictions).mean())
    scores = {"p_toxic_identifier": quick, "p_toxic_encoder": float(segments.p_toxic.mean())}
    return scores | {name: float(getattr(segments, name).mean()) for name in ("sim", "fl", "j")}


def show(results: dict[str, dict[str, float]]) -> str:
    """The table in Markdown."""
    lines = ["| outputs of | P(toxic), identifier | P(toxic), encoder | SIM | FL | J |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {name} | " + " | ".join(f"{value:.3f}" for value in scores.values()) + " |"
        for name, scores in results.items()
    ]
    return "\n".join(lines)


def plot(results: dict[str, dict[str, float]], path: Path) -> None:
    """Bars of each score for each run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    names = ["P(toxic)\nidentifier", "P(toxic)\nencoder", "SIM", "FL", "J"]
    width = 0.8 / len(results)
    for place, (run, scores) in enumerate(results.items()):
        bars = axes.bar(
            np.arange(len(names)) + (place - (len(results) - 1) / 2) * width, list(scores.values()), width, label=run
        )
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("mean over segments")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    figure.savefig(path, dpi=150)


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """The command; returns what the table shows."""
    defaults = Options()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for detox_training.json and detox_training.png"
    )
    parser.add_argument("--epochs", type=int, default=defaults.epochs)
    parser.add_argument("--weight", type=float, default=defaults.weight, help="of the toxicity loss")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--test-size", type=int, default=500, help="held-out sentences to rewrite")
    given = parser.parse_args(arguments)
    options = Options(epochs=given.epochs, weight=given.weight, seed=given.seed)
    rows, held_out = read_paradetox(given.data)
    texts = [(row.toxic, row.rewrites[0]) for row in rows]
    tokenizer = train_tokenizer([text for pair in texts for text in pair])
    ids = [
        [encoding.ids[: MAX_TOKENS - 1] for encoding in tokenizer.encode_batch(side)]
        for side in map(list, zip(*texts, strict=True))
    ]
    pairs = [(source, [START, *target, END]) for source, target in zip(*ids, strict=True)]
    sources = [row.toxic for row in held_out][: given.test_size]
    results, histories = {"sources": judge(sources, sources)}, {}
    for name, loss in (
        ("cross-entropy", None),
        ("+ toxicity loss", ToxicityLoss(tokenizer=tokenizer, weight=options.weight, gumbel=True)),
    ):
        print(name)
        model, histories[name] = train(pairs, tokenizer, options, loss)
        results[name] = judge(outputs(model, tokenizer, sources), sources)
    given.output.mkdir(parents=True, exist_ok=True)
    written = {
        "pairs": len(pairs),
        "test": len(sources),
        "options": vars(options),
        "results": results,
        "history": histories,
    }
    (given.output / "detox_training.json").write_text(json.dumps(written, indent=1))
    plot(results, given.output / "detox_training.png")
    print(show(results))
    return results


if __name__ == "__main__":
    main()
