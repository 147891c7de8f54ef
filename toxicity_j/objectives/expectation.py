"""The mean of table rows under a softmax, for a vocabulary of tens of thousands and many positions.

softmax(logits) @ table as one autograd function: no probabilities are kept beyond one buffer of exponentials, which
becomes the gradient in place, and work goes in pieces that fit the processor's caches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

# Rows and columns per piece: 64 rows of a vocabulary of 32,128 are 8 MB, 2,048 columns of 384 rows 3 MB. Timed by
# `python -m benchmarks.loss`.
_ROWS = 64
_COLUMNS = 2048
_GPU_PIECES = 32
# Columns per block where the largest logit is looked for: a maximum without its index is thrice as quick on a CPU.
_BLOCK = 64


class Expectation(NamedTuple):
    """What a softmax says of each row.

    Attributes:
        mean: the expected table row. *Shape:* (rows, dim)
        chosen: the probability of the likeliest token. *Shape:* (rows,)
        silent: the probability of all silent tokens together. *Shape:* (rows,)
        likeliest: that token; -1 where the row holds NaN or +inf. *Shape:* (rows,), int64
    """

    mean: torch.Tensor
    chosen: torch.Tensor
    silent: torch.Tensor
    likeliest: torch.Tensor


def expect(
    logits: torch.Tensor, table: torch.Tensor, silent: torch.Tensor, *, temperature: float = 1.0, hard: bool = False
) -> Expectation:
    """Return what softmax(logits / temperature) expects of `table`.

    Args:
        logits: of any floating-point type; computed in the table's. *Shape:* (rows, vocabulary)
        table: *Shape:* (vocabulary, dim)
        silent: distinct indices of tokens whose joint probability is wanted. *Shape:* (silent tokens,)
        temperature: above 0.
        hard: return the values of the likeliest token alone, with the gradient of the softmax (straight-through).
    """
    return Expectation(*_Expectation.apply(logits, table, silent, temperature, hard))  # type: ignore[no-untyped-call]


class _Expectation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, table: torch.Tensor, silent: torch.Tensor, temperature: float, hard: bool
    ) -> tuple[torch.Tensor, ...]:
        largest, likeliest = _largest(logits)
        largest = largest.to(table.dtype)[:, None]
        total, mean = table.new_empty(len(logits), 1), table.new_empty(len(logits), table.shape[1])
        # On a GPU the exponentials cost less to compute again than to keep.
        kept = _empty_like(logits) if logits.device.type == "cpu" and logits.dtype == table.dtype else None
        step = _ROWS * (_GPU_PIECES if logits.is_cuda else 1)
        for start in range(0, len(logits), step):
            rows = slice(start, start + step)
            out = None if kept is None else kept[rows]
            weights = _exponentials(logits[rows], largest[rows], temperature, out)
            torch.sum(weights, 1, keepdim=True, out=total[rows])
            torch.mm(weights, table, out=mean[rows])
        mean /= total
        chosen = total.reciprocal().squeeze(1)
        hushed = (_exponentials(logits.index_select(1, silent), largest, temperature) / total).sum(1)
        likeliest = torch.where(torch.isfinite(total.squeeze(1)), likeliest, -1)
        ctx.save_for_backward(logits, table, silent, largest, total, mean, hushed, likeliest)
        ctx.temperature, ctx.kept = temperature, kept
        ctx.mark_non_differentiable(likeliest)
        if hard:
            mean, chosen = table[likeliest.clamp_min(0)], torch.ones_like(chosen)
            hushed = torch.isin(likeliest, silent).to(table.dtype)
        return mean, chosen, hushed, likeliest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_mean, to_chosen, to_silent = gradients[:3]
        logits, table, silent, largest, total, mean, hushed, likeliest = ctx.saved_tensors
        temperature, kept = ctx.temperature, ctx.kept
        ctx.kept = None  # it becomes the gradient; another backward pass computes it again
        # With p = softmax: dL/dlogit_v = p_v (to_mean . table_v + [v chosen] to_chosen + [v silent] to_silent - offset)
        # over the temperature; exponentials are p times `total`, so the factors are divided by it.
        scale = 1 / (total * temperature)
        chosen = total.reciprocal().squeeze(1)
        offset = (to_mean * mean).sum(1) + to_chosen * chosen + to_silent * hushed
        factor, shift = to_mean * scale, -offset[:, None] * scale
        result = _empty_like(logits) if kept is None else kept
        quiet = _exponentials(logits.index_select(1, silent), largest, temperature) * (to_silent[:, None] * scale)
        step = _COLUMNS * (_GPU_PIECES if logits.is_cuda else 1)
        for start in range(0, logits.shape[1], step):
            columns = slice(start, start + step)
            slopes = torch.addmm(shift, factor, table[columns].T)
            if kept is None:
                weights = _exponentials(logits[:, columns], largest, temperature)
                result[:, columns] = slopes.mul_(weights)
            else:
                result[:, columns].mul_(slopes)
        result.index_add_(1, silent, quiet.to(result.dtype))
        ones = (to_chosen * chosen / temperature).to(result.dtype)
        result.scatter_add_(1, likeliest.clamp_min(0)[:, None], ones[:, None])
        return result, None, None, None, None


def _exponentials(
    logits: torch.Tensor, largest: torch.Tensor, temperature: float, out: torch.Tensor | None = None
) -> torch.Tensor:
    """Return exp((logits - largest) / temperature) in the type of `largest`. *Shape:* as `logits`."""
    result = torch.sub(logits, largest, out=out)
    if temperature != 1:
        result /= temperature
    return result.exp_()


def _largest(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest logit of each row and its index. *Shape:* (rows,) each."""
    size = logits.shape[1]
    if size < 2 * _BLOCK:
        return logits.max(1)
    whole = size // _BLOCK * _BLOCK
    tops = logits[:, :whole].unflatten(1, (-1, _BLOCK)).amax(2)  # type: ignore[no-untyped-call]
    # The last block overlaps the one before it, so that all are of one size.
    tops = torch.cat([tops, logits[:, size - _BLOCK :].amax(1, keepdim=True)], dim=1)
    largest, block = tops.max(1)
    columns = (block * _BLOCK).clamp_max(size - _BLOCK)[:, None] + torch.arange(_BLOCK, device=logits.device)
    inner = logits.gather(1, columns).argmax(1, keepdim=True)
    return largest, columns.gather(1, inner).squeeze(1)


def _empty_like(logits: torch.Tensor) -> torch.Tensor:
    """Return an uninitialized tensor of the shape and type of `logits`, on a CPU in NumPy's memory.

    NumPy asks for huge pages, torch does not: the first write to 50 MB takes 7 ms instead of 33.
    """
    if logits.device.type == "cpu" and logits.dtype in (torch.float32, torch.float64):
        dtype = np.float32 if logits.dtype == torch.float32 else np.float64
        return torch.from_numpy(np.empty(tuple(logits.shape), dtype))
    return torch.empty_like(logits, memory_format=torch.contiguous_format)
