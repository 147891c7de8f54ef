"""Corpus scores and intervals from any number of shards, in bounded memory.

Sums are exact, so that neither the cut into shards nor their order moves a bit of a
mean.
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from ..compare.checks import check_draws, check_level
from ..compare.intervals import is_decision, share_interval
from ..compare.statistics import FEWEST_SEGMENTS, mean_interval
from ..results import MEANS
from .shards import Shard, read_shards
from .sums import CorpusSums, ExactSum

logger = logging.getLogger("toxicity_j")

# Rows up to which intervals are resampled; above, the normal interval is the same to
# well under its own width.
BOOTSTRAP_ROWS = 10_000
# The part of a signature that says how many references a row has: "1", or "1-3".
_REFERENCES = re.compile(r"((?:^|\|)references:)(\d+(?:-\d+)?)")


def corpus_scores(out: str | Path) -> dict[str, Any]:
    """Compute the corpus scores of a finished run, bit for bit `compute()`'s.

    Args:
        out: the folder of `score_dataset`.

    Raises:
        FileNotFoundError: it holds no manifest.
        ShardError: the run has not finished, or a shard is damaged.
    """
    sums, signatures = CorpusSums(), set()
    truncated: Counter[str] = Counter()
    for shard in read_shards(out):
        table = shard.table()
        # One shard at a time, so that memory does not follow the corpus.
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        languages = columns.pop("language", None)
        sums.add(columns, languages)
        info = shard.info()
        signatures.add(info["signature"])
        truncated.update(info["truncated"])
    scores = sums.corpus(joint_signature(signatures))
    if truncated:
        scores["truncated"] = dict(truncated)
    return scores


def intervals(
    out: str | Path, *, confidence: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Compute an interval for the mean of each score of a finished run.

    For decisions it is Wilson's. For other scores it is the percentile bootstrap of
    `compare.statistics` up to `BOOTSTRAP_ROWS` rows; above, the normal interval. One
    row has no intervals; fewer than 6 are logged as a warning.

    Args:
        out: the folder of `score_dataset`.
        confidence: share of such intervals that hold the true mean, in (0, 1).
        n_resamples: bootstrap samples, at least 1.
        seed: of the resampling.

    Raises:
        FileNotFoundError: it holds no manifest.
        ShardError: the run has not finished, or a shard is damaged.
        TypeError: an argument is not a number.
        ValueError: an argument is out of its range.
    """
    check_level(confidence, "confidence")
    check_draws(n_resamples, seed)
    shards = read_shards(out)
    count = shards[-1].stop
    if count == 1:
        return {}
    if count < FEWEST_SEGMENTS:
        _warn_of_few(str(out), count)
    # Column by column: the memory of one, whatever their number.
    present = shards[0].table().column_names
    found = {}
    for key, name in MEANS.items():
        if name in present:
            found[key] = _interval(shards, name, confidence, n_resamples, seed)
    return found


def _warn_of_few(out: str, count: int) -> None:
    logger.warning(
        "%s: %s rows are fewer than %s: the intervals are too narrow",
        out,
        count,
        FEWEST_SEGMENTS,
    )


def joint_signature(signatures: Iterable[str]) -> str:
    """Return one signature for rows that differ in their number of references only.

    Raises:
        ValueError: they differ in anything else.
    """
    found = sorted(set(signatures))
    if len({without_references(signature) for signature in found}) != 1:
        raise ValueError(
            f"scores with different signatures cannot be joined; got {found}"
        )
    counts: list[int] = []
    for signature in found:
        counts.extend(_reference_counts(signature))
    if not counts:
        return found[0]
    spread = str(min(counts))
    if max(counts) > min(counts):
        spread += f"-{max(counts)}"
    return _REFERENCES.sub(rf"\g<1>{spread}", found[0])


def without_references(signature: str) -> str:
    """Return a signature without the number of references, which rows decide."""
    parts = signature.split("|")
    return "|".join(part for part in parts if not part.startswith("references:"))


def _reference_counts(signature: str) -> list[int]:
    """Return the least and the most references of a row; empty without references."""
    found = _REFERENCES.search(signature)
    if found is None:
        return []
    return list(map(int, found[2].split("-")))


def _interval(
    shards: list[Shard], name: str, confidence: float, n_resamples: int, seed: int
) -> tuple[float, float]:
    if shards[-1].stop <= BOOTSTRAP_ROWS:
        values = np.concatenate([shard.column(name) for shard in shards])
        return mean_interval(
            values, n_resamples=n_resamples, seed=seed, level=confidence
        )
    sums, squares, is_share = ExactSum(), 0.0, True
    for shard in shards:
        column = shard.column(name)
        sums.add(column)
        is_share = is_share and is_decision(column)
    center, count = sums.mean(), sums.count
    if is_share:
        return share_interval(center, count, confidence)
    for shard in shards:
        # In a second pass, because sums of squares lose digits when the mean is large.
        deviations = shard.column(name) - center
        squares += float((deviations**2).sum())
    # The standard library's, because scipy would be imported for one number.
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    margin = quantile * math.sqrt(squares / (count - 1) / count)
    return center - margin, center + margin
