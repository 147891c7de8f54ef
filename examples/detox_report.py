"""Judging the outputs of detox_training, choosing a weight, and the table and plot of
what was found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.compare.statistics import bootstrap_interval
from toxicity_j.scorer import Scorer

Scores = dict[str, npt.NDArray[np.float64]]
# A run: its objective and the weight of that; the baseline has weight 0.
Run = tuple[str, float]
BASELINE: Run = ("cross-entropy", 0.0)
# What people wrote; no training brings P(toxic) below theirs without losing meaning.
HUMAN: Run = ("human rewrites", 0.0)
MEASURES = {
    "p_toxic_identifier": "P(toxic), identifier",
    "p_toxic_encoder": "P(toxic), encoder",
    "sim": "SIM",
    "fl": "FL",
    "j": "J",
}
# How much SIM a weight may cost.
ALLOWED = 0.01


def judge(predictions: list[str], sources: list[str]) -> Scores:
    """Return per-segment scores by the names in `MEASURES`; the loss uses the
    identifier, not the encoder.
    """
    segments = Scorer("embedded").score(predictions, sources)
    scores = {
        "p_toxic_identifier": ToxicityIdentifier.from_pretrained().p_toxic(predictions)
    }
    scores |= {
        "p_toxic_encoder": segments.p_toxic,
        "sim": segments.sim,
        "fl": segments.fl,
        "j": segments.j,
    }
    return scores


def average(runs: Sequence[Scores]) -> Scores:
    """Return scores averaged over seeds, still one per sentence."""
    return {
        name: np.mean([scores[name] for scores in runs], axis=0) for name in MEASURES
    }


def choose(scores: Mapping[Run, Scores], objective: str) -> Run:
    """Return the run of lowest P(toxic) at nearly the baseline's SIM, or the one of
    best J where none has that.
    """
    runs = [run for run in scores if run[0] == objective]
    floor = scores[BASELINE]["sim"].mean() - ALLOWED
    kept = [run for run in runs if scores[run]["sim"].mean() >= floor]
    if kept:
        return min(kept, key=lambda run: toxicity(scores[run]))
    return max(runs, key=lambda run: float(scores[run]["j"].mean()))


def toxicity(scores: Scores) -> float:
    """Return the mean P(toxic) of both judges."""
    return float((scores["p_toxic_identifier"] + scores["p_toxic_encoder"]).mean() / 2)


def write(found: dict[Run, list[Scores]], output: Path) -> dict[Run, Scores]:
    """Choose on every second sentence, report the others: print the table, write JSON
    and plot; return the reported scores, averaged over seeds.
    """
    averaged = {run: average(scores) for run, scores in found.items()}
    # Alternately: the order of the file is not random.
    tuned = {run: _every_second(scores, 0) for run, scores in averaged.items()}
    reported = {run: _every_second(scores, 1) for run, scores in averaged.items()}
    chosen = [choose(tuned, objective) for objective in _objectives(found)]
    output.mkdir(parents=True, exist_ok=True)
    written = {
        "sentences": len(reported[BASELINE]["j"]),
        "seeds": len(found[BASELINE]),
        "runs": [_means(run, reported[run], run in chosen) for run in reported],
    }
    text = json.dumps(written, indent=1) + "\n"
    (output / "detox_training.json").write_text(text, encoding="utf-8")
    plot(reported, output / "detox_training.png")
    spread = {run: _means_by_seed(scores) for run, scores in found.items()}
    print(table(reported, chosen, spread))
    return reported


def _every_second(scores: Scores, first: int) -> Scores:
    return {name: values[first::2] for name, values in scores.items()}


def _objectives(runs: Iterable[Run]) -> list[str]:
    """Return what was added to cross-entropy, each once, in order."""
    names = dict.fromkeys(objective for objective, _ in runs)
    return [name for name in names if name not in (BASELINE[0], HUMAN[0])]


def _means(run: Run, scores: Scores, chosen: bool) -> dict[str, object]:
    objective, weight = run
    row: dict[str, object] = {
        "objective": objective,
        "weight": weight,
        "chosen": chosen,
    }
    for name, values in scores.items():
        row[name] = float(values.mean())
    return row


def _means_by_seed(scores: Sequence[Scores]) -> Scores:
    reported = [_every_second(one, 1) for one in scores]
    return {name: np.array([one[name].mean() for one in reported]) for name in MEASURES}


def table(
    scores: Mapping[Run, Scores], chosen: Sequence[Run], spread: Mapping[Run, Scores]
) -> str:
    """Return the chosen runs as Markdown, with the spread over seeds and an interval of
    J's gain on the baseline.
    """
    columns = ["trained with", *MEASURES.values(), "J - baseline (95 %)"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for run in (HUMAN, BASELINE, *chosen):
        objective, weight = run
        cells = [objective if weight == 0 else f"+ {objective}, weight {weight:g}"]
        for name in MEASURES:
            mean, deviation = scores[run][name].mean(), spread[run][name].std()
            cells.append(f"{mean:.3f} ± {deviation:.3f}")
        gains = scores[run]["j"] - scores[BASELINE]["j"]
        cells.append("" if run == BASELINE else _with_interval(gains))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_interval(gains: npt.NDArray[np.float64]) -> str:
    low, high = bootstrap_interval(gains, n_resamples=2000)
    return f"{gains.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def plot(scores: Mapping[Run, Scores], path: Path) -> None:
    """Draw P(toxic) against SIM, one line per objective over its weights, for each
    judge of toxicity.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, 2, figsize=(8, 3.4), layout="constrained", sharey=True
    )
    for axis, name in zip(axes, ("p_toxic_identifier", "p_toxic_encoder"), strict=True):
        points = {
            run: (found["sim"].mean(), found[name].mean())
            for run, found in scores.items()
        }
        for objective in _objectives(scores):
            _draw_weights(axis, points, objective)
        axis.plot(*points[BASELINE], "ks", label=BASELINE[0])
        axis.plot(*points[HUMAN], "k*", label=HUMAN[0])
        axis.set_xlabel("SIM (right is better)")
        axis.set_ylabel(f"{MEASURES[name]} (down is better)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _draw_weights(
    axis: Any, points: Mapping[Run, tuple[float, float]], objective: str
) -> None:
    """Draw a line from the baseline through the objective's weights."""
    weights = sorted(weight for name, weight in points if name == objective)
    line = [points[BASELINE]]
    for weight in weights:
        point = points[objective, weight]
        line.append(point)
        axis.annotate(
            f"{weight:g}",
            point,
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=7,
        )
    axis.plot(*zip(*line, strict=True), "o-", label=objective)
