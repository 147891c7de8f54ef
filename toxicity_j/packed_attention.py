"""Attention within texts that lie one after another without padding.

On a GPU one variable-length kernel attends to all texts; on a CPU neighbours of equal
length are attended to in one call.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from .devices import to_device

__all__ = ["packed_attention", "varlen_kernel_name"]

logger = logging.getLogger("toxicity_j")

_Kernel = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, int], torch.Tensor
]


def packed_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Attend within each of the segments that lie one after another without padding.

    Args:
        query: *Shape:* (tokens, heads, dim); `key` and `value` alike.
        lengths: tokens of each segment, in their order; they sum to tokens. Sorted,
            they run fastest on a CPU.

    Returns:
        *Shape:* (tokens, heads, dim).
    """
    # For inference only, where no kernel needs a backward pass.
    if query.is_cuda and not torch.is_grad_enabled():
        kernel = _varlen_kernel(query.device, query.dtype)
        if kernel is not None:
            offsets = _offsets(tuple(lengths), query.device)
            return kernel(query, key, value, offsets, max(lengths))
    return _grouped_attention(query, key, value, lengths)


def _grouped_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Attend in one call per run of equal lengths. *Shape:* (tokens, heads, dim)."""
    outputs, start = [], 0
    for length, group in groupby(lengths):
        end = start + sum(group)
        mixed = scaled_dot_product_attention(
            _as_batch(query[start:end], length),
            _as_batch(key[start:end], length),
            _as_batch(value[start:end], length),
        )
        outputs.append(mixed.transpose(1, 2).flatten(0, 1))
        start = end
    return torch.cat(outputs)


def _as_batch(states: torch.Tensor, length: int) -> torch.Tensor:
    """Return equal segments as a batch. *Shape:* (segments, heads, length, dim)."""
    segments = states.view(-1, length, *states.shape[1:])
    return segments.transpose(1, 2)


def varlen_kernel_name(device: torch.device, dtype: torch.dtype) -> str:
    """Return the name of the attention that packed batches use on a device."""
    kernel = None
    if device.type == "cuda":
        kernel = _varlen_kernel(device, dtype)
    if kernel is None:
        return "grouped scaled_dot_product_attention"
    return kernel.__name__.strip("_")


@functools.lru_cache(maxsize=8)
def _offsets(lengths: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return where segments start and end. *Shape:* (segments + 1,), int32."""
    # Kept, because every layer of a batch asks for the same ones.
    return to_device([np.cumsum([0, *lengths], dtype=np.int32)], device)[0]


@functools.cache
def _varlen_kernel(device: torch.device, dtype: torch.dtype) -> _Kernel | None:
    """Find the first kernel that gives the right numbers on this GPU, if any."""
    lengths = [1, 5, 3, 17]
    heads, width = 2, 64
    ramp = torch.linspace(-2, 2, sum(lengths) * heads * width, device=device)
    states = ramp.reshape(-1, heads, width).sin().to(dtype)
    expected = _grouped_attention(states, states, states, lengths).float()
    offsets = _offsets(tuple(lengths), device)
    # By the number of bits that the format keeps.
    tolerance = 1e-5
    if dtype.itemsize == 2:
        tolerance = 2e-2
    for kernel in (_varlen_attn, _flash_attention, _efficient_attention):
        try:
            found = kernel(states, states, states, offsets, max(lengths))
            if torch.allclose(found.float(), expected, atol=tolerance):
                return kernel
            logger.info(
                "%s differs from scaled_dot_product_attention on %s",
                kernel.__name__,
                device,
            )
        except (
            RuntimeError,
            ImportError,
            AttributeError,
            TypeError,
            ValueError,
        ) as error:
            # Each kernel has its own limits: formats, processors, versions of torch.
            logger.info(
                "%s does not run on %s in %s: %s", kernel.__name__, device, dtype, error
            )
    return None


def _varlen_attn(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """Attend by torch's public kernel (torch >= 2.10, 16-bit formats)."""
    from torch.nn.attention.varlen import varlen_attn

    mixed = varlen_attn(q, k, v, offsets, offsets, most, most)
    # It may come with its log-sum-exp.
    if not isinstance(mixed, torch.Tensor):
        return mixed[0]
    return mixed


def _flash_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """Attend by the kernel under `varlen_attn`, for older versions of torch."""
    found = torch.ops.aten._flash_attention_forward(
        q, k, v, offsets, offsets, most, most, 0.0, False, False
    )
    mixed: torch.Tensor = found[0]
    return mixed


def _efficient_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """Attend by the memory-efficient kernel of nested tensors, which takes float32."""
    q, k, v = q[None], k[None], v[None]
    found = torch.ops.aten._efficient_attention_forward(
        q, k, v, None, offsets, offsets, most, most, 0.0, 0
    )
    mixed: torch.Tensor = found[0][0]
    return mixed
