"""Judging the outputs of detox_training, choosing a weight, and the table and plot of
what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.compare.statistics import bootstrap_interval
from toxicity_j.scorer import Scorer

Scores = dict[str, npt.NDArray[np.float64]]
# A run: its objective and the weight of that; the baseline has weight 0.
Run = tuple[str, float]
BASELINE: Run = ("cross-entropy", 0.0)
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


def table(
    scores: Mapping[Run, Scores], chosen: Sequence[Run], spread: Mapping[Run, Scores]
) -> str:
    """Return the chosen runs as Markdown, with the spread over seeds and an interval of
    J's gain on the baseline.
    """
    columns = ["trained with", *MEASURES.values(), "J - baseline (95 %)"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for run in (BASELINE, *chosen):
        means = [scores[run][name].mean() for name in MEASURES]
        deviations = [spread[run][name].std() for name in MEASURES]
        cells = [
            f"{mean:.3f} ± {deviation:.3f}"
            for mean, deviation in zip(means, deviations, strict=True)
        ]
        if run == BASELINE:
            cells = [BASELINE[0], *cells, ""]
        else:
            objective, weight = run
            gains = scores[run]["j"] - scores[BASELINE]["j"]
            cells = [f"+ {objective}, weight {weight:g}", *cells, _with_interval(gains)]
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
    weights: dict[str, list[float]] = {}
    for objective, weight in sorted(scores, key=lambda run: run[1]):
        if objective != BASELINE[0]:
            weights.setdefault(objective, []).append(weight)
    for axis, name in zip(axes, ("p_toxic_identifier", "p_toxic_encoder"), strict=True):
        points = {
            run: (found["sim"].mean(), found[name].mean())
            for run, found in scores.items()
        }
        for objective, drawn in weights.items():
            line = [points[BASELINE], *(points[objective, weight] for weight in drawn)]
            axis.plot(*zip(*line, strict=True), "o-", label=objective)
            for weight, point in zip(drawn, line[1:], strict=True):
                axis.annotate(
                    f"{weight:g}",
                    point,
                    xytext=(4, 4),
                    textcoords="offset points",
                    fontsize=7,
                )
        axis.plot(*points[BASELINE], "ks", label=BASELINE[0])
        axis.set_xlabel("SIM (right is better)")
        axis.set_ylabel(f"{MEASURES[name]} (down is better)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
