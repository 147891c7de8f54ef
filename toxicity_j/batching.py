"""Run a model over a corpus of short texts: what every scorer of this package shares.

Equal texts are scored once, batches hold texts of similar length under a budget of tokens, the next texts are
tokenized while the model runs, order is restored, and a batch that does not fit in memory is halved. What a token means
to a model is decided by the caller.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

logger = logging.getLogger("toxicity_j")

Item = TypeVar("Item", bound=Hashable)
Encoded = TypeVar("Encoded")

# Tokens in one batch. A CPU core is busy from a few hundred on, and more only spills its caches; a GPU wants far more
# (docs/speed.md).
CPU_TOKENS = 2048
GPU_TOKENS = 32768

# Texts tokenized, sorted and held at once. Large enough to group texts of equal length, small enough to bound memory.
WINDOW = 8192
# On a GPU, small enough that most of a call's texts are tokenized while the GPU works on those before.
GPU_WINDOW = 2048

# How a CPU says that memory ran out: only in the text of a RuntimeError. The last is oneDNN's way.
_OUT_OF_MEMORY = ("allocate memory", "not enough memory", "could not create a primitive")


@dataclass(frozen=True)
class Scored:
    """What a model says of texts, checked: every value is a finite number.

    Attributes:
        values: one row per text or pair. *Shape:* (n, ...)
        truncated: how many distinct texts the model did not read to their end.
    """

    values: np.ndarray
    truncated: int = 0

    @classmethod
    def checked(cls, values: np.ndarray, truncated: int, items: Sequence[Any], model: str) -> Scored:
        """Return the scores if each one is a finite number.

        Args:
            values: *Shape:* (n, ...)
            truncated: see `Scored`.
            items: the n texts or pairs, for the message.
            model: what gave the values, for the message.

        Raises:
            ValueError: a value is infinite or not a number; the model and the first such text are named.
        """
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            first = int(np.flatnonzero(~finite)[0])
            bad = np.asarray(values[first]).tolist()
            raise ValueError(
                f"{model} gave scores that are not finite: {bad}, first for the text {items[first]!r:.200}"
            )
        return cls(values, truncated)


def default_token_budget(device: torch.device) -> int:
    """Return the tokens of one batch that keep `device` busy."""
    return GPU_TOKENS if device.type == "cuda" else CPU_TOKENS


def deduplicate(items: Sequence[Item]) -> tuple[list[Item], np.ndarray]:
    """Return the distinct items in order of first appearance, and the index among them of each item.

    *Shape:* (n,), int64, of the second.
    """
    indices: dict[Item, int] = {}
    inverse = np.fromiter((indices.setdefault(item, len(indices)) for item in items), dtype=np.int64, count=len(items))
    return list(indices), inverse


def token_batches(
    lengths: Sequence[int], token_budget: int, batch_size: int | None = None, *, equal_lengths: bool = False
) -> list[np.ndarray]:
    """Cut a corpus into batches of similar length.

    Args:
        lengths: tokens of each text.
        token_budget: most tokens of a batch, padding included (texts x longest); a longer text is a batch of its own.
        batch_size: most texts of a batch; no such limit when None.
        equal_lengths: no batch holds texts of different lengths, so nothing has to be padded.

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


def run_batched(
    items: Sequence[Item],
    encode: Callable[[list[Item]], Sequence[Encoded]],
    forward: Callable[[list[Encoded]], torch.Tensor],
    *,
    token_budget: int,
    batch_size: int | None = None,
    equal_lengths: bool = False,
    length: Callable[[Encoded], int] = len,  # type: ignore[assignment]
    progress: Callable[..., Any] | None = None,
) -> torch.Tensor:
    """Score a corpus: encode, batch, forward, restore the order.

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
    distinct, inverse = deduplicate(items)
    if not distinct:
        return torch.empty(0)
    results, orders, done = [], [], 0
    bar = contextlib.nullcontext() if progress is None else progress(total=len(distinct))
    with torch.inference_mode(), bar as shown:
        window = GPU_WINDOW if token_budget >= GPU_TOKENS else WINDOW
        for encoded in _encoded_windows(distinct, encode, window):
            batches = token_batches([length(x) for x in encoded], token_budget, batch_size, equal_lengths=equal_lengths)
            outputs = []
            for batch in batches:
                outputs.append(_forward_within_memory(forward, [encoded[i] for i in batch]))
                if shown is not None:
                    shown.update(len(batch))
            results.append(_to_host(torch.cat(outputs)))
            orders.append(np.argsort(np.concatenate(batches)) + done)
            done += len(encoded)
        if outputs[0].is_cuda:
            torch.cuda.synchronize(outputs[0].device)
    restored = torch.from_numpy(np.concatenate(orders)[inverse])
    return torch.cat(results)[restored]


def _to_host(outputs: torch.Tensor) -> torch.Tensor:
    """Copy outputs to the CPU; from a GPU without waiting, into pinned memory, to be read after a synchronization."""
    return outputs.to("cpu", non_blocking=True) if outputs.is_cuda else outputs.cpu()


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


def _forward_within_memory(forward: Callable[[list[Encoded]], torch.Tensor], batch: list[Encoded]) -> torch.Tensor:
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
    return torch.cat([_forward_within_memory(forward, half) for half in (batch[:middle], batch[middle:])])


@functools.cache
def _warn_of_halving() -> None:
    """Say once per process that memory ran out."""
    logger.warning("memory ran out: batches are halved until they fit; a lower `batch_size` saves the attempts")


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether torch ran out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _OUT_OF_MEMORY)
