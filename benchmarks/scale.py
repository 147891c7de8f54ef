"""Memory and rate of `score_dataset`: texts with the identifier, pairs with a stub, one
process against several.

`python -m benchmarks.scale identifier --rows 10000000` is the full run; figures are in
docs/scale.md. Each run is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

WORDS = (
    "the plan will not work today because nobody has read it and you are a fool if you"
    " think that they care about what we said last week when the train was late again"
    " please tell me where my book is thanks for your help"
)
# Rows that are made; longer files repeat them.
DISTINCT = 200_000


def _checksums(texts: Sequence[str]) -> np.ndarray:
    """Return a number in [0, 1) for each text. *Shape:* (n,)"""
    sums = [zlib.crc32(text.encode()) for text in texts]
    return np.array(sums) / 2**32


class StubScorer:
    """Scores by checksums, so that only what surrounds a model takes time."""

    def score(
        self,
        predictions: Any,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
    ) -> Any:
        """Return numbers in [0, 1) that depend on the texts alone."""
        from toxicity_j.results import Segments

        sta = _checksums(predictions)
        sim = _checksums(sources)
        return Segments(
            sta=sta,
            p_toxic=1 - sta,
            nontoxic=(sta > 0.5) * 1.0,
            sim=sim,
            fl=sta,
            j=sta * sim,
            signature="stub",
        )


def write_rows(path: Path, count: int, columns: Sequence[str]) -> None:
    """Write rows of random words, 3 to 16 per text; they repeat after `DISTINCT`, far
    beyond what is scored at once.
    """
    generator = random.Random(0)
    words = WORDS.split()
    lines = []
    for _ in range(min(count, DISTINCT)):
        row = {}
        for name in columns:
            length = generator.randint(3, 16)
            row[name] = " ".join(generator.choices(words, k=length))
        lines.append(json.dumps(row) + "\n")
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, count, DISTINCT):
            file.writelines(lines[: count - start])


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended,
    which other jobs do not move.
    """
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def peak_mb(who: int) -> float:
    """Return the most memory that a process has held so far; Linux counts in kB."""
    return resource.getrusage(who).ru_maxrss / 1024


def measure(data: str, out: str, kind: str, workers: int) -> dict[str, float]:
    """Score once; return rows per second, and peak and idle memory of this process in
    MB.
    """
    from toxicity_j.scale import score_dataset

    scorer = _warm_scorer(kind)
    sources = None if kind == "identifier" else "sources"
    idle = peak_mb(resource.RUSAGE_SELF)
    begin, used = time.monotonic(), processor_seconds()
    scores = score_dataset(data, out, sources=sources, scorer=scorer, workers=workers)
    seconds = time.monotonic() - begin
    peak = peak_mb(resource.RUSAGE_SELF)
    return {
        "rows": scores["n"],
        "workers": workers,
        "rows_per_second": scores["n"] / seconds,
        "seconds": seconds,
        "processor_seconds": processor_seconds() - used,
        "idle_mb": idle,
        "peak_mb": peak,
        "above_idle_mb": peak - idle,
        "largest_worker_mb": peak_mb(resource.RUSAGE_CHILDREN),
    }


def _warm_scorer(kind: str) -> Any:
    """Make a scorer with its models loaded, so that loading is not measured."""
    if kind == "stub":
        return StubScorer()
    import torch

    from toxicity_j import Scorer

    torch.set_num_threads(1)
    text = ["warm up"]
    if kind == "identifier":
        scorer = Scorer(style_model="identifier")
        scorer.score(text)
    else:
        scorer = Scorer()
        scorer.score(text, text)
    return scorer


def main(arguments: list[str] | None = None) -> None:
    """Write the rows, run each setting in a process of its own, and print one line of
    JSON for each.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["identifier", "encoder", "stub"])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument(
        "--measure", nargs=2, metavar=("DATA", "OUT"), help=argparse.SUPPRESS
    )
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure(*options.measure, options.kind, options.workers[0])))
        return
    for count in options.rows:
        for workers in options.workers:
            measure_apart(options.kind, count, workers)


def measure_apart(kind: str, count: int, workers: int) -> None:
    """Write rows, and measure in a process of its own, which prints its figures."""
    columns = ["predictions"]
    if kind != "identifier":
        columns.append("sources")
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder) / "rows.jsonl", Path(folder) / "out"
        write_rows(data, count, columns)
        command = [sys.executable, "-m", "benchmarks.scale", kind]
        command += ["--workers", str(workers), "--measure", str(data), str(out)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
