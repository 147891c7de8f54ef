"""What detox_training adds to cross-entropy: the toxicity loss, or the expected reward
of sampled outputs.
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

__all__ = [
    "Batch",
    "Both",
    "MinimumRisk",
    "Objective",
    "Pair",
    "ToxicityObjective",
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


# What is added to the cross-entropy of a batch.
Objective = Callable[[Detoxifier, Batch], torch.Tensor]


class ToxicityObjective:
    """The toxicity loss on the teacher-forced distributions, one straight-through
    sample of each position.
    """

    def __init__(self, tokenizer: Tokenizer, weight: float) -> None:
        self.loss = ToxicityLoss(tokenizer=tokenizer, weight=weight, gumbel=True)

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
        sources: how many of a batch are sampled from.
        samples: of each.
    """

    def __init__(
        self, tokenizer: Tokenizer, weight: float, *, sources: int, samples: int
    ) -> None:
        self.tokenizer, self.weight = tokenizer, weight
        self.sources, self.samples = sources, samples
        self.identifier = ToxicityIdentifier.from_pretrained()

    def __call__(self, model: Detoxifier, batch: Batch) -> torch.Tensor:
        """Return a surrogate whose gradient is that of the negated expected reward."""
        count = min(self.sources, len(batch.pairs))
        rows = torch.arange(count).repeat_interleave(self.samples)
        sources = batch.sources[rows]
        written = _without_padding(model.generate(sources, sample=True).clone())
        references = [batch.pairs[row][1] for row in rows]
        rewards = self._rewards(written, references).view(count, self.samples)
        others = rewards.sum(1, keepdim=True) - rewards
        gains = rewards - others / (self.samples - 1)
        likelihoods = _log_likelihoods(model, sources, written)
        return -self.weight * (gains.flatten() * likelihoods).mean()

    def _rewards(
        self, written: torch.Tensor, references: Sequence[Sequence[int]]
    ) -> torch.Tensor:
        p_toxic = self.identifier.p_toxic(decode(self.tokenizer, written))
        kept = [
            overlap(row, reference)
            for row, reference in zip(written.tolist(), references, strict=True)
        ]
        rewards = (1 - p_toxic) * np.array(kept)
        return torch.tensor(rewards, dtype=torch.float32)


class Both:
    """Minimum risk, and the toxicity loss beside it.

    Args:
        risk: minimum risk, with its weight.
        loss: the toxicity loss, with its weight.
    """

    def __init__(self, risk: MinimumRisk, loss: ToxicityObjective) -> None:
        self.risk, self.loss = risk, loss

    def __call__(self, model: Detoxifier, batch: Batch) -> torch.Tensor:
        """Return their sum."""
        return self.risk(model, batch) + self.loss(model, batch)


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
