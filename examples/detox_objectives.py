"""What detox_training adds to cross-entropy: the toxicity loss of two kinds, or the
expected reward of sampled outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from tokenizers import Tokenizer

from examples.detox_model import END, PAD, START, Detoxifier, decode
from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.objectives.loss import ToxicityLoss
from toxicity_j.objectives.reward import toxicity_reward

__all__ = [
    "OBJECTIVES",
    "Batch",
    "Objective",
    "Pair",
    "overlap",
]

# Token ids of a source, and of its rewrite between start and end.
Pair = tuple[list[int], list[int]]


@dataclass(frozen=True)
class Batch:
    """One step's tensors. *Shape:* (batch, length) each, but log_probabilities (batch,
    length, vocabulary)
    """

    pairs: Sequence[Pair]
    sources: torch.Tensor
    targets: torch.Tensor
    log_probabilities: torch.Tensor


# Sources of a batch that outputs are sampled for, and how many of each.
SOURCES, SAMPLES = 12, 4

# What is added to the cross-entropy of a batch.
Objective = Callable[[Detoxifier, Batch], torch.Tensor]


class ToxicityObjective:
    """The toxicity loss on the teacher-forced distributions, one straight-through
    sample of each position.
    """

    def __init__(self, tokenizer: Tokenizer, weight: float, kind: str = "log") -> None:
        self.loss = ToxicityLoss(
            tokenizer=tokenizer, weight=weight, kind=kind, gumbel=True
        )

    def __call__(self, model: Detoxifier, batch: Batch) -> torch.Tensor:
        """Return the loss of the batch."""
        return self.loss(batch.log_probabilities, batch.targets != PAD)


class MinimumRisk:
    """The expected reward of sampled outputs (Shen et al. 2016,
    https://arxiv.org/abs/1512.02433), by REINFORCE.

    The reward is P(non-toxic) by the identifier times the overlap with the reference,
    so that meaning counts too. The baseline of a sample is the mean of the other
    samples of its source.

    Args:
        tokenizer: the generator's.
        weight: of the objective.
    """

    def __init__(self, tokenizer: Tokenizer, weight: float) -> None:
        self.tokenizer, self.weight = tokenizer, weight
        self.identifier = ToxicityIdentifier.from_pretrained()

    def __call__(self, model: Detoxifier, batch: Batch) -> torch.Tensor:
        """Return a surrogate whose gradient is that of the negated expected reward."""
        count = min(SOURCES, len(batch.pairs))
        rows = torch.arange(count).repeat_interleave(SAMPLES)
        sources = batch.sources[rows]
        written = _without_padding(model.generate(sources, sample=True).clone())
        pairs = [batch.pairs[row] for row in rows]
        rewards = self._rewards(written, pairs).view(count, SAMPLES)
        others = rewards.sum(1, keepdim=True) - rewards
        gains = rewards - others / (SAMPLES - 1)
        likelihoods = _log_likelihoods(model, sources, written)
        return -self.weight * (gains.flatten() * likelihoods).mean()

    def _rewards(self, written: torch.Tensor, pairs: Sequence[Pair]) -> torch.Tensor:
        p_toxic = self.identifier.p_toxic(decode(self.tokenizer, written))
        kept = [
            overlap(row, reference)
            for row, (_, reference) in zip(written.tolist(), pairs, strict=True)
        ]
        rewards = (1 - p_toxic) * np.array(kept)
        return torch.tensor(rewards, dtype=torch.float32)


class RewardOfJ(MinimumRisk):
    """The same with J of each sampled output as its reward, by `toxicity_reward`."""

    def _rewards(self, written: torch.Tensor, pairs: Sequence[Pair]) -> torch.Tensor:
        sources = [self.tokenizer.decode(source).strip() for source, _ in pairs]
        rewrites = decode(self.tokenizer, written)
        rewards = toxicity_reward(completions=rewrites, sources=sources)
        return torch.tensor(rewards, dtype=torch.float32)


class Both:
    """The sum of two objectives.

    Args:
        one: an objective, with its weight.
        two: another one.
    """

    def __init__(self, one: Objective, two: Objective) -> None:
        self.one, self.two = one, two

    def __call__(self, model: Detoxifier, batch: Batch) -> torch.Tensor:
        """Return the sum."""
        return self.one(model, batch) + self.two(model, batch)


def _expected(tokenizer: Tokenizer, weight: float) -> Objective:
    return ToxicityObjective(tokenizer, weight, kind="expected")


def _loss_beside_reward(tokenizer: Tokenizer, weight: float) -> Objective:
    reward = RewardOfJ(tokenizer, 1.0)
    return Both(reward, ToxicityObjective(tokenizer, weight))


# Each takes the generator's tokenizer and a weight.
OBJECTIVES: dict[str, Callable[[Tokenizer, float], Objective]] = {
    "toxicity loss": ToxicityObjective,
    "expected toxicity loss": _expected,
    "minimum risk": MinimumRisk,
    "J as reward": RewardOfJ,
    "J as reward and toxicity loss": _loss_beside_reward,
}


def _without_padding(written: torch.Tensor) -> torch.Tensor:
    """Cut the columns that are padding in every row, but for one."""
    lengths = (written != PAD).sum(1)
    longest = max(1, int(lengths.max()))
    return written[:, :longest]


def _log_likelihoods(
    model: Detoxifier, sources: torch.Tensor, written: torch.Tensor
) -> torch.Tensor:
    """Compute the log-likelihood of each output. *Shape:* (batch, length) twice ->
    (batch,)
    """
    starts = torch.full((len(written), 1), START)
    before = torch.cat([starts, written[:, :-1]], dim=1)
    output = model(sources, model.encode(sources), before)
    chosen = output.gather(2, written[..., None])[..., 0]
    return (chosen * (written != PAD)).sum(1)


def overlap(one: Sequence[int], two: Sequence[int]) -> float:
    """Return the F1 of tokens and pairs of tokens, special ones left out, in [0, 1]."""
    ours, theirs = _counts(one), _counts(two)
    shared = (ours & theirs).total()
    return 2 * shared / max(1, ours.total() + theirs.total())


def _counts(ids: Sequence[int]) -> Counter[object]:
    kept = [token for token in ids if token not in (PAD, START, END)]
    return Counter[object](kept) + Counter[object](pairwise(kept))
