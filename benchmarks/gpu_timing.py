"""Seconds of the clock on a GPU, and its peak for matrix products."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch

from toxicity_j.devices import DTYPES

__all__ = ["fastest", "peaks", "seconds"]

# Products per measurement, so that one takes a while.
_REPEATS = 8


def peaks(
    device: torch.device, products: Sequence[tuple[int, int, int]]
) -> dict[str, float]:
    """Measure TFLOP/s of matrix products by number format; the largest over a few
    shapes.
    """
    found = {}
    for name in ("bfloat16", "float32"):
        rates = [_product_rate(device, DTYPES[name], *sizes) for sizes in products]
        found[name] = max(rates)
    return found


def _product_rate(
    device: torch.device, dtype: torch.dtype, rows: int, inner: int, columns: int
) -> float:
    first = torch.randn(rows, inner, device=device).to(dtype)
    second = torch.randn(inner, columns, device=device).to(dtype)

    def multiply() -> None:
        for _ in range(_REPEATS):
            torch.matmul(first, second)

    best = fastest(multiply, device, 4)
    flop = _REPEATS * 2 * rows * inner * columns
    return flop / best / 1e12


def fastest(work: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Return the least seconds of a few runs, as other work only adds to them."""
    return min(seconds(work, device) for _ in range(rounds))


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Measure seconds of the clock, to the end of what a GPU was given to do."""
    _finish(device)
    start = time.perf_counter()
    work()
    _finish(device)
    return time.perf_counter() - start


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
