"""How fast the scorers are: `python -m benchmarks.speed` prints a table, and writes it
as JSON and as a plot.

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
from benchmarks.measure import (
    Results,
    blas,
    in_fresh_process,
    machine,
    peaks,
)  # noqa: E402
from benchmarks.models import built_in, classifiers  # noqa: E402

_COST = (
    "import json, time; t = time.process_time(); {}; print(json.dumps({{'seconds':"
    " time.process_time() - t}}))"
)
_J = "from toxicity_j import Scorer; Scorer().score(['a'], ['b'])"
_STA = "from toxicity_j import Scorer; Scorer(style_model='identifier').score(['a'])"
_LOADS = {
    "import evaluate": "import evaluate",
    "import evaluate, then a first J": f"import evaluate; {_J}",
    "a first STA by the identifier": _STA,
}
_MEMORY = """
import json
from pathlib import Path
from benchmarks.checkpoints import corpus
from toxicity_j import Scorer
scorer = Scorer(style_model='identifier')
scorer.score(['a'])
texts = corpus({0})
def mebibytes(name):
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
before = mebibytes('VmRSS')
scorer.score(texts)
print(json.dumps({{'texts': before, 'peak': mebibytes('VmHWM')}}))
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints, writes `speed.json` and `speed.png`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/benchmarks"),
        help="for checkpoints and results",
    )
    parser.add_argument("--rounds", type=int, default=5, help="alternations that count")
    parser.add_argument(
        "--models",
        nargs="*",
        choices=SHAPES,
        default=list(SHAPES),
        help="the shapes to measure",
    )
    parser.add_argument(
        "--texts",
        type=int,
        default=None,
        help="texts per classifier; by its size when not given",
    )
    parser.add_argument(
        "--brief", action="store_true", help="classifiers and the processor's row alone"
    )
    parser.add_argument(
        "--small",
        action="store_true",
        help="tiny models and few texts: that it runs, not how fast",
    )
    parser.add_argument(
        "--gpu",
        action="store_true",
        help="what a GPU does (see benchmarks/gpu.py), to speed_gpu.json",
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.gpu:
        measure_gpu(options.out, small=options.small)
        return
    torch.set_num_threads(1)
    results = measure(options)
    print(table(results))
    print(processor_row(results))
    (options.out / "speed.json").write_text(
        json.dumps(asdict(results), indent=2) + "\n", encoding="utf-8"
    )
    plot(results, options.out / "speed.png")


def measure_gpu(out: Path, *, small: bool) -> None:
    """Measure the first CUDA device, or with `small` and without one the CPU; print the
    result and write it.
    """
    from benchmarks import gpu

    if not torch.cuda.is_available() and not small:
        raise SystemExit(
            "--gpu needs a CUDA device, and this machine has none (--small: a dry run"
            " on the CPU)"
        )
    device = (
        torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    )
    found = json.dumps(gpu.measure(out, device, small=small), indent=2)
    (out / "speed_gpu.json").write_text(found + "\n", encoding="utf-8")
    print(found)


def measure(options: argparse.Namespace) -> Results:
    """Measure every row and figure on the CPU, as the command's options say."""
    small, rounds = options.small, options.rounds
    device, work = torch.device("cpu"), options.out / ("small" if small else "full")
    results = Results(machine(device))
    found = peaks(device, 64 if small else 1024)
    results.figures |= {f"GFLOP/s, {label}": value for label, value in found.items()}
    results.rows += classifiers(
        work,
        found,
        small=small,
        rounds=rounds,
        only=options.models,
        count=options.texts,
    )
    if options.brief:
        return results
    results.rows += built_in(work, device, small=small, rounds=rounds)
    for name, code in _LOADS.items():
        costs = [
            in_fresh_process(_COST.format(code))["seconds"]
            for _ in range(1 if small else 3)
        ]
        results.figures[f"CPU-seconds, {name}"] = min(costs)
    for count in (200, 400) if small else (10_000, 40_000, 160_000):
        memory = in_fresh_process(_MEMORY.format(count))
        results.figures[f"MiB, {count} texts before scoring"] = memory["texts"]
        results.figures[f"MiB, {count} texts at the peak of scoring"] = memory["peak"]
    overhead = in_fresh_process(_OVERHEAD.format(200 if small else 20_000))
    results.figures["microseconds a text, compute() beyond Scorer"] = overhead[
        "microseconds"
    ]
    return results


def table(results: Results) -> str:
    """Return the results as Markdown."""
    columns = [
        "model",
        "variant",
        "texts/s",
        "x first (least - most)",
        "max dp",
        "flips",
        "share of peak",
    ]
    lines = [
        results.machine,
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for row in results.rows:
        dp = "" if row.max_dp is None else f"{row.max_dp:.1e}"
        flips = "" if row.flips is None else str(row.flips)
        share = "" if row.share is None else f"{row.share:.2f}"
        ratio = f"{row.ratio:.2f} ({row.low:.2f} - {row.high:.2f})"
        lines.append(
            f"| {row.model} | {row.variant} | {row.rate:.1f} | {ratio} | {dp} | {flips}"
            f" | {share} |"
        )
    lines += ["", "| figure | |", "|---|---|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in results.figures.items()]
    return "\n".join(lines)


def processor_row(results: Results) -> str:
    """Format what a table per processor holds: the first model's ratios, and where they
    come from.
    """
    ratios = {
        row.variant: row.ratio
        for row in results.rows
        if row.model == results.rows[0].model
    }
    cells = [results.machine, blas(), results.rows[0].model]
    variants = ("ours, float32 without oneDNN", "ours, float32", "ours, bfloat16")
    products = ("torch float32", "oneDNN float32", "oneDNN bfloat16")
    cells += [_cell(ratios.get(variant), 1) for variant in variants]
    cells += [
        _cell(results.figures.get(f"GFLOP/s, {product}"), 0) for product in products
    ]
    head = ["processor", "BLAS", "model", "x without oneDNN", "x float32", "x bfloat16"]
    head += ["GFLOP/s torch", "oneDNN", "oneDNN bfloat16"]
    return f"| {' | '.join(head)} |\n{'|---' * len(head)}|\n| {' | '.join(cells)} |"


def _cell(value: float | None, digits: int) -> str:
    return "no instructions" if value is None else f"{value:.{digits}f}"


def plot(results: Results, path: Path) -> None:
    """Bars of the ratios.

    Raises:
        ImportError: matplotlib is missing: pip install 'toxicity_j[benchmark]'.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "the plot needs matplotlib: pip install 'toxicity_j[benchmark]'"
        ) from error
    shown = [row for row in results.rows if row.share is not None]
    figure, axes = plt.subplots(figsize=(7, 0.3 * len(shown) + 1), layout="constrained")
    names = [f"{row.model}, {row.variant}" for row in shown]
    errors = [
        [row.ratio - row.low for row in shown],
        [row.high - row.ratio for row in shown],
    ]
    axes.barh(names, [row.ratio for row in shown], xerr=errors)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("texts per second, as a multiple of the released loop")
    axes.set_title(results.machine, fontsize=7)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
