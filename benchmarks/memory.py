"""How much memory some work takes at its peak."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["peak_bytes"]


def peak_bytes(work: Callable[[], object], device: torch.device) -> int | None:
    """Return the most memory that `work` holds beyond what was there before; on a CPU
    None where Linux does not say.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    gc.collect()
    try:
        # Sets the peak of the resident set to its present size (man 5 proc).
        Path("/proc/self/clear_refs").write_text("5")
        before = status_bytes("VmRSS")
        work()
        return status_bytes("VmHWM") - before
    except OSError:
        return None


def status_bytes(name: str) -> int:
    """Read a size of this process that Linux keeps in kB."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")
