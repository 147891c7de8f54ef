"""The heads of the built-in encoder: one number per text or pair from packed states.

Each reads means over tokens; those that look for one bad token also read the maximum of
a small network over each. `hidden` is the width of the states, `token_features` that of
the features taken from each token.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from .devices import to_device

__all__ = ["LikelihoodHead", "PairHead", "TextHead", "mean_pool", "pool"]


def pool(
    states: torch.Tensor, lengths: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute mean and maximum over the tokens of each segment, in float32.

    Args:
        states: *Shape:* (tokens, width)
        lengths: tokens of each segment, each at least 1.

    Returns:
        Two tensors. *Shape:* (segments, width)
    """
    padded, sizes = _padded(states, lengths)
    places = torch.arange(padded.shape[1], device=states.device)
    absent = places >= sizes[:, None]
    # Below every feature, or the zeros of the padding would be a maximum.
    lowered = padded.masked_fill(absent[:, :, None], -torch.inf)
    return padded.sum(1) / sizes[:, None], lowered.amax(1)


def mean_pool(states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Compute the mean of `pool` alone."""
    padded, sizes = _padded(states, lengths)
    return padded.sum(1) / sizes[:, None]


def _padded(
    states: torch.Tensor, lengths: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return segments side by side, zeros behind, (segments, longest, width); sizes."""
    # The heads compute in float32, whatever format the layers do.
    states = states.float()
    device, count = states.device, len(lengths)
    (sizes,) = to_device([np.array(lengths, dtype=np.int64)], device)
    # Told the number of tokens, a GPU need not be asked for the sum of the sizes.
    segments = torch.arange(count, device=device)
    rows = torch.repeat_interleave(segments, sizes, output_size=len(states))
    starts = torch.cumsum(sizes, 0) - sizes
    columns = torch.arange(len(states), device=device) - starts[rows]
    zeros = states.new_zeros(count, int(max(lengths)), states.shape[1])
    return zeros.index_put((rows, columns), states), sizes


class TokenFeatures(nn.Module):
    """Mean and maximum of a small network over each token.

    The maximum sees one bad token in a long text.
    """

    def __init__(self, hidden: int, token_features: int) -> None:
        super().__init__()
        self.token = nn.Linear(hidden, token_features)
        self.norm = nn.LayerNorm(2 * token_features)

    def per_token(self, states: torch.Tensor) -> torch.Tensor:
        """Compute the features of each token. *Shape:* (tokens, token_features)."""
        return nn.functional.gelu(self.token(states.float()))

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Compute features per segment. *Shape:* (segments, 2 * token_features)."""
        pooled = pool(self.per_token(states), lengths)
        features: torch.Tensor = self.norm(torch.cat(pooled, dim=1))
        return features


class TextHead(nn.Module):
    """One logit per text, from the mean of its states and its token features."""

    def __init__(self, hidden: int, token_features: int) -> None:
        super().__init__()
        self.tokens = TokenFeatures(hidden, token_features)
        width = hidden + 2 * token_features
        self.out = _perceptron(width, token_features)

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Compute the logits. *Shape:* (tokens, hidden) to (texts,)."""
        features = [mean_pool(states, lengths), self.tokens(states, lengths)]
        logits: torch.Tensor = self.out(torch.cat(features, dim=1))
        return logits[:, 0]


class PairHead(nn.Module):
    """One logit per pair, from means, their distance and token features."""

    def __init__(self, hidden: int, token_features: int) -> None:
        super().__init__()
        self.tokens = TokenFeatures(hidden, token_features)
        width = 3 * hidden + 4 * token_features
        self.out = _perceptron(width, 4 * token_features)

    def forward(
        self, states: torch.Tensor, lengths: Sequence[tuple[int, int]]
    ) -> torch.Tensor:
        """Compute the logits from states of `Body.pair_states`. *Shape:* (pairs,)."""
        sides = [length for pair in lengths for length in pair]
        means, tokens = mean_pool(states, sides), self.tokens(states, sides)
        source, prediction = means[0::2], means[1::2]
        features = [
            source,
            prediction,
            (source - prediction).abs(),
            tokens[0::2],
            tokens[1::2],
        ]
        logits: torch.Tensor = self.out(torch.cat(features, dim=1))
        return logits[:, 0]


class LikelihoodHead(nn.Module):
    """A language model's log-likelihood of a text, in nats per token."""

    def __init__(self, hidden: int, token_features: int) -> None:
        super().__init__()
        self.out = _perceptron(hidden, token_features)

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Compute the likelihoods from trunk states. *Shape:* (texts,)."""
        return mean_pool(self.out(states.float()), lengths)[:, 0]


def _perceptron(width: int, inner: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, 1))
