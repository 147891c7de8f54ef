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

import numpy as np
import torch
from torch import nn

from .builtin_encoder_config import ROLES, EncoderConfig, Outputs
from .builtin_heads import LikelihoodHead, PairHead, TextHead
from .devices import to_device
from .packed_attention import packed_attention

__all__ = ["Body", "EncoderNetwork", "Layer", "run_layers", "token_segments"]

Attention = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, Sequence[int]], torch.Tensor
]


class Layer(nn.Module):
    """One post-norm layer of BERT (Vaswani et al. 2017, arXiv 1706.03762), packed."""

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
        projected = self.qkv(states).unflatten(-1, (3, self.heads, -1))
        query, key, value = projected.unbind(1)
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
        # Per side: a token that the other side lacks, and one that both have.
        self.segment_embeddings = nn.Embedding(4, config.hidden)
        self.norm = nn.LayerNorm(config.hidden, eps=1e-12)
        self.dropout = nn.Dropout(0.1)
        self.trunk = _layers(config, config.trunk_layers)
        self.style = _layers(config, config.branch_layers)
        self.fluency = _layers(config, config.branch_layers)
        self.pair = _layers(config, config.pair_layers)

    def trunk_states(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Compute the trunk states of texts. *Shape:* (tokens, hidden)."""
        device = self.word_embeddings.weight.device
        lengths = [len(text) for text in ids]
        flat = _flat(ids)
        starts = np.cumsum(lengths) - lengths
        places = np.arange(len(flat)) - np.repeat(starts, lengths)
        words, positions = to_device([flat, places], device)
        states = self.word_embeddings(words) + self.position_embeddings(positions)
        return run_layers(self.trunk, self.dropout(self.norm(states)), lengths)

    def style_states(
        self, states: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Compute the states for style from trunk states, of the same shape."""
        return run_layers(self.style, states, lengths)

    def fluency_states(
        self, states: torch.Tensor, lengths: Sequence[int]
    ) -> torch.Tensor:
        """Compute the states for fluency from trunk states, of the same shape."""
        return run_layers(self.fluency, states, lengths)

    def pair_states(
        self,
        sources: torch.Tensor,
        predictions: torch.Tensor,
        lengths: Sequence[tuple[int, int]],
        segments: torch.Tensor,
    ) -> torch.Tensor:
        """Compute the states of pairs from the trunk states of both columns.

        Args:
            sources: *Shape:* (source tokens, hidden)
            predictions: *Shape:* (prediction tokens, hidden)
            lengths: tokens of the source and of the prediction of each pair.
            segments: of every token, from `token_segments`.

        Returns:
            *Shape:* (source + prediction tokens, hidden), the pairs one after another.
        """
        states = torch.cat([sources, predictions]) + self.segment_embeddings(segments)
        source_lengths, prediction_lengths = zip(*lengths, strict=True)
        # All sources lie before all predictions; 0, n, 1, n + 1, ... makes them pairs.
        columns = np.arange(2 * len(lengths)).reshape(2, -1)
        order = columns.T.ravel()
        places = _places([*source_lengths, *prediction_lengths], order)
        (together,) = to_device([places], states.device)
        sums = [source + prediction for source, prediction in lengths]
        return run_layers(self.pair, states[together], sums)


def token_segments(
    sources: Sequence[Sequence[int]],
    predictions: Sequence[Sequence[int]],
    device: torch.device,
) -> torch.Tensor:
    """Return the segment of each token of pairs: 0 and 1 in sources, 2 and 3 in
    predictions, the odd ones where the other side has the token too.

    *Shape:* (source tokens + prediction tokens,), all sources before all predictions.
    """
    own, others = _pair_keys(sources), _pair_keys(predictions)
    kept, taken = np.isin(own, others), np.isin(others, own)
    (segments,) = to_device([np.concatenate([kept, 2 + taken])], device)
    return segments


def _pair_keys(ids: Sequence[Sequence[int]]) -> np.ndarray:
    """Return a number per token that equals another's in the same pair alone."""
    lengths = [len(text) for text in ids]
    pairs = np.repeat(np.arange(len(ids)), lengths)
    # Far above every id of a token.
    keys: np.ndarray = (pairs << 32) + _flat(ids)
    return keys


def _flat(ids: Sequence[Sequence[int]]) -> np.ndarray:
    """Put texts of token ids one after another. *Shape:* (tokens,)."""
    return np.concatenate([np.asarray(text, dtype=np.int64) for text in ids])


def _layers(config: EncoderConfig, count: int) -> nn.ModuleList:
    return nn.ModuleList(Layer(config) for _ in range(count))


def run_layers(
    layers: nn.ModuleList, states: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Pass packed segments through layers. *Shape:* (tokens, hidden), in and out."""
    # By length, because attention takes neighbors of equal length in one call.
    order = np.argsort(lengths, kind="stable")
    places = _places(lengths, order)
    (forth,) = to_device([places], states.device)
    own = torch.arange(len(places), device=states.device)
    back = torch.empty_like(forth).scatter_(0, forth, own)
    by_length = [int(lengths[i]) for i in order]
    states = states[forth]
    for layer in layers:
        states = layer(states, by_length)
    return states[back]


def _places(lengths: Sequence[int], order: np.ndarray) -> np.ndarray:
    """Return where the tokens of packed segments lie, the segments in another order.

    *Shape:* (tokens,).
    """
    counts = np.asarray(lengths)
    starts = np.cumsum(counts) - counts
    chosen = counts[order]
    # How far each segment moves: all of its tokens move alike.
    moves = starts[order] - (np.cumsum(chosen) - chosen)
    places: np.ndarray = np.arange(counts.sum()) + np.repeat(moves, chosen)
    return places


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
        own_lengths = lengths[:n]
        # The trunk reads both columns at once, each text alone.
        states = self.body.trunk_states(texts)
        own = states[: sum(own_lengths)]
        found = Outputs()
        if "style" in want:
            styled = self.body.style_states(own, own_lengths)
            found.style = self.style_head(styled, own_lengths)
        if sources is None:
            return found
        pairs = list(zip(lengths[n:], own_lengths, strict=True))
        segments = token_segments(sources, predictions, states.device)
        together = self.body.pair_states(states[len(own) :], own, pairs, segments)
        if "content" in want:
            found.content = self.content_head(together, pairs)
        if "fluency" in want:
            fluent = self.body.fluency_states(own, own_lengths)
            alone = self.fluency_head(fluent, own_lengths)
            beside = self._beside(together, pairs, predictions, sources)
            found.fluency = alone + self.config.pair_fluency_weight * beside
            likelihoods = self.likelihood_head(states, lengths)
            found.likelihood = likelihoods[:n] - likelihoods[n:]
        return found

    def _beside(
        self,
        states: torch.Tensor,
        lengths: Sequence[tuple[int, int]],
        predictions: Sequence[Sequence[int]],
        sources: Sequence[Sequence[int]],
    ) -> torch.Tensor:
        """Compute what each source adds to the logit of fluency. *Shape:* (n,)."""
        beside: torch.Tensor = self.pair_fluency_head(states, lengths)
        if self.config.copy_fluency is None:
            return beside
        rows = zip(predictions, sources, strict=True)
        is_copy = np.array([list(own) == list(other) for own, other in rows])
        (copies,) = to_device([is_copy], beside.device)
        return beside.masked_fill(copies, self.config.copy_fluency)
