"""What a GPU does with a classifier of RoBERTa-base shape: speed, share of the peak,
agreement with the CPU, waits.

Random weights, texts with the lengths of comments, seconds of the clock. `python -m
benchmarks.speed --gpu` runs it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.checkpoints import SHAPES, SMALL, build, corpus
from benchmarks.models import released
from toxicity_j.batching import default_token_budget, token_batches
from toxicity_j.cpu_packing import padding_free_logits
from toxicity_j.devices import DTYPES
from toxicity_j.model_classifier import Classifier
from toxicity_j.packed_attention import varlen_kernel_name

MODEL = "RoBERTa-base"
# Products whose rate counts as the peak: a large square one, and those of the model's
# own layers.
_PRODUCTS = ((8192, 8192, 8192), (32768, 768, 3072), (32768, 3072, 768))


def measure(
    work: Path, device: torch.device, *, small: bool, rounds: int = 3
) -> dict[str, Any]:
    """Measure everything; each part that fails leaves its error in the result instead
    of its numbers.

    Args:
        work: a folder for the checkpoint.
        device: a CUDA device; a CPU for a dry run.
        small: tiny models and few texts: that it runs, not how fast.
        rounds: repetitions, of which the fastest counts.
    """
    shape = (SMALL if small else SHAPES)[MODEL]
    folder = build(work / ("small" if small else "full") / MODEL, shape)
    texts = corpus(64 if small else 65_536, seed=3)
    found: dict[str, Any] = {
        "model": MODEL,
        "texts": len(texts),
        "device": _name(device),
    }
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "peaks": lambda: peaks(device, small=small),
        "released": lambda: _released(
            folder, device, texts[: 64 if small else 4096], rounds
        ),
        "bfloat16": lambda: _ours(
            folder, device, "bfloat16", texts, shape.flops_per_token, rounds
        ),
        # float32 is ten times slower: an eighth of the texts has to do.
        "float32": lambda: _ours(
            folder,
            device,
            "float32",
            texts[: len(texts) // 8],
            shape.flops_per_token,
            rounds,
        ),
        "differences": lambda: _differences(folder, device, texts[:128]),
    }
    for name, part in parts.items():
        start = time.perf_counter()
        try:
            found[name] = part()
        except (
            Exception
        ) as error:  # one part that fails must not cost the others' numbers
            found[name] = {"error": f"{type(error).__name__}: {error}"[:500]}
        found[name]["seconds"] = round(time.perf_counter() - start, 2)
    _relate(found)
    return found


def peaks(device: torch.device, *, small: bool) -> dict[str, float]:
    """Measure TFLOP/s of matrix products by number format; the largest over a few
    shapes.
    """
    products = ((64, 64, 64),) if small else _PRODUCTS
    found = {}
    for name in ("bfloat16", "float32"):
        rates = []
        for rows, inner, columns in products:
            first = torch.randn(rows, inner, device=device).to(DTYPES[name])
            second = torch.randn(inner, columns, device=device).to(DTYPES[name])
            best = min(
                _seconds(lambda a=first, b=second: [a @ b for _ in range(8)], device)
                for _ in range(4)
            )
            rates.append(8 * 2 * rows * inner * columns / best / 1e12)
        found[name] = max(rates)
    return found


def _released(
    folder: str, device: torch.device, texts: list[str], rounds: int
) -> dict[str, Any]:
    score = released(folder, device)
    score(texts[:256])
    best = min(_seconds(lambda: score(texts), device) for _ in range(rounds))
    return {
        "texts_per_second": len(texts) / best,
        "variant": "batches of 32 in input order, padded, float32",
    }


def _ours(
    folder: str,
    device: torch.device,
    dtype: str,
    texts: list[str],
    flops_per_token: int,
    rounds: int,
) -> dict[str, Any]:
    """Measure the whole way from texts to logits, and the network alone over tokens
    that are ready.
    """
    classifier = Classifier(folder, role="style", device=device, dtype=dtype)
    classifier.score(texts[:4096])
    columns, _ = classifier._encoder(texts)
    lengths = [len(own[0]) for own in columns]
    batches = token_batches(lengths, default_token_budget(device))
    tflop = flops_per_token * sum(lengths) / 1e12

    def network_alone() -> None:
        with torch.inference_mode():
            outputs = [
                padding_free_logits(classifier.network, [columns[i] for i in batch])
                for batch in batches
            ]
            torch.cat(outputs).cpu()

    network_alone()
    alone = min(_seconds(network_alone, device) for _ in range(rounds))
    whole = min(
        _seconds(lambda: classifier.score(texts), device) for _ in range(rounds)
    )
    start = time.perf_counter()
    classifier._encoder(texts)
    return {
        "attention": varlen_kernel_name(device, DTYPES[dtype]),
        "texts_per_second": len(texts) / whole,
        "network_texts_per_second": len(texts) / alone,
        "network_tflops": tflop / alone,
        "end_to_end_tflops": tflop / whole,
        "tokenizing_seconds": time.perf_counter() - start,
        "whole_seconds": whole,
        "batches": len(batches),
        **_waits(lambda: classifier.score(texts), device, len(batches)),
        "peak_mib": (
            torch.cuda.max_memory_allocated(device) / 2**20
            if device.type == "cuda"
            else 0.0
        ),
    }


def _waits(
    whole: Callable[[], Any], device: torch.device, batches: int
) -> dict[str, float]:
    """Count synchronizations with the GPU, of which each run needs one to read its
    results.
    """
    if device.type != "cuda":
        return {"synchronizations": 0, "synchronizations_per_batch": 0.0}
    with _counted_waits() as seen:
        whole()
    return {
        "synchronizations": len(seen),
        "synchronizations_per_batch": len(seen) / batches,
    }


@contextmanager
def _counted_waits() -> Any:
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            yield seen
    finally:
        torch.cuda.set_sync_debug_mode("default")


def _differences(folder: str, device: torch.device, texts: list[str]) -> dict[str, Any]:
    """Compare P(class 0) on the device with the CPU's in float32, for texts in two
    orders and batch sizes.
    """
    expected = _p(Classifier(folder, role="style", device="cpu").score(texts).values)
    found = {}
    for dtype in ("float32", "bfloat16"):
        scores = _p(
            Classifier(folder, role="style", device=device, dtype=dtype)
            .score(texts)
            .values
        )
        one = _p(
            Classifier(folder, role="style", device=device, dtype=dtype, batch_size=1)
            .score(texts[:16])
            .values
        )
        found[f"{dtype}_from_cpu_float32"] = float(np.abs(scores - expected).max())
        found[f"{dtype}_alone_from_batch"] = float(np.abs(one - scores[:16]).max())
    return found


def _relate(found: dict[str, Any]) -> None:
    """Add the ratios that the targets are about, where their parts were measured."""
    for dtype in ("bfloat16", "float32"):
        own, peak = found[dtype], found["peaks"].get(dtype)
        if "error" in own:
            continue
        if peak:
            own["network_share_of_peak"] = own["network_tflops"] / peak
            own["end_to_end_share_of_peak"] = own["end_to_end_tflops"] / peak
        if "texts_per_second" in found["released"]:
            own["times_released"] = (
                own["texts_per_second"] / found["released"]["texts_per_second"]
            )


def _p(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))


def _seconds(work: Callable[[], Any], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _name(device: torch.device) -> str:
    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else "CPU (a dry run)"
    )
