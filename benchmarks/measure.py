"""Measuring: alternating runs of several ways to do one thing, peaks of matrix
products, costs of fresh processes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
# Products per measurement, so that one takes a while.
_REPEATS = 4
# The up-projection of a RoBERTa-base layer.
_INNER, _COLUMNS = 768, 3072
_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        model: what is run.
        variant: how.
        rate: texts (or pairs) per CPU-second, on a GPU per second; the median of the
            rounds.
        ratio: rate over the first variant's, the median over rounds that run both.
        low, high: least and largest of these ratios.
        max_dp: largest difference of a probability from the first variant's; None where
            they are other models, and in lower precision, of which random weights say
            nothing.
        flips: texts on the other side of .5 than by the first variant; None as above.
        share: of the machine's measured peak for matrix products of that type, counting
            unpadded tokens only.
    """

    model: str
    variant: str
    rate: float
    ratio: float
    low: float
    high: float
    max_dp: float | None = None
    flips: int | None = None
    share: float | None = None


@dataclass
class Results:
    """What a benchmark found: the machine, the rows, and single figures by name."""

    machine: str
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Measure what `work` costs: CPU-seconds of this process, or on a GPU wall-clock
    seconds until it has finished.
    """
    if device.type != "cuda":
        start = time.process_time()
        work()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def alternate(
    variants: Mapping[str, Callable[[], object]], rounds: int, device: torch.device
) -> dict[str, np.ndarray]:
    """Measure seconds of each variant in each round, in turn, because the machine's
    speed changes; a first round is not counted.

    Returns:
        By variant. *Shape:* (rounds,)
    """
    times = {name: np.zeros(rounds) for name in variants}
    for turn in range(-1, rounds):
        for name, work in variants.items():
            took = seconds(work, device)
            if turn >= 0:
                times[name][turn] = took
    return times


def rows(
    model: str,
    count: int,
    times: Mapping[str, np.ndarray],
    **more: Mapping[str, float | int | None],
) -> list[Row]:
    """Make rows from `alternate`'s times; the first variant is the baseline.

    Args:
        model: the first column.
        count: texts a run.
        times: seconds by variant.
        **more: further fields of `Row`, each by variant.
    """
    baseline = next(iter(times.values()))
    made = []
    for name, own in times.items():
        # Round by round, because the machine's speed changes between rounds.
        ratios = baseline / own
        extra = {key: values.get(name) for key, values in more.items()}
        row = Row(
            model,
            name,
            rate=count / float(np.median(own)),
            ratio=float(np.median(ratios)),
            low=float(ratios.min()),
            high=float(ratios.max()),
            **extra,
        )
        made.append(row)
    return made


def peaks(device: torch.device, size: int = 1024) -> dict[str, float]:
    """Measure GFLOP/s of a (size, 768) by (768, 3072) product: by `torch.nn.Linear` in
    each type, by oneDNN on a CPU.
    """
    from toxicity_j.cpu_linear import OneDNNLinear, can_use_onednn

    found = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        layer = torch.nn.Linear(_INNER, _COLUMNS, device=device, dtype=dtype)
        states = torch.randn(size, _INNER, device=device, dtype=dtype)
        found[f"torch {name}"] = _layer_rate(layer, states)
        if can_use_onednn(device, dtype):
            found[f"oneDNN {name}"] = _layer_rate(OneDNNLinear(layer), states)
    return found


@torch.inference_mode()
def _layer_rate(
    layer: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor
) -> float:
    def work() -> None:
        for _ in range(_REPEATS):
            layer(states)

    best = min(seconds(work, states.device) for _ in range(8))
    # A product multiplies and adds.
    flop = _REPEATS * 2 * len(states) * _INNER * _COLUMNS
    return flop / best / 1e9


def best_peak(found: Mapping[str, float], dtype: str) -> float:
    """Return the largest of the peaks measured for a type."""
    ending = f" {dtype}"
    return max(found[label] for label in found if label.endswith(ending))


def in_fresh_process(code: str) -> dict[str, float]:
    """Run Python code in a process of its own; it prints one JSON object last.

    Raises:
        RuntimeError: the code failed; its last words are in the message.
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        *_, message = done.stderr.strip().splitlines()
        raise RuntimeError(f"a measured process failed: {message}")
    # Libraries may print before.
    *_, answer = done.stdout.strip().splitlines()
    return json.loads(answer)


def blas() -> str:
    """Name what PyTorch's own matrix products use, and the oneDNN that it was built
    with.
    """
    settings = torch.__config__.show()
    found = re.search(r"BLAS_INFO=(\w+)", settings)
    onednn = re.search(r"oneDNN\)? v?([\d.]+)|MKL-DNN v([\d.]+)", settings)
    name = "unknown"
    if found:
        name = found[1].upper()
    if onednn:
        name += f", oneDNN {onednn[1] or onednn[2]}"
    return name


def gpu(*, small: bool) -> torch.device:
    """Return the first CUDA device; without one the CPU, if the run is small.

    Raises:
        SystemExit: there is none, and the run is not small.
    """
    if torch.cuda.is_available():
        return torch.device("cuda:0")
    if not small:
        raise SystemExit(
            "--gpu needs a CUDA device, and this machine has none (--small: a dry run"
            " on the CPU)"
        )
    return torch.device("cpu")


def machine(device: torch.device) -> str:
    """Return the processor's name and what runs on it."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        capability = torch.backends.cpu.get_cpu_capability()
        name = f"{_processor()}, one thread, {capability}"
    return f"{name}; torch {torch.__version__}"


def _processor() -> str:
    """Name the processor, with its family and model where Linux says them."""
    fields: dict[str, str] = {}
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            fields[key.strip()] = " ".join(value.split())
    name = fields.get("model name", "unknown processor")
    if "cpu family" in fields:
        name += f", family {fields['cpu family']}"
    # Virtual machines often hide the name, but not these numbers.
    if "model" in fields:
        name += f" model {fields['model']}"
    return name
