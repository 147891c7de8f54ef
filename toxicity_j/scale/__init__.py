"""Corpora of any length: streams in bounded memory, several processes, Ray Data.

Importing this package loads no torch; `toxicity_j.scale.ray` needs the extra `ray`.
"""

from __future__ import annotations

from .aggregate import corpus_scores, intervals
from .manifest import ShardError
from .shards import read_shards
from .stream import score_dataset
from .worker import WorkerError

__all__ = [
    "ShardError",
    "WorkerError",
    "corpus_scores",
    "intervals",
    "read_shards",
    "score_dataset",
]
