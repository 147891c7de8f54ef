"""What a GPU does with a classifier of RoBERTa-base shape: speed, share of the peak,
agreement with the CPU, waits.

Random weights, texts with the lengths of comments, seconds of the clock. `python -m
benchmarks.speed --gpu` runs it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.checkpoints import build, corpus
from benchmarks.gpu_timing import fastest, peaks, seconds
from benchmarks.models import released
from benchmarks.sizes import Size
from toxicity_j.batching import default_token_budget
from toxicity_j.cpu_packing import padding_free_logits
from toxicity_j.devices import DTYPES
from toxicity_j.model_classifier import Classifier
from toxicity_j.packed_attention import varlen_kernel_name
from toxicity_j.rules import sigmoid
from toxicity_j.token_batches import token_batches

MODEL = "RoBERTa-base"


def measure(
    work: Path, device: torch.device, size: Size, rounds: int = 3
) -> dict[str, Any]:
    """Measure everything; each part that fails leaves its error in the result instead
    of its numbers.

    Args:
        work: a folder for the checkpoint.
        device: a CUDA device; a CPU for a dry run.
        size: how much is measured.
        rounds: repetitions, of which the fastest counts.
    """
    shape = size.shapes[MODEL]
    folder = build(work / size.name / MODEL, shape)
    texts = corpus(size.gpu_texts, seed=3)
    found: dict[str, Any] = {
        "model": MODEL,
        "texts": len(texts),
        "device": _name(device),
    }

    def ours(dtype: str, count: int) -> dict[str, Any]:
        model = Classifier(folder, role="style", device=device, dtype=dtype)
        return _ours(model, texts[:count], shape.flops_per_token, rounds)

    few = texts[: size.gpu_released_texts]
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "peaks": lambda: peaks(device, size.gpu_products),
        "released": lambda: _released(folder, device, few, rounds),
        "bfloat16": lambda: ours("bfloat16", len(texts)),
        # float32 is ten times slower: an eighth of the texts has to do.
        "float32": lambda: ours("float32", len(texts) // 8),
        "differences": lambda: _differences(folder, device, texts[:128]),
    }
    for name, part in parts.items():
        found[name] = _timed(part)
    _relate(found)
    return found


def _timed(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        found = part()
    # One part that fails must not cost the others' numbers.
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"[:500]}
    took = time.perf_counter() - start
    return {**found, "seconds": round(took, 2)}


def _released(
    folder: str, device: torch.device, texts: list[str], rounds: int
) -> dict[str, Any]:
    score = released(folder, device)
    # The first run pays for the start of CUDA.
    score(texts[:256])
    best = fastest(lambda: score(texts), device, rounds)
    return {
        "texts_per_second": len(texts) / best,
        "variant": "batches of 32 in input order, padded, float32",
    }


def _ours(
    classifier: Classifier, texts: list[str], flops_per_token: int, rounds: int
) -> dict[str, Any]:
    """Measure the whole way from texts to logits, and the network alone over tokens
    that are ready.
    """
    device = classifier.device
    classifier.score(texts[:4096])
    columns, _ = classifier._encoder(texts)
    lengths = [len(own[0]) for own in columns]
    batches = token_batches(lengths, default_token_budget(device))
    tflop = flops_per_token * sum(lengths) / 1e12

    @torch.inference_mode()
    def network_alone() -> None:
        outputs = []
        for batch in batches:
            rows = [columns[index] for index in batch]
            outputs.append(padding_free_logits(classifier.network, rows))
        torch.cat(outputs).cpu()

    def score() -> None:
        classifier.score(texts)

    network_alone()
    alone = fastest(network_alone, device, rounds)
    whole = fastest(score, device, rounds)
    tokenizing = seconds(lambda: classifier._encoder(texts), device)
    waits = _waits(score, device)
    return {
        "attention": varlen_kernel_name(device, DTYPES[classifier.dtype]),
        "texts_per_second": len(texts) / whole,
        "network_texts_per_second": len(texts) / alone,
        "network_tflops": tflop / alone,
        "end_to_end_tflops": tflop / whole,
        "tokenizing_seconds": tokenizing,
        "whole_seconds": whole,
        "batches": len(batches),
        # Each run needs one, to read its results.
        "synchronizations": waits,
        "synchronizations_per_batch": waits / len(batches),
        "peak_mib": _peak_mib(device),
    }


def _peak_mib(device: torch.device) -> float:
    if device.type != "cuda":
        return 0.0
    return torch.cuda.max_memory_allocated(device) / 2**20


def _waits(whole: Callable[[], None], device: torch.device) -> int:
    """Count synchronizations with the GPU."""
    if device.type != "cuda":
        return 0
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            whole()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return len(seen)


def _differences(folder: str, device: torch.device, texts: list[str]) -> dict[str, Any]:
    """Compare P(class 0) on the device with the CPU's in float32, for texts in two
    batch sizes.
    """
    load = partial(Classifier, folder, role="style")
    expected = _p(load(device="cpu"), texts)
    few = texts[:16]
    found = {}
    for dtype in ("float32", "bfloat16"):
        scores = _p(load(device=device, dtype=dtype), texts)
        alone = _p(load(device=device, dtype=dtype, batch_size=1), few)
        found[f"{dtype}_from_cpu_float32"] = _largest(scores - expected)
        found[f"{dtype}_alone_from_batch"] = _largest(alone - scores[: len(few)])
    return found


def _largest(differences: np.ndarray) -> float:
    return float(np.abs(differences).max())


def _relate(found: dict[str, Any]) -> None:
    """Add the ratios that the targets are about, where their parts were measured."""
    baseline = found["released"].get("texts_per_second")
    for dtype in ("bfloat16", "float32"):
        own = found[dtype]
        if "error" in own:
            continue
        peak = found["peaks"].get(dtype)
        if peak:
            own["network_share_of_peak"] = own["network_tflops"] / peak
            own["end_to_end_share_of_peak"] = own["end_to_end_tflops"] / peak
        if baseline:
            own["times_released"] = own["texts_per_second"] / baseline


def _p(classifier: Classifier, texts: list[str]) -> np.ndarray:
    logits = classifier.score(texts).values
    return sigmoid(logits[:, 0] - logits[:, 1])


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "CPU (a dry run)"
