"""The mean of table rows under a softmax, for large vocabularies and many positions.

softmax(logits) @ table as one autograd function. On a CPU its probabilities become the
gradient in place; on a GPU they are computed again. So there is never more than one
copy of the logits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

# Rows per piece where probabilities are not kept, and columns per piece of the backward
# pass: 2,048 columns of 384 rows fit a CPU's cache, a GPU takes more. Timed by `python
# -m benchmarks.loss`.
_ROWS = 1024
_COLUMNS = 2048
_GPU_PIECES = 8
# Columns per block where the largest logit is looked for: a maximum without its index
# is thrice as quick on a CPU.
_BLOCK = 64
# Written in place of the likeliest token of a row that is not a distribution. Both are
# negative, and -1 is left for rows that the mask leaves out.
NOT_FINITE = -2
NEGATIVE = -3


class Expectation(NamedTuple):
    """What a softmax says of each row.

    Attributes:
        mean: the expected table row. *Shape:* (rows, dim)
        chosen: the probability of the likeliest token. *Shape:* (rows,)
        silent: the probability of all silent tokens together. *Shape:* (rows,)
        likeliest: that token; `NOT_FINITE` where the row holds NaN or +inf, or nothing
            but -inf; `NEGATIVE` where a probability is. *Shape:* (rows,), int64
    """

    mean: torch.Tensor
    chosen: torch.Tensor
    silent: torch.Tensor
    likeliest: torch.Tensor


def expect(
    logits: torch.Tensor,
    table: torch.Tensor,
    silent: torch.Tensor,
    *,
    temperature: float = 1.0,
    hard: bool = False,
) -> Expectation:
    """Return what softmax(logits / temperature) expects of `table`.

    A row of `NOT_FINITE` gets a gradient of zero.

    Args:
        logits: of any floating-point type; computed in the table's. Columns behind
            those of the table count as -inf. *Shape:* (rows, at least vocabulary)
        table: *Shape:* (vocabulary, dim)
        silent: distinct indices of tokens whose joint probability is wanted. *Shape:*
            (silent tokens,)
        temperature: above 0.
        hard: return the values of the likeliest token alone, with the gradient of the
            softmax (straight-through).
    """
    return Expectation(*_Expectation.apply(logits, table, silent, temperature, hard))  # type: ignore[no-untyped-call]


class _Expectation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        table: torch.Tensor,
        silent: torch.Tensor,
        temperature: float,
        hard: bool,
    ) -> tuple[torch.Tensor, ...]:
        size = len(table)
        largest, likeliest = _largest(logits[:, :size])
        kept = None
        # Not in float64, so that a second backward pass over one graph (gradcheck) has
        # the same last bits.
        if logits.device.type == "cpu" and logits.dtype == table.dtype == torch.float32:
            kept = _softmax(logits, size, temperature)
            mean = kept[:, :size] @ table
            chosen = kept.gather(1, likeliest[:, None])
            silent_each = kept.index_select(1, silent)
        else:
            mean, chosen, silent_each = _in_pieces(
                logits[:, :size], table, silent, likeliest, temperature
            )
        chosen, silent_total = chosen.squeeze(1), silent_each.sum(1)
        log_total = largest.to(table.dtype) / temperature - chosen.log()
        likeliest = torch.where(torch.isfinite(chosen), likeliest, NOT_FINITE)
        ctx.save_for_backward(
            logits, table, silent, log_total, mean, chosen, silent_each, likeliest
        )
        ctx.temperature, ctx.kept = temperature, kept
        ctx.mark_non_differentiable(likeliest)
        if hard:
            index = likeliest.clamp_min(0)
            is_silent = torch.isin(index, silent).to(table.dtype)
            return table[index], torch.ones_like(chosen), is_silent, likeliest
        return mean, chosen.clone(), silent_total, likeliest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_mean, to_chosen, to_silent = gradients[:3]
        logits, table, silent, log_total, mean, chosen, silent_each, likeliest = (
            ctx.saved_tensors
        )
        temperature, kept = ctx.temperature, ctx.kept
        # It becomes the gradient in place; another backward pass computes it again.
        ctx.kept = None
        # dL/dlogit_v = p_v (to_mean . table_v + [v chosen] to_chosen + [v silent]
        # to_silent - offset) / temperature
        offset = (
            (to_mean * mean).sum(1)
            + to_chosen * chosen
            + to_silent * silent_each.sum(1)
        )
        factor = to_mean / temperature
        shift = -offset[:, None] / temperature
        result = kept
        size = len(table)
        if result is None:
            result = _empty_like(logits)
            result[:, size:] = 0
        step = _COLUMNS
        if logits.is_cuda:
            step *= _GPU_PIECES
        for start in range(0, size, step):
            columns = slice(start, min(start + step, size))
            slopes = torch.addmm(shift, factor, table[columns].T)
            if kept is None:
                scaled = logits[:, columns].to(table.dtype) / temperature
                probabilities = scaled.sub_(log_total[:, None]).exp_()
                result[:, columns] = slopes.mul_(probabilities)
            else:
                kept[:, columns].mul_(slopes)
        of_silent = silent_each * (to_silent / temperature)[:, None]
        result.index_add_(1, silent, of_silent.to(result.dtype))
        of_chosen = (to_chosen * chosen / temperature)[:, None]
        index = likeliest.clamp_min(0)[:, None]
        result.scatter_add_(1, index, of_chosen.to(result.dtype))
        _zero_rows(result, likeliest < 0)
        return result, None, None, None, None


def _softmax(logits: torch.Tensor, size: int, temperature: float) -> torch.Tensor:
    """Return the softmax of the first columns, and 0 in the others.

    *Shape:* (rows, columns), in and out.
    """
    kept = _empty_like(logits)
    if size == logits.shape[1] and temperature == 1:
        return torch.softmax(logits, 1, out=kept)
    # One copy, whose columns can be ruled out: a view of some columns would be copied
    # again and again.
    torch.div(logits, temperature, out=kept)
    kept[:, size:] = -torch.inf
    return torch.softmax(kept, 1, out=kept)


def _in_pieces(
    logits: torch.Tensor,
    table: torch.Tensor,
    silent: torch.Tensor,
    likeliest: torch.Tensor,
    temperature: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean row, chosen and silent probabilities without keeping all of them.

    On a GPU they cost less to compute again than to keep.
    """
    means, chosen, silent_each = [], [], []
    for start in range(0, len(logits), _ROWS):
        rows = slice(start, start + _ROWS)
        scaled = logits[rows].to(table.dtype) / temperature
        weights = torch.softmax(scaled, 1)
        means.append(weights @ table)
        chosen.append(weights.gather(1, likeliest[rows, None]))
        silent_each.append(weights[:, silent])
    return torch.cat(means), torch.cat(chosen), torch.cat(silent_each)


