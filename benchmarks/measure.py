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
from functools import partial
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
_REPEATS = 4


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
    """Seconds of each variant in each round, in turn, for the machine's mood changes; a
    first round is not counted.

    Returns:
        By variant. *Shape:* (rounds,)
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds + 1):
        for name, work in variants.items():
            times[name].append(seconds(work, device))
    return {name: np.array(values[1:]) for name, values in times.items()}


def rows(
    model: str,
    count: int,
    times: Mapping[str, np.ndarray],
    **more: Mapping[str, float | int | None],
) -> list[Row]:
    """Rows from `alternate`'s times; the first variant is what the others are compared
    with.

    Args:
        model: the first column.
        count: texts a run.
        times: seconds by variant.
        **more: further fields of `Row`, each by variant.
    """
    baseline = next(iter(times.values()))
    made = []
    for name, own in times.items():
        ratios = baseline / own
        extra = {key: values.get(name) for key, values in more.items()}
        rate = count / float(np.median(own))
        made.append(
            Row(
                model,
                name,
                rate,
                float(np.median(ratios)),
                float(ratios.min()),
                float(ratios.max()),
                **extra,
            )
        )
    return made


def peaks(device: torch.device, size: int = 1024) -> dict[str, float]:
    """GFLOP/s of a (size, 768) by (768, 3072) product: by `torch.nn.Linear` in each
    type, by oneDNN on a CPU.
    """
    from toxicity_j.cpu_linear import OneDNNLinear, can_use_onednn

    found = {}
    for name, dtype in {"float32": torch.float32, "bfloat16": torch.bfloat16}.items():
        layer = torch.nn.Linear(768, 3072, device=device, dtype=dtype)
        states = torch.randn(size, 768, device=device, dtype=dtype)
        layers = {f"torch {name}": layer}
        if can_use_onednn(device, dtype):
            layers[f"oneDNN {name}"] = OneDNNLinear(layer)
        with torch.inference_mode():
            for label, kind in layers.items():
                times = [
                    seconds(partial(_repeat, kind, states), device) for _ in range(8)
                ]
                found[label] = _REPEATS * 2 * size * 768 * 3072 / min(times) / 1e9
    return found


def _repeat(
    layer: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor
) -> None:
    for _ in range(_REPEATS):
        layer(states)


def best_peak(found: Mapping[str, float], dtype: str) -> float:
    """Return the largest of the peaks measured for a type."""
    return max(value for label, value in found.items() if label.endswith(f" {dtype}"))


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
        raise RuntimeError(
            f"a measured process failed: {done.stderr.strip().splitlines()[-1]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def blas() -> str:
    """Name what PyTorch's own matrix products use, and the oneDNN that it was built
    with.
    """
    settings = torch.__config__.show()
    found = re.search(r"BLAS_INFO=(\w+)", settings)
    onednn = re.search(r"oneDNN\)? v?([\d.]+)|MKL-DNN v([\d.]+)", settings)
    version = "" if onednn is None else f", oneDNN {onednn[1] or onednn[2]}"
    return f"{found[1].upper() if found else 'unknown'}{version}"


def machine(device: torch.device) -> str:
    """Return the processor's name and what runs on it."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        lines = (
            Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if Path("/proc/cpuinfo").exists()
            else []
        )
        fields = dict(
            line.replace("\t", "").split(":", 1) for line in lines if ":" in line
        )
        name = " ".join(fields.get("model name", "unknown processor").split())
        family = (
            f", family {fields['cpu family'].strip()}" if "cpu family" in fields else ""
        )
        family += f" model {fields['model'].strip()}" if "model" in fields else ""
        name = f"{name}{family}, one thread, {torch.backends.cpu.get_cpu_capability()}"
    return f"{name}; torch {torch.__version__}"
