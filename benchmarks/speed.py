"""How fast the scorers are: a table, also written as JSON and as a plot.

    python -m benchmarks.speed

Random weights of the published shapes, texts with the lengths of comments, one thread,
CPU-seconds, variants in alternation. Rates are of this machine at this hour; ratios
travel better.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch  # noqa: E402 (the threads are counted on import)

from benchmarks.checkpoints import SHAPES  # noqa: E402
from benchmarks.measure import (  # noqa: E402
    Results,
    gpu,
    in_fresh_process,
    machine,
    peaks,
)
from benchmarks.models import built_in, classifiers  # noqa: E402
from benchmarks.sizes import FULL, SMALL, Size  # noqa: E402
from benchmarks.speed_report import plot, processor_row, table  # noqa: E402

# Code for processes of their own, because what is loaded and held is measured.
_COST = """
import json, time
start = time.process_time()
{}
print(json.dumps({{'seconds': time.process_time() - start}}))
"""
_J = "from toxicity_j import Scorer; Scorer().score(['a'], ['b'])"
_STA = "from toxicity_j import Scorer; Scorer(style_model='identifier').score(['a'])"
_LOADS = {
    "import evaluate": "import evaluate",
    "import evaluate, then a first J": f"import evaluate; {_J}",
    "a first STA by the identifier": _STA,
}
_MEMORY = """
import json
from benchmarks.checkpoints import corpus
from benchmarks.memory import status_bytes
from toxicity_j import Scorer
scorer = Scorer(style_model='identifier')
scorer.score(['a'])
texts = corpus({0})
before = status_bytes('VmRSS') / 2**20
scorer.score(texts)
peak = status_bytes('VmHWM') / 2**20
print(json.dumps({{'texts': before, 'peak': peak}}))
"""
_OVERHEAD = """
import json, time, statistics
from benchmarks.checkpoints import corpus
from toxicity_j import Scorer, load
texts = corpus({0})
metric, scorer = load(style_model='identifier'), Scorer(style_model='identifier')
def cost(work):
    start = time.process_time()
    work()
    return time.process_time() - start
gaps = []
for _ in range(6):
    inside = cost(lambda: scorer.score(texts))
    gaps.append(cost(lambda: metric.compute(predictions=texts)) - inside)
print(json.dumps({{'microseconds': statistics.median(gaps[1:]) / len(texts) * 1e6}}))
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    names = list(SHAPES)
    add("--models", nargs="*", choices=names, default=names, help="shapes to measure")
    add("--texts", type=int, help="texts per classifier; by its size when not given")
    add("--rounds", type=int, default=5, help="alternations that count")
    add(
        "--brief", action="store_true", help="classifiers and the processor's row alone"
    )
    add(
        "--small",
        action="store_true",
        help="tiny models and few texts: that it runs, not how fast",
    )
    add(
        "--gpu",
        action="store_true",
        help="what a GPU does (see benchmarks/gpu.py), to speed_gpu.json",
    )
    add(
        "--out",
        type=Path,
        default=Path("build/benchmarks"),
        help="for checkpoints and results",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write `speed.json` and `speed.png`."""
    options = _parser().parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.gpu:
        measure_gpu(options)
        return
    torch.set_num_threads(1)
    results = measure(options)
    print(table(results))
    print(processor_row(results))
    text = json.dumps(asdict(results), indent=2)
    (options.out / "speed.json").write_text(text + "\n", encoding="utf-8")
    plot(results, options.out / "speed.png")


def _size(options: argparse.Namespace) -> Size:
    return SMALL if options.small else FULL


def measure_gpu(options: argparse.Namespace) -> None:
    """Measure the first CUDA device, or with `--small` and without one the CPU; print
    the result and write it.
    """
    from benchmarks.gpu import measure as measure_on

    device = gpu(small=options.small)
    found = measure_on(options.out, device, _size(options))
    text = json.dumps(found, indent=2)
    (options.out / "speed_gpu.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def measure(options: argparse.Namespace) -> Results:
    """Measure every row and figure on the CPU, as the command's options say."""
    size = _size(options)
    device = torch.device("cpu")
    work = options.out / size.name
    results = Results(machine(device))
    found = peaks(device, size.peak_rows)
    for label, value in found.items():
        results.figures[f"GFLOP/s, {label}"] = value
    results.rows += classifiers(
        work,
        found,
        size,
        rounds=options.rounds,
        only=options.models,
        count=options.texts,
    )
    if not options.brief:
        results.rows += built_in(work, device, size, rounds=options.rounds)
        results.figures |= _loads(size.starts)
        results.figures |= _memory(size.memory_texts)
        results.figures |= _overhead(size.overhead_texts)
    return results


def _loads(repeats: int) -> dict[str, float]:
    """Measure what starting costs: the least of a few runs."""
    figures = {}
    for name, code in _LOADS.items():
        timed = _COST.format(code)
        costs = [in_fresh_process(timed)["seconds"] for _ in range(repeats)]
        figures[f"CPU-seconds, {name}"] = min(costs)
    return figures


def _memory(counts: Sequence[int]) -> dict[str, float]:
    """Measure memory before and at the peak of scoring so many texts."""
    figures = {}
    for count in counts:
        memory = in_fresh_process(_MEMORY.format(count))
        figures[f"MiB, {count} texts before scoring"] = memory["texts"]
        figures[f"MiB, {count} texts at the peak of scoring"] = memory["peak"]
    return figures


def _overhead(count: int) -> dict[str, float]:
    """Measure what `compute()` costs beyond the scorer that it calls."""
    overhead = in_fresh_process(_OVERHEAD.format(count))
    name = "microseconds a text, compute() beyond Scorer"
    return {name: overhead["microseconds"]}


if __name__ == "__main__":
    main()
