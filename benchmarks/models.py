"""The models under measurement: a classifier as the released scripts run it, as a
pipeline runs it, and as we do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.checkpoints import SHAPES, SMALL, build, corpus
from benchmarks.measure import Row, alternate, best_peak, rows
from toxicity_j import cpu_linear
from toxicity_j.model_classifier import Classifier
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
            outputs.append(
                model(
                    **tokenizer(batch, padding=True, return_tensors="pt").to(device)
                ).logits.cpu()
            )
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
        by_name = [
            {found["label"]: found["score"] for found in one}
            for one in run(list(texts))
        ]
        return np.array(
            [[one[name] for name in sorted(one)] for one in by_name], dtype=np.float32
        )

    return score


def ours(
    folder: str, device: torch.device, dtype: str, *, onednn: bool = True
) -> Callable[..., np.ndarray]:
    """Return our classifier's logits; without oneDNN by PyTorch's own products.
    *Shape:* (n, labels).
    """
    can_use, cpu_linear.can_use_onednn = (
        cpu_linear.can_use_onednn,
        cpu_linear.can_use_onednn if onednn else _cannot,
    )
    try:
        classifier = Classifier(folder, role="style", device=device, dtype=dtype)
    finally:
        cpu_linear.can_use_onednn = can_use
    return lambda texts: classifier.score(texts).values


def classifiers(
    work: Path,
    peaks: dict[str, float],
    *,
    small: bool,
    rounds: int,
    only: Sequence[str] = tuple(SHAPES),
    count: int | None = None,
) -> list[Row]:
    """Measure each shape in each variant, over the same texts, on the CPU."""
    device = torch.device("cpu")
    made: list[Row] = []
    counts = {
        "RoBERTa-large": 40,
        "RoBERTa-base": 96,
        "DistilBERT": 128,
        "MiniLM-L6": 320,
    }
    for name in only:
        shape = (SMALL if small else SHAPES)[name]
        folder = build(work / name, shape)
        texts = corpus(24 if small else count or counts[name])
        variants = {
            "released loop": released(folder, device),
            "pipeline, one by one": pipeline(folder, device),
            "ours, float32": ours(folder, device, "float32"),
            "ours, float32 without oneDNN": ours(
                folder, device, "float32", onednn=False
            ),
        }
        # Without its instructions bfloat16 is emulated, ten times slower than float32:
        # nothing to measure.
        if small or cpu_linear.can_use_onednn(device, torch.bfloat16):
            variants["ours, bfloat16"] = ours(folder, device, "bfloat16")
        outputs = {label: score(texts[:64]) for label, score in variants.items()}
        times = alternate(
            {label: partial(score, texts) for label, score in variants.items()},
            rounds,
            device,
        )
        work_done = (
            shape.flops_per_token * sum(len(text.split()) + 2 for text in texts) / 1e9
        )
        shares = {
            k: work_done / np.median(v) / best_peak(peaks, _dtype_of(k))
            for k, v in times.items()
        }
        made += rows(name, len(texts), times, share=shares, **_differences(outputs))
    return made


def built_in(
    work: Path, device: torch.device, *, small: bool, rounds: int
) -> list[Row]:
    """Compare the built-in J with the three official models on the same pairs; the
    identifier against RoBERTa-base.
    """
    shapes = SMALL if small else SHAPES
    pairs = 24 if small else 32
    predictions, sources = corpus(pairs), corpus(pairs, seed=2)
    more = 1 if small else 32  # so that the quick ones take a while; rates are compared
    longer = corpus(more * pairs), corpus(more * pairs, seed=2)
    style, fluency = (
        released(build(work / name, shapes[name]), device)
        for name in ("RoBERTa-base", "RoBERTa-large")
    )
    content = released(build(work / "MiniLM-L6", shapes["MiniLM-L6"]), device)

    def official() -> None:
        style(predictions), fluency(predictions), content(predictions), content(sources)

    variants: dict[str, Callable] = {"official three models": official}
    for dtype in ("float32", "bfloat16"):
        scorer = Scorer("embedded", device=str(device), dtype=dtype)
        variants[f"built in, {dtype}"] = partial(scorer.score, *longer)
    times = alternate(variants, rounds, device)
    per_pair = {
        name: own / (pairs if name.startswith("official") else more * pairs)
        for name, own in times.items()
    }
    identifier = Scorer("embedded", style_model="identifier", device=str(device))
    many = corpus(200 if small else 20_000)
    runs = {
        "released RoBERTa-base": partial(style, predictions),
        "identifier": partial(identifier.score, many),
    }
    times = alternate(runs, rounds, device)
    per_text = {
        name: own / (len(many) if name == "identifier" else pairs)
        for name, own in times.items()
    }
    return rows("J", 1, per_pair) + rows("STA alone", 1, per_text)


def _cannot(device: torch.device, dtype: torch.dtype) -> bool:
    return False


def _dtype_of(variant: str) -> str:
    return "bfloat16" if variant.endswith("16") else "float32"


def _differences(outputs: dict[str, np.ndarray]) -> dict[str, dict[str, float | int]]:
    """Largest difference of a probability and count of flips, of each variant in
    float32 against the first.
    """
    exact = {
        label: logits
        for label, logits in outputs.items()
        if _dtype_of(label) == "float32"
    }
    p = {
        label: 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
        for label, logits in exact.items()
    }
    first = next(iter(p.values()))
    return {
        "max_dp": {label: float(np.abs(own - first).max()) for label, own in p.items()},
        "flips": {
            label: int(((own > 0.5) != (first > 0.5)).sum()) for label, own in p.items()
        },
    }
