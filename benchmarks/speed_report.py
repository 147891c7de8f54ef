"""How the benchmark of speed shows what it found: two tables and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Results, blas

__all__ = ["plot", "processor_row", "table"]

COLUMNS = (
    "model",
    "variant",
    "texts/s",
    "x first (least - most)",
    "max dp",
    "flips",
    "share of peak",
)
PROCESSOR_COLUMNS = (
    "processor",
    "BLAS",
    "model",
    "x without oneDNN",
    "x float32",
    "x bfloat16",
    "GFLOP/s torch",
    "oneDNN",
    "oneDNN bfloat16",
)


def table(results: Results) -> str:
    """Return the results as Markdown."""
    lines = [results.machine, "", _line(COLUMNS), "|---" * len(COLUMNS) + "|"]
    for row in results.rows:
        cells = [
            row.model,
            row.variant,
            f"{row.rate:.1f}",
            f"{row.ratio:.2f} ({row.low:.2f} - {row.high:.2f})",
            _cell(row.max_dp, ".1e"),
            _cell(row.flips, "d"),
            _cell(row.share, ".2f"),
        ]
        lines.append(_line(cells))
    lines += ["", "| figure | |", "|---|---|"]
    for name, value in results.figures.items():
        lines.append(f"| {name} | {value:.2f} |")
    return "\n".join(lines)


def processor_row(results: Results) -> str:
    """Format what a table per processor holds: the first model's ratios, and where they
    come from.
    """
    model = results.rows[0].model
    ratios = {row.variant: row.ratio for row in results.rows if row.model == model}
    cells = [results.machine, blas(), model]
    # What the processor has no instructions for is not measured.
    missing = "no instructions"
    for variant in ("ours, float32 without oneDNN", "ours, float32", "ours, bfloat16"):
        ratio = ratios.get(variant)
        cells.append(_cell(ratio, ".1f", missing))
    for product in ("torch float32", "oneDNN float32", "oneDNN bfloat16"):
        peak = results.figures.get(f"GFLOP/s, {product}")
        cells.append(_cell(peak, ".0f", missing))
    lines = [_line(PROCESSOR_COLUMNS), "|---" * len(cells) + "|", _line(cells)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: float | None, form: str, missing: str = "") -> str:
    return missing if value is None else format(value, form)


def plot(results: Results, path: Path) -> None:
    """Draw bars of the ratios.

    Raises:
        ImportError: matplotlib is missing: pip install '.[benchmark]'.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "the plot needs matplotlib: pip install '.[benchmark]' in a clone"
        ) from error
    # The classifiers, which have one baseline in common.
    shown = [row for row in results.rows if row.share is not None]
    figure, axes = plt.subplots(figsize=(7, 0.3 * len(shown) + 1), layout="constrained")
    for row in shown:
        error = [[row.ratio - row.low], [row.high - row.ratio]]
        name = f"{row.model}, {row.variant}"
        axes.barh(name, row.ratio, xerr=error, color="tab:blue")
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("texts per second, as a multiple of the released loop")
    axes.set_title(results.machine, fontsize=7)
    figure.savefig(path, dpi=150)
    plt.close(figure)
