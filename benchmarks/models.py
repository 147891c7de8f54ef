"""The models under measurement: a classifier as the released scripts run it, as a
pipeline runs it, and as we do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch

from benchmarks.checkpoints import build, corpus
from benchmarks.measure import Row, alternate, best_peak, rows
from benchmarks.sizes import FULL, Size
from toxicity_j import cpu_linear
from toxicity_j.model_classifier import Classifier
from toxicity_j.rules import sigmoid
from toxicity_j.scorer import Scorer

# s-nlp/detox, emnlp2021/metric/metric.py: batches of 32 in input order.
RELEASED_BATCH = 32


def released(
    folder: str, device: torch.device
) -> Callable[[Sequence[str]], np.ndarray]:
    """Run the loop of the released evaluators: batches of 32 in input order, padded,
    float32. *Shape:* (n, labels).
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).to(device).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.inference_mode()
    def score(texts: Sequence[str]) -> np.ndarray:
        outputs = []
        for start in range(0, len(texts), RELEASED_BATCH):
            batch = list(texts[start : start + RELEASED_BATCH])
            inputs = tokenizer(batch, padding=True, return_tensors="pt").to(device)
            logits = model(**inputs).logits
            outputs.append(logits.cpu())
        return torch.cat(outputs).numpy()

    return score


def pipeline(
    folder: str, device: torch.device
) -> Callable[[Sequence[str]], np.ndarray]:
    """Run the pipeline of transformers, one text per call, as evaluate's `toxicity`
    runs it. *Shape:* (n, labels).
    """
    from transformers import pipeline as make

    run = make(
        "text-classification",
        model=folder,
        top_k=None,
        function_to_apply="none",
        device=device,
    )

    def score(texts: Sequence[str]) -> np.ndarray:
        rows = []
        for found in run(list(texts)):
            # The pipeline sorts classes by their score.
            by_name = sorted(found, key=itemgetter("label"))
            rows.append([one["score"] for one in by_name])
        return np.array(rows, dtype=np.float32)

    return score


def ours(
    folder: str, device: torch.device, dtype: str, *, onednn: bool = True
) -> Callable[..., np.ndarray]:
    """Return our classifier's logits; without oneDNN by PyTorch's own products.
    *Shape:* (n, labels).
    """
    can_use = cpu_linear.can_use_onednn
    if not onednn:
        cpu_linear.can_use_onednn = _cannot
    try:
        classifier = Classifier(folder, role="style", device=device, dtype=dtype)
    finally:
        cpu_linear.can_use_onednn = can_use
    return lambda texts: classifier.score(texts).values


def classifiers(
    work: Path,
    peaks: dict[str, float],
    size: Size,
    *,
    rounds: int,
    only: Sequence[str] = tuple(FULL.shapes),
    count: int | None = None,
) -> list[Row]:
    """Measure each shape in each variant, over the same texts, on the CPU."""
    device = torch.device("cpu")
    made: list[Row] = []
    for name in only:
        shape = size.shapes[name]
        texts = corpus(count or size.texts[name])
        variants = _variants(build(work / name, shape), device, size)
        outputs, works = {}, {}
        for label, score in variants.items():
            outputs[label] = score(texts[:64])
            works[label] = partial(score, texts)
        times = alternate(works, rounds, device)
        # Each text has two special tokens beside its words.
        tokens = sum(len(text.split()) + 2 for text in texts)
        gflop = shape.flops_per_token * tokens / 1e9
        shares = {}
        for label, own in times.items():
            rate = gflop / np.median(own)
            shares[label] = rate / best_peak(peaks, _dtype_of(label))
        made += rows(name, len(texts), times, share=shares, **_differences(outputs))
    return made


def _variants(
    folder: str, device: torch.device, size: Size
) -> dict[str, Callable[..., np.ndarray]]:
    """Load a classifier in each of the ways that are compared, the baseline first."""
    variants: dict[str, Callable[..., np.ndarray]] = {
        "released loop": released(folder, device),
        "pipeline, one by one": pipeline(folder, device),
        "ours, float32": ours(folder, device, "float32"),
        "ours, float32 without oneDNN": ours(folder, device, "float32", onednn=False),
    }
    # Without its instructions bfloat16 is emulated, ten times slower than float32:
    # nothing to measure.
    if size is not FULL or cpu_linear.can_use_onednn(device, torch.bfloat16):
        variants["ours, bfloat16"] = ours(folder, device, "bfloat16")
    return variants


def built_in(work: Path, device: torch.device, size: Size, *, rounds: int) -> list[Row]:
    """Compare the built-in J with the three official models on the same pairs; the
    identifier against RoBERTa-base.
    """
    predictions = corpus(size.pairs)
    sources = corpus(size.pairs, seed=2)
    models = {}
    for name in ("RoBERTa-base", "RoBERTa-large", "MiniLM-L6"):
        folder = build(work / name, size.shapes[name])
        models[name] = released(folder, device)

    def official() -> None:
        models["RoBERTa-base"](predictions)
        models["RoBERTa-large"](predictions)
        models["MiniLM-L6"](predictions)
        models["MiniLM-L6"](sources)

    # More pairs for the quick ones, so that they take a while; rates are compared.
    longer = corpus(size.quick_pairs), corpus(size.quick_pairs, seed=2)
    works: dict[str, Callable[[], object]] = {"official three models": official}
    counts = {"official three models": size.pairs}
    for dtype in ("float32", "bfloat16"):
        label = f"built in, {dtype}"
        scorer = Scorer("embedded", device=str(device), dtype=dtype)
        works[label] = partial(scorer.score, *longer)
        counts[label] = size.quick_pairs
    both = _per_item(alternate(works, rounds, device), counts)
    identifier = Scorer("embedded", style_model="identifier", device=str(device))
    many = corpus(size.quick_texts)
    works = {
        "released RoBERTa-base": partial(models["RoBERTa-base"], predictions),
        "identifier": partial(identifier.score, many),
    }
    counts = {"released RoBERTa-base": size.pairs, "identifier": len(many)}
    alone = _per_item(alternate(works, rounds, device), counts)
    return rows("J", 1, both) + rows("STA alone", 1, alone)


def _per_item(
    times: dict[str, np.ndarray], counts: dict[str, int]
) -> dict[str, np.ndarray]:
    """Divide each variant's seconds by how many pairs or texts it scores."""
    return {name: seconds / counts[name] for name, seconds in times.items()}


def _cannot(device: torch.device, dtype: torch.dtype) -> bool:
    return False


def _dtype_of(variant: str) -> str:
    return "bfloat16" if variant.endswith("16") else "float32"


def _differences(outputs: dict[str, np.ndarray]) -> dict[str, dict[str, float | int]]:
    """Return the largest difference of a probability and the count of flips, of each
    variant in float32 against the first.
    """
    largest: dict[str, float | int] = {}
    flips: dict[str, float | int] = {}
    first = None
    for label, logits in outputs.items():
        # Random weights say nothing of lower precision.
        if _dtype_of(label) != "float32":
            continue
        p = sigmoid(logits[:, 1] - logits[:, 0])
        if first is None:
            first = p
        is_other_side = (p > 0.5) != (first > 0.5)
        largest[label] = float(np.abs(p - first).max())
        flips[label] = int(is_other_side.sum())
    return {"max_dp": largest, "flips": flips}
