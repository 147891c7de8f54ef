"""Devices and number formats: which exist here, how arrays get there, and when reduced
precision is not trusted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

import numpy as np
import torch

from .model_interface import Mark, Scored

__all__ = [
    "DTYPES",
    "Device",
    "Precision",
    "pad_right",
    "resolve_device",
    "resolve_dtype",
    "to_device",
]

Network = TypeVar("Network")

# What a user may give as a device.
Device: TypeAlias = str | torch.device | None

# int8 is not among them: on the CPUs measured it lost to bfloat16 (docs/speed.md).
DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

_COMPUTING = ("cpu", "cuda", "mps", "xpu")


def resolve_device(device: Device = None) -> torch.device:
    """Return the device asked for; CUDA, else MPS, else the CPU when none is.

    Raises:
        TypeError: `device` is not a string or a `torch.device`.
        ValueError: `device` is unknown, or not present on this machine.
    """
    if device is None:
        return _best_device()
    if not isinstance(device, str | torch.device):
        raise TypeError(
            f"`device` must be a string such as 'cpu' or 'cuda:0'; got {device!r}"
        )
    message = (
        "`device` must be a device of this machine, such as 'cpu' or 'cuda:0'; got"
        f" {str(device)!r}"
    )
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"{message} ({error})") from error
    # "meta" allocates everywhere and computes nothing.
    if resolved.type not in _COMPUTING:
        raise ValueError(message)
    return resolved


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def resolve_dtype(dtype: str) -> torch.dtype:
    """Return the torch type of a name in `DTYPES`.

    Raises:
        TypeError: `dtype` is not a string.
        ValueError: `dtype` is not one of the names.
    """
    if not isinstance(dtype, str):
        raise TypeError(
            f"`dtype` must be a string, one of {sorted(DTYPES)}; got {dtype!r}"
        )
    if dtype not in DTYPES:
        raise ValueError(f"`dtype` must be one of {sorted(DTYPES)}; got {dtype!r}")
    return DTYPES[dtype]


def pad_right(
    rows: Sequence[Sequence[int]], padding: int
) -> tuple[np.ndarray, np.ndarray]:
    """Put rows of ids side by side, and say what is an id: 1, and 0 what is padding.

    *Shape:* (rows, longest), twice.
    """
    lengths = np.array([len(row) for row in rows])
    is_id = np.arange(lengths.max()) < lengths[:, None]
    padded = np.full(is_id.shape, padding, dtype=np.int64)
    padded[is_id] = np.concatenate(rows)
    return padded, is_id.astype(np.int64)


def to_device(arrays: Sequence[np.ndarray], device: torch.device) -> list[torch.Tensor]:
    """Copy arrays to a device as tensors; copies to a GPU do not wait for it."""
    tensors = [torch.from_numpy(array) for array in arrays]
    if device.type == "cuda":
        return [tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors]
    return [tensor.to(device) for tensor in tensors]


class Precision(Generic[Network]):
    """Hold a network in a number format and, once needed, its float32 twin.

    Rounding to bfloat16 can put a score on the wrong side of a hard decision. Scores
    near a decision are computed again in float32, so hard results are those of float32.

    Attributes:
        dtype: the name of the format, a key of `DTYPES`; it is part of the signature.
        network: the network in that format.

    Args:
        load: returns the network in a torch type.
        dtype: a key of `DTYPES`.

    Raises:
        ValueError: `dtype` is not one of the names.
    """

    def __init__(self, load: Callable[[torch.dtype], Network], dtype: str) -> None:
        self.dtype = dtype
        self._load = load
        self.network = load(resolve_dtype(dtype))
        self._float32: Network | None = None
        if dtype == "float32":
            self._float32 = self.network

    @property
    def float32(self) -> Network:
        """The network in float32; loaded on first use."""
        if self._float32 is None:
            self._float32 = self._load(torch.float32)
        return self._float32

    def guarded(
        self,
        count: int,
        run: Callable[[Network, np.ndarray], Scored],
        is_borderline: Mark | None,
    ) -> Scored:
        """Score rows, those near a decision in float32.

        Args:
            count: the number of rows.
            run: scores the rows of the given indices with a network. *Shape:* (m,) to
                (m, ...)
            is_borderline: marks the scores that rounding could have put on the wrong
                side of a decision, as bool. *Shape:* (n, ...) to (n,). Not asked in
                float32, nor when there is no decision (None).

        Returns:
            The scores of all rows. *Shape:* (n, ...)
        """
        scored = run(self.network, np.arange(count))
        if self.dtype == "float32" or is_borderline is None:
            return scored
        borderline = np.flatnonzero(is_borderline(scored.values))
        if len(borderline) == 0:
            return scored
        exact = run(self.float32, borderline)
        scored.values[borderline] = exact.values
        # The second run reads some of the same texts again, so its truncated ones are
        # counted already.
        return scored


def _use_one_thread() -> None:
    """Let torch compute without OpenMP's pool of threads."""
    # The pool is lost in a fork: waiting for it would never end.
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
