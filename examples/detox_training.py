"""Train a small seq2seq transformer to detoxify, on a CPU: cross-entropy alone, and
with two objectives added.

    python -m examples.detox_training --data FOLDER --output FOLDER

FOLDER holds paradetox_train.tsv, tab separated, with the columns toxic, neutral1,
neutral2 and neutral3. For each seed one model is trained on cross-entropy. Copies of it
go on with cross-entropy alone, with the toxicity loss, and with minimum-risk training,
at several weights. The weight of each is chosen on one half of the held-out sentences,
and the other half is reported: P(toxic) by the identifier, which the objectives use,
and by the encoder, which they do not; SIM, FL and J.
"""

from __future__ import annotations

import argparse
import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from examples import detox_report as report
from examples.detox_model import (
    END,
    MAX_TOKENS,
    PAD,
    START,
    Detoxifier,
    as_tensor,
    rewrite,
    train_tokenizer,
)
from examples.detox_objectives import (
    Batch,
    Both,
    MinimumRisk,
    Objective,
    Pair,
    ToxicityObjective,
)
from training.data.sources import Detoxified, read_paradetox

DATA_FILE = "paradetox_train.tsv"


@dataclass(frozen=True)
class Options:
    """What all runs share."""

    warm_epochs: int = 3
    epochs: int = 5
    batch_size: int = 64
    learning_rate: float = 2e-3
    dim: int = 128
    samples: int = 4
    sampled_sources: int = 12


