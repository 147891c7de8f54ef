"""Running a model over a corpus of short texts: what every scorer of this package shares.

Identical texts are scored once, batches hold texts of like length under a budget of tokens, the next texts are
tokenised while the model runs, order is restored, and a batch that does not fit in memory is halved. What a token
means to a model is the caller's affair.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

Item = TypeVar("Item", bound=Hashable)
Encoded = TypeVar("Encoded", bound=Sequence)

# int8 is not among them: on the CPUs measured it lost to bfloat16 (docs/speed.md).
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# Tokens in one batch. A CPU core is busy from a few hundred on, and more only spills its caches; a GPU wants far more
# (docs/speed.md).
CPU_TOKENS = 2048
GPU_TOKENS = 32768

# Texts tokenised, sorted and held at once: enough for equal lengths to meet, little enough for memory not to follow
# the corpus.
WINDOW = 8192


def resolve_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for; when none is, CUDA, else MPS, else the CPU.

    Raises:
        ValueError: `device` is unknown, or not present on this machine.
    """
    if device is None:
        mps = torch.backends.mps.is_available()
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        message = f"`device` must be a device of this machine, such as 'cpu' or 'cuda:0'; got {device!r} ({error})"
        raise ValueError(message) from error
    return resolved


def resolve_dtype(dtype: str) -> torch.dtype:
    """The torch type of a name in `DTYPES`.

    Raises:
        ValueError: `dtype` is none of them.
    """
    if dtype not in DTYPES:
        raise ValueError(f"`dtype` must be one of {sorted(DTYPES)}; got {dtype!r}")
    return DTYPES[dtype]


def default_token_budget(device: torch.device) -> int:
    """Tokens in one batch that keep `device` busy."""
    return GPU_TOKENS if device.type == "cuda" else CPU_TOKENS


def unique(items: Sequence[Item]) -> tuple[list[Item], np.ndarray]:
    """The distinct items in order of first appearance, and for each item its place among them (int64, shape (n,))."""
    places: dict[Item, int] = {}
    inverse = np.fromiter((places.setdefault(item, len(places)) for item in items), dtype=np.int64, count=len(items))
    return list(places), inverse


def token_batches(
    lengths: Sequence[int], token_budget: int, batch_size: int | None = None, *, equal_lengths: bool = False
) -> list[np.ndarray]:
    """Cuts a corpus into batches of like length.

    Args:
        lengths: tokens of each text.
        token_budget: most tokens of a batch, padding included (texts x longest); a longer text is a batch of its own.
        batch_size: most texts of a batch; no such limit when None.
        equal_lengths: no batch holds texts of different lengths, so that nothing need be padded.

    Returns:
        int64 arrays of indices, from the longest texts to the shortest: what needs most memory is tried first.

    Raises:
        ValueError: `token_budget` or `batch_size` is below 1.
    """
    for name, value in (("token_budget", token_budget), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1; got {value}")
    values = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-values, kind="stable")
    batches, start = [], 0
    while start < len(order):
        size = max(1, token_budget // max(1, int(values[order[start]])))
        size = size if batch_size is None else min(size, batch_size)
        batch = order[start : start + size]
        if equal_lengths:
            batch = batch[values[batch] == values[batch[0]]]
        batches.append(batch)
        start += len(batch)
    return batches


def packed_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Attention of each segment to itself, for segments that lie one after another without padding.

    Neighbours of equal length are attended to in one call, so sort the segments by length.

    Args:
        query: *Shape:* (tokens, heads, dim); `key` and `value` alike.
        lengths: tokens of each segment, in their order; they sum to tokens.

    Returns:
        *Shape:* (tokens, heads, dim).
    """
    outputs, start = [], 0
    for length, group in groupby(lengths):
        end = start + length * sum(1 for _ in group)
        q, k, v = (x[start:end].unflatten(0, (-1, length)).transpose(1, 2) for x in (query, key, value))
        outputs.append(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(0, 1))
        start = end
    return torch.cat(outputs)


def run(
    items: Sequence[Item],
    encode: Callable[[list[Item]], Sequence[Encoded]],
    forward: Callable[[list[Encoded]], torch.Tensor],
    *,
    token_budget: int,
    batch_size: int | None = None,
    equal_lengths: bool = False,
    length: Callable[[Encoded], int] = len,
    progress: Callable[..., Any] | None = None,
) -> torch.Tensor:
    """Scores a corpus: encode, batch, forward, restore the order.

    Args:
        items: what is scored, texts as a rule; equal ones are scored once.
        encode: turns items into token ids (or whatever `forward` takes), one for one. May run in another thread, never
            in two at once.
        forward: scores encoded items, longest first; row i of its result belongs to item i. *Shape:* (batch, ...)
        token_budget: see `token_batches`; `default_token_budget` knows a good one.
        batch_size: see `token_batches`.
        equal_lengths: see `token_batches`.
        length: tokens of one encoded item.
        progress: a tqdm-like class; called with `total` (the number of distinct items), entered, told by `update(n)`.

    Returns:
        What `forward` gave, in the order of `items`, on the CPU. *Shape:* (n, ...), or (0,) for no items.
    """
    distinct, inverse = unique(items)
    if not distinct:
        return torch.empty(0)
    results = []
    bar = contextlib.nullcontext() if progress is None else progress(total=len(distinct))
    with torch.inference_mode(), bar as shown:
        for encoded in _encoded_windows(distinct, encode):
            batches = token_batches([length(x) for x in encoded], token_budget, batch_size, equal_lengths=equal_lengths)
            outputs = []
            for batch in batches:
                outputs.append(_forward_within_memory(forward, [encoded[i] for i in batch]))
                if shown is not None:
                    shown.update(len(batch))
            order = np.concatenate(batches)
            # One copy a window, so that a GPU is waited for once in some thousand texts.
            results.append(torch.cat(outputs).cpu()[torch.from_numpy(np.argsort(order))])
    return torch.cat(results)[torch.from_numpy(inverse)]


def _encoded_windows(
    items: list[Item], encode: Callable[[list[Item]], Sequence[Encoded]]
) -> Iterator[Sequence[Encoded]]:
    """Encodes `WINDOW` items at a time, one window ahead of the model."""
    windows = [items[start : start + WINDOW] for start in range(0, len(items), WINDOW)]
    if len(windows) == 1:
        yield encode(windows[0])
        return
    with ThreadPoolExecutor(max_workers=1) as ahead:
        pending = ahead.submit(encode, windows[0])
        for following in [*windows[1:], None]:
            encoded = pending.result()
            if following is not None:
                pending = ahead.submit(encode, following)
            yield encoded


def _forward_within_memory(forward: Callable[[list[Encoded]], torch.Tensor], batch: list[Encoded]) -> torch.Tensor:
    """Runs one batch, in halves when memory does not hold it whole."""
    try:
        return forward(batch)
    except (MemoryError, RuntimeError) as error:
        if len(batch) == 1 or not _is_out_of_memory(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(batch) // 2
    return torch.cat([_forward_within_memory(forward, half) for half in (batch[:middle], batch[middle:])])


def _is_out_of_memory(error: Exception) -> bool:
    """Whether torch ran out of memory; on a CPU it says so only in the text of a RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "allocate memory" in str(error) or "not enough memory" in str(error)
