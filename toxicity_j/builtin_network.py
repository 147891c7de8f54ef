"""The built-in encoder as a network: token ids in, uncalibrated logits of three factors
and a likelihood out.

A trunk reads each text alone. Two branches read on for style and for fluency, and pair
layers read the trunk states of source and prediction together, for content and for what
the source says about fluency. All texts of a batch lie in one packed matrix without
padding. It starts from all-MiniLM-L6-v2 (Wang et al. 2020, arXiv 2002.10957;
Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from .builtin_heads import LikelihoodHead, PairHead, TextHead
from .packed_attention import packed_attention

__all__ = ["ROLES", "EncoderConfig", "EncoderNetwork", "Outputs"]

ROLES = ("style", "content", "fluency")

Attention = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, Sequence[int]], torch.Tensor
]


def _identity_calibration() -> dict[str, tuple[float, float]]:
    return dict.fromkeys(ROLES, (1.0, 0.0))


@dataclass(frozen=True)
class EncoderConfig:
    """Hold the shape of the encoder; widths and depth of trunk and branches are
    all-MiniLM-L6-v2's (its config.json).

    Attributes:
        vocab_size: tokens of the tokenizer.
        hidden: width of the states.
        heads: attention heads per layer.
        intermediate: width inside the feed-forward part of a layer.
        positions: rows of the table of positions, at least `max_length`.
        trunk_layers: layers that each text passes alone; their states serve every head.
        branch_layers: layers over one text alone, one set for style and one for
            fluency.
        pair_layers: layers over source and prediction together.
        token_features: width of the features that are taken from each token.
        max_length: most tokens per text, special tokens included.
        calibration: per role, scale and shift of its logit (Platt 1999), fitted after
            training.
        likelihood_weight: weight of likelihood(prediction) - likelihood(source) in the
            logit of fluency, fitted likewise.
    """

    vocab_size: int = 30522
    hidden: int = 384
    heads: int = 12
    intermediate: int = 1536
    positions: int = 512
    trunk_layers: int = 4
    branch_layers: int = 2
    pair_layers: int = 4
    token_features: int = 64
    max_length: int = 128
    calibration: dict[str, tuple[float, float]] = field(
        default_factory=_identity_calibration
    )
    likelihood_weight: float = 0.0


@dataclass
class Outputs:
    """Hold what the network says of a batch, uncalibrated; None where it was not asked.

    Attributes:
        style: logits of P(toxic) of the predictions. *Shape:* (n,)
        content: logits of "the content of the source is kept". *Shape:* (n,)
        fluency: logits of "the prediction is fluent", given its source. *Shape:* (n,)
        likelihood: likelihood(prediction) - likelihood(source), in nats per token.
            *Shape:* (n,)
    """

    style: torch.Tensor | None = None
    content: torch.Tensor | None = None
    fluency: torch.Tensor | None = None
    likelihood: torch.Tensor | None = None


class Layer(nn.Module):
    """One post-norm transformer layer (Vaswani et al. 2017, arXiv 1706.03762, as in
    BERT) over packed tokens.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.out = nn.Linear(config.hidden, config.hidden)
        self.norm1 = nn.LayerNorm(config.hidden, eps=1e-12)
        self.up = nn.Linear(config.hidden, config.intermediate)
        self.down = nn.Linear(config.intermediate, config.hidden)
        self.norm2 = nn.LayerNorm(config.hidden, eps=1e-12)
        self.dropout = nn.Dropout(0.1)
        self.attention: Attention = packed_attention

    def forward(self, states: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Mix the tokens of each segment.

        Args:
            states: *Shape:* (tokens, hidden)
            lengths: tokens of each segment, in order.

        Returns:
            *Shape:* (tokens, hidden)
        """
        query, key, value = (
            self.qkv(states).unflatten(-1, (3, self.heads, -1)).unbind(1)
        )
        mixed = self.attention(query, key, value, lengths).flatten(1)
        states = self.norm1(states + self.out(mixed))
        inner = nn.functional.gelu(self.up(states))
        mixed_in: torch.Tensor = self.norm2(states + self.dropout(self.down(inner)))
        return mixed_in


class Body(nn.Module):
    """The transformer under the heads: embeddings, trunk, branches and pair layers."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden)
        self.position_embeddings = nn.Embedding(config.positions, config.hidden)
        self.segment_embeddings = nn.Embedding(2, config.hidden)
        self.norm = nn.LayerNorm(config.hidden, eps=1e-12)
        self.dropout = nn.Dropout(0.1)
        self.trunk = _layers(config, config.trunk_layers)
        self.style = _layers(config, config.branch_layers)
        self.fluency = _layers(config, config.branch_layers)
        self.pair = _layers(config, config.pair_layers)

    def trunk_states(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Compute the trunk states of token ids, one text after another. *Shape:*
        (tokens, hidden).
        """
        device = self.word_embeddings.weight.device
        lengths = [len(text) for text in ids]
        flat = torch.from_numpy(
            np.concatenate([np.asarray(text, dtype=np.int64) for text in ids])
        ).to(device)
        positions = torch.from_numpy(
            np.concatenate([np.arange(length) for length in lengths])
        ).to(device)
        states = self.word_embeddings(flat) + self.position_embeddings(positions)
        return run_layers(self.trunk, self.dropout(self.norm(states)), lengths)

    def style_states(
        self, states: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Compute the states for style from trunk states. *Shape:* (tokens, hidden), in
        and out.
        """
        return run_layers(self.style, states, lengths)

    def fluency_states(
        self, states: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Compute the states for fluency from trunk states. *Shape:* (tokens, hidden),
        in and out.
        """
        return run_layers(self.fluency, states, lengths)

    def pair_states(
        self,
        sources: torch.Tensor,
        predictions: torch.Tensor,
        lengths: Sequence[tuple[int, int]],
    ) -> torch.Tensor:
        """Compute the states of pairs, source before prediction, from the trunk states
        of the two columns.

        Args:
            sources: *Shape:* (source tokens, hidden)
            predictions: *Shape:* (prediction tokens, hidden)
            lengths: tokens of the source and of the prediction of each pair.

        Returns:
            *Shape:* (source + prediction tokens, hidden), the pairs one after another.
        """
        segments = self.segment_embeddings.weight
        states = torch.cat([sources + segments[0], predictions + segments[1]])
        places = torch.from_numpy(_side_by_side(lengths)).to(states.device)
        return run_layers(
            self.pair,
            states[places],
            [source + prediction for source, prediction in lengths],
        )


def _side_by_side(lengths: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return the order that brings all sources, then all predictions, to one pair after
    another. *Shape:* (tokens,).
    """
    sources, predictions = np.array(lengths, dtype=np.int64).T
    source_ends = np.cumsum(sources)
    prediction_ends = source_ends[-1] + np.cumsum(predictions)
    pieces = []
    for pair in range(len(lengths)):
        pieces.append(np.arange(source_ends[pair] - sources[pair], source_ends[pair]))
        pieces.append(
            np.arange(prediction_ends[pair] - predictions[pair], prediction_ends[pair])
        )
    return np.concatenate(pieces)


def _layers(config: EncoderConfig, count: int) -> nn.ModuleList:
    return nn.ModuleList(Layer(config) for _ in range(count))


def run_layers(
    layers: nn.ModuleList, states: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Pass packed segments through layers, sorted by length on the way. *Shape:*
    (tokens, hidden), in and out.
    """
    order = np.argsort(lengths, kind="stable")
    ends = np.cumsum(lengths)
    places = np.concatenate([np.arange(ends[i] - lengths[i], ends[i]) for i in order])
    forth = torch.from_numpy(places).to(states.device)
    back = torch.empty_like(forth).scatter_(
        0, forth, torch.arange(len(places), device=states.device)
    )
    by_length = [int(lengths[i]) for i in order]
    states = states[forth]
    for layer in layers:
        states = layer(states, by_length)
    return states[back]


class EncoderNetwork(nn.Module):
    """The transformer and its heads; see the module's docstring."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.body = Body(config)
        widths = config.hidden, config.token_features
        self.style_head = TextHead(*widths)
        self.fluency_head = TextHead(*widths)
        self.content_head = PairHead(*widths)
        self.pair_fluency_head = PairHead(*widths)
        self.likelihood_head = LikelihoodHead(*widths)

    def forward(
        self,
        predictions: Sequence[Sequence[int]],
        sources: Sequence[Sequence[int]] | None = None,
        want: Sequence[str] = ROLES,
    ) -> Outputs:
        """Compute the uncalibrated logits of a batch.

        Args:
            predictions: n rows of token ids, none empty.
            sources: n rows of token ids; None where neither content nor fluency is
                wanted.
            want: some of `ROLES`.
        """
        n = len(predictions)
        texts = [*predictions, *(sources or [])]
        lengths = [len(ids) for ids in texts]
        states = self.body.trunk_states(texts)
        own = states[: sum(lengths[:n])]
        found = Outputs()
        if "style" in want:
            found.style = self.style_head(
                self.body.style_states(own, lengths[:n]), lengths[:n]
            )
        if sources is None:
            return found
        pairs = list(zip(lengths[n:], lengths[:n], strict=True))
        together = self.body.pair_states(states[len(own) :], own, pairs)
        if "content" in want:
            found.content = self.content_head(together, pairs)
        if "fluency" in want:
            alone = self.fluency_head(
                self.body.fluency_states(own, lengths[:n]), lengths[:n]
            )
            found.fluency = alone + self.pair_fluency_head(together, pairs)
            likelihoods = self.likelihood_head(states, lengths)
            found.likelihood = likelihoods[:n] - likelihoods[n:]
        return found
