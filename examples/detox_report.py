"""Judging the outputs of detox_training, choosing a weight, and the table and plot of what was found."""

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
    """Return per-segment scores by the names in `MEASURES`; the loss uses the identifier, not the encoder."""
    segments = Scorer("embedded").score(predictions, sources)
    scores = {"p_toxic_identifier": ToxicityIdentifier.from_pretrained().p_toxic(predictions)}
    scores |= {"p_toxic_encoder": segments.p_toxic, "sim": segments.sim, "fl": segments.fl, "j": segments.j}
    return scores


def average(runs: Sequence[Scores]) -> Scores:
    """Return scores averaged over seeds, still one per sentence."""
    return {name: np.mean([scores[name] for scores in runs], axis=0) for name in MEASURES}


def choose(scores: Mapping[Run, Scores], objective: str) -> Run:
    """Return the run of lowest P(toxic) at nearly the baseline's SIM, or the one of best J where none has that."""
    runs = [run for run in scores if run[0] == objective]
    floor = scores[BASELINE]["sim"].mean() - ALLOWED
    kept = [run for run in runs if scores[run]["sim"].mean() >= floor]
    if kept:
        return min(kept, key=lambda run: toxicity(scores[run]))
    return max(runs, key=lambda run: float(scores[run]["j"].mean()))


def toxicity(scores: Scores) -> float:
    """Return the mean P(toxic) of both judges."""
    return float((scores["p_toxic_identifier"] + scores["p_toxic_encoder"]).mean() / 2)


def table(scores: Mapping[Run, Scores], chosen: Sequence[Run], spread: Mapping[Run, Scores]) -> str:
    """Return the chosen runs as Markdown, with the spread over seeds and an interval of J's gain on the baseline."""
    columns = ["trained with", *MEASURES.values(), "J - baseline (95 %)"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for run in (BASELINE, *chosen):
        objective, weight = run
        cells = [objective if run == BASELINE else f"+ {objective}, weight {weight:g}"]
        cells += [f"{scores[run][name].mean():.3f} ± {spread[run][name].std():.3f}" for name in MEASURES]
        gains = scores[run]["j"] - scores[BASELINE]["j"]
        low, high = (0.0, 0.0) if run == BASELINE else bootstrap_interval(gains, n_resamples=2000)
        cells.append("" if run == BASELINE else f"{gains.mean():+.3f} ({low:+.3f} to {high:+.3f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(scores: Mapping[Run, Scores], path: Path) -> None:
    """Draw P(toxic) against SIM, one line per objective over its weights, for each judge of toxicity."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(8, 3.4), layout="constrained", sharey=True)
    objectives = list(dict.fromkeys(objective for objective, _ in scores if objective != BASELINE[0]))
    for axis, name in zip(axes, ("p_toxic_identifier", "p_toxic_encoder"), strict=True):
        for objective in objectives:
            runs = [BASELINE, *sorted(run for run in scores if run[0] == objective)]
            x = [scores[run]["sim"].mean() for run in runs]
            y = [scores[run][name].mean() for run in runs]
            axis.plot(x, y, "o-", label=objective)
            for run, left, bottom in zip(runs[1:], x[1:], y[1:], strict=True):
                axis.annotate(f"{run[1]:g}", (left, bottom), xytext=(4, 4), textcoords="offset points", fontsize=7)
        axis.plot(scores[BASELINE]["sim"].mean(), scores[BASELINE][name].mean(), "ks", label=BASELINE[0])
        axis.set_xlabel("SIM (right is better)")
        axis.set_ylabel(f"{MEASURES[name]} (down is better)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