class Training:
    """A model, its optimizer and schedule, so that several runs can start from one."""

    def __init__(
        self, pairs: Sequence[Pair], vocab_size: int, options: Options, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.pairs, self.options, self.seed = pairs, options, seed
        self.model = Detoxifier(vocab_size, options.dim)
        steps = options.epochs * -(-len(pairs) // options.batch_size)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=options.learning_rate
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, options.learning_rate, total_steps=steps, pct_start=0.1
        )

    def copy(self) -> Training:
        """Return a training that goes on from the same state."""
        twin = Training(
            self.pairs, len(self.model.embedding.weight), self.options, self.seed
        )
        for name in ("model", "optimizer", "schedule"):
            state = getattr(self, name).state_dict()
            getattr(twin, name).load_state_dict(copy.deepcopy(state))
        return twin

    def run(self, epochs: range, objective: Objective | None = None) -> None:
        """Train for some epochs, and print the means of each."""
        size = self.options.batch_size
        self.model.train()
        torch.manual_seed(self.seed + epochs.start)
        for epoch in epochs:
            sums = np.zeros(2)
            for batch in batches(self.pairs, size, self.seed + epoch):
                sums += self._step(batch, objective)
            cross_entropy, added = sums / len(self.pairs)
            print(
                f"    epoch {epoch + 1}: cross-entropy {cross_entropy:.3f}, added"
                f" {added:.3f}",
                flush=True,
            )

    def _step(
        self, pairs: Sequence[Pair], objective: Objective | None
    ) -> tuple[float, float]:
        sources, targets = (as_tensor(list(side)) for side in zip(*pairs, strict=True))
        output = self.model(sources, self.model.encode(sources), targets[:, :-1])
        batch = Batch(pairs, sources, targets[:, 1:], output)
        likelihoods = output.gather(2, batch.targets[..., None])[..., 0]
        cross_entropy = -likelihoods[batch.targets != PAD].mean()
        added = objective(self.model, batch) if objective else torch.zeros(())
        self.optimizer.zero_grad()
        (cross_entropy + added).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        return cross_entropy.item() * len(pairs), added.item() * len(pairs)


def batches(pairs: Sequence[Pair], size: int, seed: int) -> list[list[Pair]]:
    """Return shuffled batches of pairs of like lengths, so that little is padding."""
    rng = random.Random(seed)
    shuffled = rng.sample(pairs, len(pairs))
    found = []
    for start in range(0, len(shuffled), 16 * size):
        alike = sorted(shuffled[start : start + 16 * size], key=_length)
        found += [alike[i : i + size] for i in range(0, len(alike), size)]
    return rng.sample(found, len(found))


def _length(pair: Pair) -> int:
    source, target = pair
    return max(len(source), len(target))


def train_seed(
    pairs: Sequence[Pair],
    tokenizer: Tokenizer,
    options: Options,
    seed: int,
    weights: dict[str, list[float]],
) -> dict[report.Run, Detoxifier]:
    """Train one seed's models: the baseline, and each objective at each weight."""
    print(f"seed {seed}\n  cross-entropy")
    warm = Training(pairs, tokenizer.get_vocab_size(), options, seed)
    warm.run(range(options.warm_epochs))
    trained = {}
    for run, objective in _objectives(tokenizer, options, weights).items():
        print(f"  {run[0]}, weight {run[1]:g}")
        branch = warm.copy()
        branch.run(range(options.warm_epochs, options.epochs), objective)
        trained[run] = branch.model
    return trained


def _objectives(
    tokenizer: Tokenizer, options: Options, weights: dict[str, list[float]]
) -> dict[report.Run, Objective | None]:
    """Return what each run adds to cross-entropy; None for the baseline."""

    def risk(weight: float) -> MinimumRisk:
        return MinimumRisk(
            tokenizer,
            weight,
            sources=options.sampled_sources,
            samples=options.samples,
        )

    runs: dict[report.Run, Objective | None] = {report.BASELINE: None}
    for weight in weights["toxicity loss"]:
        runs["toxicity loss", weight] = ToxicityObjective(tokenizer, weight)
    for weight in weights["minimum risk"]:
        runs["minimum risk", weight] = risk(weight)
    for weight in weights["minimum risk 1 and toxicity loss"]:
        loss = ToxicityObjective(tokenizer, weight)
        runs["minimum risk 1 and toxicity loss", weight] = Both(risk(1.0), loss)
    return runs


def main(arguments: Sequence[str] | None = None) -> dict[report.Run, report.Scores]:
    """Run the command; return the scores of the reported half, averaged over seeds."""
    given = _parser().parse_args(arguments)
    if not (given.data / DATA_FILE).is_file():
        raise SystemExit(
            f"--data must be a folder with {DATA_FILE} (ParaDetox, columns toxic,"
            f" neutral1 ...); got {given.data}"
        )
    options = Options(warm_epochs=given.warm_epochs, epochs=given.epochs)
    rows, held_out = read_paradetox(given.data)
    tokenizer, pairs = _encode(rows)
    half = min(given.test_size, len(held_out) // 2)
    kept = held_out[: 2 * half]
    sources = [row.toxic for row in kept]
    weights = {
        "toxicity loss": given.loss_weights,
        "minimum risk": given.risk_weights,
        "minimum risk 1 and toxicity loss": given.both_weights,
    }
    human = report.judge([row.rewrites[0] for row in kept], sources)
    found: dict[report.Run, list[report.Scores]] = {report.HUMAN: [human]}
    for seed in range(given.seeds):
        for run, model in train_seed(pairs, tokenizer, options, seed, weights).items():
            rewrites = rewrite(model, tokenizer, sources)
            found.setdefault(run, []).append(report.judge(rewrites, sources))
    return report.write(found, given.output)


def _encode(rows: Sequence[Detoxified]) -> tuple[Tokenizer, list[Pair]]:
    """Train a tokenizer on sentences and their first rewrites, and return both as
    ids.
    """
    texts: list[str] = []
    for row in rows:
        texts += [row.toxic, row.rewrites[0]]
    tokenizer = train_tokenizer(texts)
    ids = [encoding.ids[: MAX_TOKENS - 1] for encoding in tokenizer.encode_batch(texts)]
    pairs = [
        (source, [START, *target, END])
        for source, target in zip(ids[::2], ids[1::2], strict=True)
    ]
    return tokenizer, pairs


def _parser() -> argparse.ArgumentParser:
    defaults = Options()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help=f"folder with {DATA_FILE}"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="folder for detox_training.json and .png",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="runs of everything, seeded 0, 1, ..."
    )
    parser.add_argument(
        "--warm-epochs",
        type=int,
        default=defaults.warm_epochs,
        help="of cross-entropy alone",
    )
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="in all")
    parser.add_argument("--loss-weights", type=float, nargs="*", default=[0.2, 0.5])
    parser.add_argument("--risk-weights", type=float, nargs="*", default=[1.0])
    parser.add_argument("--both-weights", type=float, nargs="*", default=[0.2])
    parser.add_argument(
        "--test-size",
        type=int,
        default=500,
        help="sentences to choose on, and to report",
    )
    return parser


if __name__ == "__main__":
    main()
