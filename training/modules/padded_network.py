"""The encoder's network over padded batches, for training: a GPU records a step of each
width once, and then repeats it without being told what to do.

Gives what `toxicity_j.builtin_network` gives for packed texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from toxicity_j.builtin_heads import LikelihoodHead, PairHead, TextHead
from toxicity_j.builtin_network import Body, EncoderNetwork, Layer
from training.modules.training_rows import Block

__all__ = [
    "PairStates",
    "fluency_of_texts",
    "pad_attention",
    "pair_likelihoods",
    "pair_logits",
    "pair_states",
    "run_layers",
    "style_logits",
    "text_likelihoods",
    "text_logits",
    "trunk_of_pairs",
    "trunk_states",
]

# Segments of tokens: of sources or texts, and one more where both have the token.
_SOURCE, _TEXT = 0, 2


@dataclass(frozen=True)
class PairStates:
    """States of pairs.

    Attributes:
        sources: *Shape:* (pairs, width, hidden)
        texts: likewise.
        of_sources: where sources have tokens. *Shape:* (pairs, width)
        of_texts: likewise.
    """

    sources: torch.Tensor
    texts: torch.Tensor
    of_sources: torch.Tensor
    of_texts: torch.Tensor


def pad_attention(network: EncoderNetwork) -> None:
    """Make the layers of `network` attend within padded texts; call it once, before
    training.
    """
    for module in network.modules():
        if isinstance(module, Layer):
            # A layer only passes on what tells its attention the texts apart.
            module.attention = _attend


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, is_token: torch.Tensor
) -> torch.Tensor:
    """Mix the tokens of each text. *Shape:* (rows * width, heads, dim), in and out."""
    blocks = (
        tensor.unflatten(0, is_token.shape).transpose(1, 2)
        for tensor in (query, key, value)
    )
    mixed = scaled_dot_product_attention(*blocks, attn_mask=is_token[:, None, None, :])
    return mixed.transpose(1, 2).flatten(0, 1)


def run_layers(
    layers: nn.ModuleList, states: torch.Tensor, is_token: torch.Tensor
) -> torch.Tensor:
    """Pass padded texts through layers. *Shape:* (rows, width, hidden), in and out."""
    flat = states.flatten(0, 1)
    for layer in layers:
        flat = layer(flat, is_token)
    return flat.unflatten(0, is_token.shape)


def trunk_states(body: Body, texts: Block) -> torch.Tensor:
    """Compute the trunk states of texts. *Shape:* (rows, width, hidden)."""
    ids, is_token = texts
    places = torch.arange(ids.shape[1], device=ids.device)
    states = body.word_embeddings(ids) + body.position_embeddings(places)
    return run_layers(body.trunk, body.dropout(body.norm(states)), is_token)


def trunk_of_pairs(body: Body, sources: Block, texts: Block) -> PairStates:
    """Compute the trunk states of both sides at once, each text alone."""
    both = torch.cat([sources[0], texts[0]]), torch.cat([sources[1], texts[1]])
    of_sources, of_texts = trunk_states(body, both).chunk(2)
    return PairStates(of_sources, of_texts, sources[1], texts[1])


def pair_states(
    body: Body, trunk: PairStates, pairs: tuple[Block, Block]
) -> PairStates:
    """Compute the states of the pair layers from the trunk states of both sides."""
    segments = _segments(*pairs)
    states = torch.cat([trunk.sources, trunk.texts], 1)
    is_token = torch.cat([trunk.of_sources, trunk.of_texts], 1)
    states = states + body.segment_embeddings(segments)
    sources, texts = run_layers(body.pair, states, is_token).chunk(2, 1)
    return PairStates(sources, texts, trunk.of_sources, trunk.of_texts)


def _segments(sources: Block, texts: Block) -> torch.Tensor:
    """Return the segment of each token, those of sources first. *Shape:* (pairs, 2 *
    width)
    """
    (own, of_own), (other, of_other) = sources, texts
    equal = own[:, :, None] == other[:, None, :]
    equal = equal & of_own[:, :, None] & of_other[:, None, :]
    kept, taken = equal.any(2).long(), equal.any(1).long()
    return torch.cat([_SOURCE + kept, _TEXT + taken], 1)


def text_logits(
    head: TextHead, states: torch.Tensor, is_token: torch.Tensor
) -> torch.Tensor:
    """Compute a head's logit of each text. *Shape:* (rows,)."""
    features = [_mean(states, is_token), _features(head, states, is_token)]
    logits: torch.Tensor = head.out(torch.cat(features, 1))
    return logits[:, 0]


def style_logits(
    network: EncoderNetwork, trunk: torch.Tensor, is_token: torch.Tensor
) -> torch.Tensor:
    """Compute the logit of style of each text from trunk states. *Shape:* (rows,)."""
    states = run_layers(network.body.style, trunk, is_token)
    return text_logits(network.style_head, states, is_token)


def fluency_of_texts(
    network: EncoderNetwork, trunk: torch.Tensor, is_token: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the logit of fluency of each text alone, and the features of each token,
    from trunk states. *Shape:* (rows,) and (rows, width, token_features).
    """
    states = run_layers(network.body.fluency, trunk, is_token)
    logits = text_logits(network.fluency_head, states, is_token)
    return logits, network.fluency_head.tokens.per_token(states)


def pair_logits(head: PairHead, pairs: PairStates) -> torch.Tensor:
    """Compute a head's logit of each pair. *Shape:* (pairs,)."""
    source = _mean(pairs.sources, pairs.of_sources)
    text = _mean(pairs.texts, pairs.of_texts)
    features = [
        source,
        text,
        (source - text).abs(),
        _features(head, pairs.sources, pairs.of_sources),
        _features(head, pairs.texts, pairs.of_texts),
    ]
    logits: torch.Tensor = head.out(torch.cat(features, 1))
    return logits[:, 0]


def text_likelihoods(
    head: LikelihoodHead, states: torch.Tensor, is_token: torch.Tensor
) -> torch.Tensor:
    """Compute the likelihood of each text from trunk states. *Shape:* (rows,)."""
    return _mean(head.out(states.float()), is_token)[:, 0]


def pair_likelihoods(
    head: LikelihoodHead, trunk: PairStates
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the likelihood of each text, and what it adds to that of its source.
    *Shape:* (pairs,) each.
    """
    own = text_likelihoods(head, trunk.texts, trunk.of_texts)
    return own, own - text_likelihoods(head, trunk.sources, trunk.of_sources)


def _mean(states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
    """Average over the tokens, in float32. *Shape:* (rows, width, d) -> (rows, d)."""
    total = states.float().masked_fill(~is_token[:, :, None], 0).sum(1)
    return total / is_token.sum(1, keepdim=True)


def _features(
    head: TextHead | PairHead, states: torch.Tensor, is_token: torch.Tensor
) -> torch.Tensor:
    """Compute the token features of a head. *Shape:* (rows, 2 * token_features)."""
    each = head.tokens.per_token(states)
    # Below every feature, or the zeros of the padding would be a maximum.
    highest = each.float().masked_fill(~is_token[:, :, None], -torch.inf).amax(1)
    features: torch.Tensor = head.tokens.norm(
        torch.cat([_mean(each, is_token), highest], 1)
    )
    return features