def _largest(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest logit of each row and its index. *Shape:* (rows,) each."""
    size = logits.shape[1]
    if size < 2 * _BLOCK:
        return logits.max(1)
    whole = size // _BLOCK * _BLOCK
    tops = logits[:, :whole].unflatten(1, (-1, _BLOCK)).amax(2)  # type: ignore[no-untyped-call]
    # The last block overlaps the one before it, so that all are of one size.
    last = logits[:, size - _BLOCK :].amax(1, keepdim=True)
    largest, block = torch.cat([tops, last], dim=1).max(1)
    starts = (block * _BLOCK).clamp_max(size - _BLOCK)
    columns = starts[:, None] + torch.arange(_BLOCK, device=logits.device)
    inner = logits.gather(1, columns).argmax(1, keepdim=True)
    index = columns.gather(1, inner)
    return largest, index.squeeze(1)


def _zero_rows(values: torch.Tensor, is_zero: torch.Tensor) -> None:
    """Set some rows to 0 in place, whatever they hold."""
    if values.device.type == "cpu":
        # By indices 50 MB take at most 4 ms if a third is zeroed; by a mask, 20.
        values.index_fill_(0, is_zero.nonzero().squeeze(1), 0)
        return
    # A GPU would have to wait for the indices.
    values.masked_fill_(is_zero[:, None], 0)


def _empty_like(logits: torch.Tensor) -> torch.Tensor:
    """Return an uninitialized tensor like `logits`, on a CPU in NumPy's memory.

    NumPy asks for huge pages, torch does not: the first write to 50 MB takes 7 ms
    instead of 33.
    """
    if logits.device.type == "cpu" and logits.dtype == torch.float32:
        return torch.from_numpy(np.empty(tuple(logits.shape), np.float32))
    return torch.empty_like(logits, memory_format=torch.contiguous_format)
