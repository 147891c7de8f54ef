"""The heads of the built-in encoder: one number per text or pair from packed states.

Each reads means over tokens; those that look for one bad token also read the maximum of
a small network over each. `hidden` is the width of the states, `token_features` that of
the features taken from each token.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

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
    absent = (torch.arange(padded.shape[1], device=states.device) >= sizes[:, None])[
        :, :, None
    ]
    return padded.sum(1) / sizes[:, None], padded.masked_fill(absent, -torch.inf).amax(
        1
    )


def mean_pool(states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Compute the mean alone; otherwise as `pool`. *Shape:* (tokens, width) to
    (segments, width).
    """
    padded, sizes = _padded(states, lengths)
    return padded.sum(1) / sizes[:, None]


def _padded(
    states: torch.Tensor, lengths: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the segments side by side with zeros behind, and their sizes. *Shape:*
    (segments, longest, width).
    """
    states = states.float()
    sizes = torch.tensor(lengths, device=states.device)
    rows = torch.repeat_interleave(
        torch.arange(len(lengths), device=states.device), sizes, output_size=len(states)
    )
    starts = torch.cumsum(sizes, 0) - sizes
    columns = torch.arange(len(states), device=states.device) - starts[rows]
    padded = states.new_zeros(
        len(lengths), int(max(lengths)), states.shape[1]
    ).index_put((rows, columns), states)
    return padded, sizes


class TokenFeatures(nn.Module):
    """A small network over each token, then mean and maximum: one bad token is seen in
    a long text.
    """

    def __init__(self, hidden: int, token_features: int) -> None:
        super().__init__()
        self.token = nn.Linear(hidden, token_features)
        self.norm = nn.LayerNorm(2 * token_features)

    def per_token(self, states: torch.Tensor) -> torch.Tensor:
        """Compute the features of each token. *Shape:* (tokens, hidden) to (tokens,
        token_features).
        """
        return nn.functional.gelu(self.token(states.float()))

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Compute the features of each segment. *Shape:* (tokens, hidden) to (segments,
        2 * token_features).
        """
        features: torch.Tensor = self.norm(
            torch.cat(pool(self.per_token(states), lengths), dim=1)
        )
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
    """One logit per pair, from both sides' means, their distance, and both sides' token
    features.
    """

    def __init__(self, hidden: int, token_features: int) -> None:
        super().__init__()
        self.tokens = TokenFeatures(hidden, token_features)
        width = 3 * hidden + 4 * token_features
        self.out = _perceptron(width, 4 * token_features)

    def forward(
        self, states: torch.Tensor, lengths: Sequence[tuple[int, int]]
    ) -> torch.Tensor:
        """Compute the logits. *Shape:* (source + prediction tokens, hidden) to
        (pairs,).
        """
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
    """How likely a language model finds a text, in nats per token: the mean of one
    number per token.
    """

    def __init__(self, hidden: int, token_features: int) -> None:
        super().__init__()
        self.out = _perceptron(hidden, token_features)

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Compute the likelihoods from trunk states. *Shape:* (tokens, hidden) to
        (texts,).
        """
        return mean_pool(self.out(states.float()), lengths)[:, 0]


def _perceptron(width: int, inner: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, 1))
