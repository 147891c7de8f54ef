"""Attention for training: segments of like length padded together, for torch's fused CPU attention is slow backwards.

Gives what `toxicity_j.batching.packed_attention` gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from toxicity_j.builtin_encoder import Encoder, Layer
from toxicity_j.cpu_packing import packed_attention

# Segments share a padded block while the longest is at most this many times the shortest, plus two tokens.
_SPREAD = 1.25


def use_padded_attention(encoder: Encoder) -> None:
    """Makes the layers of `encoder` that are trained attend in padded blocks; the frozen ones stop dropping out."""
    for module in encoder.modules():
        if isinstance(module, Layer):
            trained = module.qkv.weight.requires_grad
            module.attention = padded_attention if trained else packed_attention
            module.train(trained)


def padded_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Attention of each segment to itself; `lengths` ascend. *Shape:* (tokens, heads, dim), in and out."""
    blocks = _blocks(lengths)
    sizes = [sum(block) for block in blocks]
    parts = zip(blocks, *(x.split(sizes) for x in (query, key, value)), strict=True)
    return torch.cat([_attend(block, q, k, v) for block, q, k, v in parts])


def _blocks(lengths: Sequence[int]) -> list[list[int]]:
    blocks: list[list[int]] = []
    for length in lengths:
        if not blocks or length > blocks[-1][0] * _SPREAD + 2:
            blocks.append([])
        blocks[-1].append(length)
    return blocks


def _attend(lengths: list[int], query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    count, longest, (_, heads, dim) = len(lengths), max(lengths), query.shape
    sizes = torch.tensor(lengths)
    present = torch.arange(longest) < sizes[:, None]
    places = present.flatten().nonzero()[:, 0].to(query.device)
    padded = [
        x.new_zeros(count * longest, heads, dim)
        .index_copy(0, places, x)
        .view(count, longest, heads, dim)
        .transpose(1, 2)
        .float()
        for x in (query, key, value)
    ]
    with torch.autocast(query.device.type, enabled=False):
        scores = padded[0] @ padded[1].transpose(2, 3) * dim**-0.5
        scores = scores.masked_fill(~present.to(query.device)[:, None, None, :], -torch.inf)
        mixed = scores.softmax(-1) @ padded[2]
    return mixed.transpose(1, 2).reshape(count * longest, heads, dim)[places].to(query.dtype)
