"""Corpus scores and intervals from shards of any number, without the texts and in bounded memory.

Sums are exact, so that neither the cut into shards nor their order moves a bit of a mean.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from ..results import MEANS, mean
from .shards import Shard, read_shards

# Rows up to which intervals are resampled; above, the normal interval is the same to well under its own width.
BOOTSTRAP_ROWS = 10_000
# Every finite float64 is a whole multiple of 2 ** -1074 (IEEE 754-2019, section 3.4).
_SCALE = 1074


@dataclass
class ExactSum:
    """An exact sum of float64 numbers, the same in any order, that can be added to another.

    Attributes:
        units: the sum in units of 2 ** -1074.
        count: how many numbers.
    """

    units: int = 0
    count: int = 0

    def add(self, values: np.ndarray) -> None:
        """Add finite numbers. *Shape:* (n,)

        Raises:
            ValueError: a number is not finite.
        """
        if not np.isfinite(values).all():
            raise ValueError("`values` must be finite; got NaN or infinity among them")
        fractions, exponents = np.frexp(np.asarray(values, dtype=np.float64))
        whole = (fractions * 2.0**53).astype(np.int64)
        for exponent in np.unique(exponents):
            chosen = whole[exponents == exponent]
            # In two halves: 2 ** 36 numbers of 53 bits would overflow an int64.
            total = (int((chosen >> 27).sum()) << 27) + int((chosen & (2**27 - 1)).sum())
            self.units += _shifted(total, int(exponent) - 53 + _SCALE)
        self.count += len(values)

    def merge(self, other: ExactSum) -> None:
        """Add another sum."""
        self.units += other.units
        self.count += other.count

    def mean(self) -> float:
        """Return the correctly rounded sum over the count, as `results.mean` does.

        Raises:
            ValueError: nothing was added.
        """
        if not self.count:
            raise ValueError("the mean of no segments is not defined")
        return (self.units / (1 << _SCALE)) / self.count


@dataclass
class CorpusSums:
    """Exact sums of each score, over all rows and by language.

    Attributes:
        total: by corpus key.
        by_language: by language and corpus key; empty where rows have none.
    """

    total: dict[str, ExactSum] = field(default_factory=dict)
    by_language: dict[str, dict[str, ExactSum]] = field(default_factory=dict)

    def add(self, scores: dict[str, np.ndarray], languages: np.ndarray | None = None) -> None:
        """Add the scores of some rows.

        Args:
            scores: by score column. *Shape:* (n,) each
            languages: one per row, or None. *Shape:* (n,)
        """
        _add(self.total, scores)
        for language in [] if languages is None else sorted(set(languages.tolist())):
            rows = languages == language
            chosen = {name: values[rows] for name, values in scores.items()}
            _add(self.by_language.setdefault(language, {}), chosen)

    def merge(self, other: CorpusSums) -> None:
        """Add the sums of other rows."""
        _merge(self.total, other.total)
        for language, sums in other.by_language.items():
            _merge(self.by_language.setdefault(language, {}), sums)

    def corpus(self, signature: str) -> dict[str, Any]:
        """Return corpus scores, keys and values as `Scorer` and `compute()` give them."""
        scores = _means(self.total)
        if not self.by_language:
            return {**scores, "signature": signature}
        by_language = {language: _means(self.by_language[language]) for language in sorted(self.by_language)}
        macro = {key: mean([row[key] for row in by_language.values()]) for key in scores if key != "n"}
        signature += f"|languages:{','.join(by_language)}"
        return {**scores, "signature": signature, "languages": by_language, "macro": macro}


def corpus_scores(out: str | Path) -> dict[str, Any]:
    """Compute the corpus scores of a finished run, bit for bit those of one `compute()`.

    Args:
        out: the folder of `score_dataset`.

    Raises:
        FileNotFoundError: it holds no manifest.
        ShardError: the run has not finished, or a shard is damaged.
    """
    sums, signatures, truncated = CorpusSums(), set(), Counter[str]()
    for shard in read_shards(out):
        table = shard.table()
        names = [name for name in MEANS.values() if name in table.column_names]
        languages = table.column("language").to_numpy() if "language" in table.column_names else None
        sums.add({name: table.column(name).to_numpy() for name in names}, languages)
        info = shard.info()
        signatures.add(info["signature"])
        truncated.update(info["truncated"])
    scores = sums.corpus(joint_signature(signatures))
    return {**scores, "truncated": dict(truncated)} if truncated else scores


def intervals(
    out: str | Path, *, confidence: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Compute an interval for the mean of each score of a finished run.

    Up to `BOOTSTRAP_ROWS` rows it is the percentile bootstrap of `compare.statistics`; above, the normal interval. One
    row has no intervals.

    Args:
        out: the folder of `score_dataset`.
        confidence: share of such intervals that hold the true mean, in (0, 1).
        n_resamples: bootstrap samples, at least 1.
        seed: of the resampling.

    Raises:
        FileNotFoundError: it holds no manifest.
        ShardError: the run has not finished, or a shard is damaged.
        ValueError: an argument is out of its range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be in (0, 1); got {confidence}")
    shards = read_shards(out)
    if shards[-1].stop == 1:
        return {}
    present = shards[0].table().column_names
    found = {}
    for key, name in MEANS.items():
        if name in present:
            found[key] = _interval(shards, name, confidence, n_resamples, seed)
    return found


def joint_signature(signatures: Iterable[str]) -> str:
    """Return one signature for scores whose rows differ in the number of references only.

    Raises:
        ValueError: they differ in anything else.
    """
    found = sorted(set(signatures))
    if len({without_references(signature) for signature in found}) != 1:
        raise ValueError(f"scores with different signatures cannot be joined; got {found}")
    counts = [int(count) for signature in found for count in _reference_counts(signature)]
    if not counts:
        return found[0]
    spread = "-".join(map(str, dict.fromkeys([min(counts), max(counts)])))
    parts = found[0].split("|")
    return "|".join(f"references:{spread}" if part.startswith("references:") else part for part in parts)


def without_references(signature: str) -> str:
    """Return a signature without the number of references, which depends on the rows."""
    return "|".join(part for part in signature.split("|") if not part.startswith("references:"))


def _reference_counts(signature: str) -> Iterator[str]:
    for part in signature.split("|"):
        name, _, value = part.partition(":")
        if name == "references" and value[:1].isdigit():
            yield from value.split("-")


def _interval(shards: list[Shard], name: str, confidence: float, n_resamples: int, seed: int) -> tuple[float, float]:
    if shards[-1].stop <= BOOTSTRAP_ROWS:
        from ..compare.statistics import bootstrap_interval

        values = np.concatenate([shard.column(name) for shard in shards])
        return bootstrap_interval(values, n_resamples=n_resamples, seed=seed, level=confidence)
    sums, squares = ExactSum(), 0.0
    for shard in shards:
        sums.add(shard.column(name))
    center, count = sums.mean(), sums.count
    for shard in shards:
        squares += float(((shard.column(name) - center) ** 2).sum())
    margin = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(squares / (count - 1) / count)
    return center - margin, center + margin


def _add(sums: dict[str, ExactSum], scores: dict[str, np.ndarray]) -> None:
    for key, name in MEANS.items():
        if name in scores:
            sums.setdefault(key, ExactSum()).add(scores[name])


def _merge(sums: dict[str, ExactSum], others: dict[str, ExactSum]) -> None:
    for key, other in others.items():
        sums.setdefault(key, ExactSum()).merge(other)


def _means(sums: dict[str, ExactSum]) -> dict[str, Any]:
    means: dict[str, Any] = {key: sums[key].mean() for key in MEANS if key in sums}
    return {**means, "n": sums["sta"].count}


def _shifted(value: int, places: int) -> int:
    """Shift left, or right where a subnormal number's low bits are zeros."""
    return value << places if places >= 0 else value >> -places
