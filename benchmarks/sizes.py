"""How much a run of `benchmarks.speed` measures: all of it, or just that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.checkpoints import SHAPES, SMALL_SHAPES, Shape

__all__ = ["FULL", "SMALL", "Size"]


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        name: of the folder of its checkpoints.
        shapes: of the classifiers.
        texts: by classifier, so that each takes about as long.
        pairs: scored by the three official models, and texts by a classifier.
        quick_pairs: scored by the built-in encoder.
        quick_texts: scored by the identifier.
        peak_rows: of the matrix product whose rate is the CPU's peak.
        starts: fresh processes per figure of what starting costs.
        memory_texts: scored while memory is watched.
        overhead_texts: scored through `compute()` and through the scorer.
        gpu_texts: scored on a GPU.
        gpu_released_texts: scored there by the released loop.
        gpu_products: rows, inner and columns of the matrix products whose rate is the
            GPU's peak: a large square one, and those of the model's own layers.
    """

    name: str
    shapes: Mapping[str, Shape]
    texts: Mapping[str, int]
    pairs: int
    quick_pairs: int
    quick_texts: int
    peak_rows: int
    starts: int
    memory_texts: tuple[int, ...]
    overhead_texts: int
    gpu_texts: int
    gpu_released_texts: int
    gpu_products: tuple[tuple[int, int, int], ...]


FULL = Size(
    name="full",
    shapes=SHAPES,
    texts={
        "RoBERTa-large": 40,
        "RoBERTa-base": 96,
        "DistilBERT": 128,
        "MiniLM-L6": 320,
    },
    pairs=32,
    quick_pairs=1024,
    quick_texts=20_000,
    peak_rows=1024,
    starts=3,
    memory_texts=(10_000, 40_000, 160_000),
    overhead_texts=20_000,
    gpu_texts=65_536,
    gpu_released_texts=4096,
    gpu_products=((8192, 8192, 8192), (32768, 768, 3072), (32768, 3072, 768)),
)
SMALL = Size(
    name="small",
    shapes=SMALL_SHAPES,
    texts=dict.fromkeys(SMALL_SHAPES, 24),
    pairs=24,
    quick_pairs=24,
    quick_texts=200,
    peak_rows=64,
    starts=1,
    memory_texts=(200, 400),
    overhead_texts=200,
    gpu_texts=64,
    gpu_released_texts=64,
    gpu_products=((64, 64, 64),),
)
