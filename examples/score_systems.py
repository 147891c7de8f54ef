"""Scores two detoxification systems and says which is better and why.

Without arguments: the two invented systems of `detox_systems.jsonl`, whose 36 rude sentences, outputs and references
were written for this project. With `--sources` and `--predictions`: your own, from text files, one segment per line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import evaluate

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for a checkout that is not installed

from toxicity_j.compare.statistics import bootstrap_interval, paired_bootstrap  # noqa: E402
from toxicity_j.protocols import get_protocol  # noqa: E402

BUNDLED = Path(__file__).resolve().parent / "detox_systems.jsonl"
MEASURES = {"sta": "STA", "sim": "SIM", "fl": "FL", "j": "J"}
# What each factor says about a system, for the verdict in words.
STRENGTHS = {"sta": "its outputs are more civil", "sim": "it keeps more meaning", "fl": "it writes more fluently"}
# Two-sided level below which a difference is called significant; the usual convention.
LEVEL = 0.05


@dataclass(frozen=True)
class System:
    """A system's outputs; once scored, its corpus scores and its scores of each segment, all but `n` in [0, 1]."""

    name: str
    predictions: list[str]
    scores: Mapping[str, float]
    segments: Mapping[str, Sequence[float]]


def read_bundled(path: Path = BUNDLED) -> tuple[list[str], list[list[str]], dict[str, list[str]]]:
    """Returns sources, references and the predictions of each bundled system."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    systems = {name: [row[name] for row in rows] for name in ("careful", "lazy")}
    return [row["source"] for row in rows], [row["references"] for row in rows], systems


def read_texts(path: Path) -> list[str]:
    """Reads one segment per line; a blank line is an empty segment."""
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % bootstrap interval, as text."""
    low, high = bootstrap_interval(values)
    return f"{sum(values) / len(values):.3f} [{low:.3f}, {high:.3f}]"


def table(systems: Sequence[System]) -> str:
    """One line per system: each score with its interval, and the number of segments."""
    rows = [["system", *MEASURES.values(), "n"]]
    rows += [[one.name, *(interval(one.segments[key]) for key in MEASURES), str(one.scores["n"])] for one in systems]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def verdict(first: System, second: System, sources: Sequence[str]) -> str:
    """Says which of two systems has the higher J, how sure that is, why, and where the other one fails most."""
    better, worse = sorted((first, second), key=lambda one: one.scores["j"], reverse=True)
    difference = better.scores["j"] - worse.scores["j"]
    p_value = paired_bootstrap(better.segments["j"], worse.segments["j"])
    if p_value >= LEVEL:
        return (
            f"No clear winner: the J of {better.name} is higher than that of {worse.name} by {difference:.3f}, "
            f"which chance explains (paired bootstrap p = {p_value:.3f})."
        )
    lead = (
        f"{better.name} is better than {worse.name}: its J is higher by {difference:.3f} "
        f"(paired bootstrap p = {p_value:.3f})."
    )
    return "\n".join((lead, _reasons(better, worse), _widest_gap(better, worse, sources)))


def _reasons(better: System, worse: System) -> str:
    """The factors in which either system is significantly ahead, the widest gap first."""
    gaps = {key: better.scores[key] - worse.scores[key] for key in STRENGTHS}
    clear = {key for key in gaps if paired_bootstrap(better.segments[key], worse.segments[key]) < LEVEL}
    shown = sorted(clear, key=lambda key: -abs(gaps[key]))
    ahead = [f"{STRENGTHS[key]} ({MEASURES[key]} {gaps[key]:+.3f})" for key in shown if gaps[key] > 0]
    behind = [f"{STRENGTHS[key]} ({MEASURES[key]} {-gaps[key]:+.3f})" for key in shown if gaps[key] < 0]
    text = f"Why: {_listed(ahead)}." if ahead else "Why: small leads in several scores; none is significant alone."
    return text + (f" In favour of {worse.name}: {_listed(behind)}." if behind else "")


def _widest_gap(better: System, worse: System, sources: Sequence[str]) -> str:
    """The segment in which the worse system loses most, with its weakest score."""
    place = max(range(len(sources)), key=lambda i: better.segments["j"][i] - worse.segments["j"][i])
    weakest = min(STRENGTHS, key=lambda key: worse.segments[key][place])
    return (
        f"Widest gap: {sources[place]!r}\n"
        f"  {better.name}: {better.predictions[place]!r} (J {better.segments['j'][place]:.2f})\n"
        f"  {worse.name}: {worse.predictions[place]!r} (J {worse.segments['j'][place]:.2f}, "
        f"weakest: {MEASURES[weakest]} {worse.segments[weakest][place]:.2f})"
    )


def _listed(parts: Sequence[str]) -> str:
    """Parts as "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sources", type=Path, help="text file, one source per line")
    parser.add_argument("--predictions", type=Path, nargs="+", help="one text file per system, aligned")
    parser.add_argument("--protocol", default="embedded", help="a named protocol, by default embedded")
    parser.add_argument("--style-model", help="encoder, identifier, or a model of your own, instead of the protocol's")
    chosen = parser.parse_args(arguments)
    if (chosen.sources is None) != (chosen.predictions is None):
        parser.error("--sources and --predictions belong together")
    return chosen


def _inputs(chosen: argparse.Namespace) -> tuple[list[str], list[list[str]] | None, dict[str, list[str]]]:
    """Sources, references or None, and predictions by system, which is named by its file (by path if names repeat)."""
    if chosen.sources is None:
        return read_bundled()
    stems = [path.stem for path in chosen.predictions]
    names = stems if len(set(stems)) == len(stems) else [str(path) for path in chosen.predictions]
    return read_texts(chosen.sources), None, dict(zip(names, map(read_texts, chosen.predictions), strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, the signature, and for the two best systems the verdict."""
    chosen = _arguments(arguments)
    sources, references, outputs = _inputs(chosen)
    options = {"style_model": chosen.style_model} if chosen.style_model else {}
    metric = evaluate.load(str(ROOT / "toxicity_j"), chosen.protocol, **options)
    columns = {"sources": sources}
    if references and get_protocol(chosen.protocol).references != "unused":
        columns["references"] = references
    systems = []
    for name, predictions in outputs.items():
        scores = metric.compute(predictions=predictions, per_segment=True, **columns)
        systems.append(System(name, predictions, scores, scores["segments"]))
    print(f"{table(systems)}\n\nsignature: {systems[0].scores['signature']}")
    if len(systems) > 1:
        print(f"\n{verdict(*sorted(systems, key=lambda one: -one.scores['j'])[:2], sources)}")


if __name__ == "__main__":
    main()
