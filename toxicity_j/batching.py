"""Run a model over a corpus of short texts, as every scorer of this package does.

Equal texts are scored once, batches hold texts of similar length under a budget of
tokens, the next texts are tokenized while the model runs, order is restored, and a
batch that does not fit in memory is halved. What a token means to a model is decided by
the caller.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch

from .model_interface import Progress
from .token_batches import deduplicate, token_batches

__all__ = [
    "CPU_TOKENS",
    "GPU_TOKENS",
    "default_token_budget",
    "run_batched",
]

logger = logging.getLogger("toxicity_j")

Item = TypeVar("Item", bound=Hashable)
Encoded = TypeVar("Encoded")

# Tokens in one batch. A CPU core is busy from a few hundred on, and more only spills
# its caches; a GPU wants far more (docs/speed.md).
CPU_TOKENS = 2048
GPU_TOKENS = 32768

# Texts tokenized, sorted and held at once. Large enough to group texts of equal length,
# small enough to bound memory.
WINDOW = 8192
# On a GPU, small enough that most of a call's texts are tokenized while the GPU works
# on those before.
GPU_WINDOW = 2048

# How a CPU says that memory ran out: only in the text of a RuntimeError. The last is
# oneDNN's way.
_OUT_OF_MEMORY = (
    "allocate memory",
    "not enough memory",
    "could not create a primitive",
)


def default_token_budget(device: torch.device) -> int:
    """Return the tokens of one batch that keep `device` busy."""
    if device.type == "cuda":
        return GPU_TOKENS
    return CPU_TOKENS


def run_batched(
    items: Sequence[Item],
    encode: Callable[[list[Item]], Sequence[Encoded]],
    forward: Callable[[list[Encoded]], torch.Tensor],
    *,
    token_budget: int,
    batch_size: int | None = None,
    equal_lengths: bool = False,
    length: Callable[[Encoded], int] = len,  # type: ignore[assignment]
    progress: Progress = None,
) -> torch.Tensor:
    """Score a corpus: encode, batch, forward, restore the order.

    Args:
        items: what is scored, texts as a rule; equal ones are scored once.
        encode: turns items into token ids (or whatever `forward` takes), one for one.
            May run in another thread, never in two at once.
        forward: scores encoded items, longest first; row i of its result belongs to
            item i. *Shape:* (batch, ...)
        token_budget: see `token_batches`; `default_token_budget` knows a good one.
        batch_size: see `token_batches`.
        equal_lengths: see `token_batches`.
        length: tokens of one encoded item.
        progress: a tqdm-like class; called with `total`, entered, told by `update(n)`.

    Returns:
        What `forward` gave, in the order of `items`, on the CPU. *Shape:* (n, ...)
    """
    distinct, inverse = deduplicate(items)
    if not distinct:
        return torch.empty(0)
    results, orders, done = [], [], 0
    with torch.inference_mode(), _bar(progress, len(distinct)) as shown:
        for encoded in _encoded_windows(distinct, encode, _window(token_budget)):
            lengths = [length(item) for item in encoded]
            batches = token_batches(
                lengths, token_budget, batch_size, equal_lengths=equal_lengths
            )
            outputs = _run_batches(forward, encoded, batches, shown)
            results.append(_to_host(outputs))
            orders.append(np.argsort(np.concatenate(batches)) + done)
            done += len(encoded)
        # The copies to the CPU did not wait for the GPU; whoever reads them must.
        if outputs.is_cuda:
            torch.cuda.synchronize(outputs.device)
    restored = np.concatenate(orders)[inverse]
    return torch.cat(results)[torch.from_numpy(restored)]


def _run_batches(
    forward: Callable[[list[Encoded]], torch.Tensor],
    encoded: Sequence[Encoded],
    batches: list[np.ndarray],
    bar: Any,
) -> torch.Tensor:
    """Run the batches of one window, one after another. *Shape:* (window, ...)."""
    outputs = []
    for batch in batches:
        chosen = [encoded[index] for index in batch]
        outputs.append(_forward_within_memory(forward, chosen))
        if bar is not None:
            bar.update(len(batch))
    return torch.cat(outputs)


def _window(token_budget: int) -> int:
    """Return how many texts are tokenized at once; a GPU is told by its budget."""
    if token_budget >= GPU_TOKENS:
        return GPU_WINDOW
    return WINDOW


def _bar(progress: Progress, total: int) -> contextlib.AbstractContextManager[Any]:
    if progress is None:
        return contextlib.nullcontext()
    bar: contextlib.AbstractContextManager[Any] = progress(total=total)
    return bar


def _to_host(outputs: torch.Tensor) -> torch.Tensor:
    """Copy outputs to the CPU, from a GPU without waiting for it."""
    return outputs.to("cpu", non_blocking=outputs.is_cuda)


def _encoded_windows(
    items: list[Item], encode: Callable[[list[Item]], Sequence[Encoded]], window: int
) -> Iterator[Sequence[Encoded]]:
    """Encode `window` items at a time, one window ahead of the model."""
    windows = [items[start : start + window] for start in range(0, len(items), window)]
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


def _forward_within_memory(
    forward: Callable[[list[Encoded]], torch.Tensor], batch: list[Encoded]
) -> torch.Tensor:
    """Run one batch, in halves when memory does not hold it whole."""
    try:
        return forward(batch)
    except (MemoryError, RuntimeError) as error:
        if len(batch) == 1 or not _is_out_of_memory(error):
            raise
    _warn_of_halving()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(batch) // 2
    longer = _forward_within_memory(forward, batch[:middle])
    shorter = _forward_within_memory(forward, batch[middle:])
    return torch.cat([longer, shorter])


@functools.cache
def _warn_of_halving() -> None:
    """Say once per process that memory ran out."""
    logger.warning(
        "memory ran out: batches are halved until they fit; a lower `batch_size` saves"
        " the attempts"
    )


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error)
    return any(words in message for words in _OUT_OF_MEMORY)
