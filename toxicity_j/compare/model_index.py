"""Results for a model card on the Hub, which `huggingface_hub` writes into it.

It stands in for `evaluate.push_to_hub`, which no longer works with current versions of
huggingface_hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checks import check_choice
from .comparison import Comparison
from .records import MEASURES, System

if TYPE_CHECKING:
    from huggingface_hub import EvalResult


def eval_results(
    comparison: Comparison,
    *,
    dataset_name: str,
    dataset_type: str,
    system: str | None = None,
    dataset_split: str | None = None,
    dataset_revision: str | None = None,
    task_type: str = "text-generation",
    task_name: str = "Text detoxification",
) -> list[EvalResult]:
    """Return one record per measure of a system, each with its signature and interval.

    Args:
        comparison: from `toxicity_j.compare`, or loaded by `Comparison.from_json`.
        dataset_name: name that readers see, such as "ParaDetox (test)".
        dataset_type: id of the data set on the Hub, such as "s-nlp/paradetox".
        system: name of the system; may be None when there is one.
        dataset_split: such as "test".
        dataset_revision: commit of the data set.
        task_type: a task of the Hub.
        task_name: name of the task that readers see.

    Raises:
        ImportError: huggingface_hub is not installed.
        ValueError: `system` is unknown, or is None and there are several.
    """
    from huggingface_hub import EvalResult

    if system is not None:
        by_name = {one.name: one for one in comparison.systems}
        check_choice("`system`", system, list(by_name))
        scored = by_name[system]
    elif len(comparison.systems) == 1:
        scored = comparison.systems[0]
    else:
        names = [one.name for one in comparison.systems]
        raise ValueError(f"`system` must be one of {names}; got None")
    measured_on: dict[str, Any] = {
        "task_type": task_type,
        "task_name": task_name,
        "dataset_type": dataset_type,
        "dataset_name": dataset_name,
        "dataset_split": dataset_split,
        "dataset_revision": dataset_revision,
    }
    return [
        EvalResult(**measured_on, **_metric(comparison, scored, measure))
        for measure in scored.scores
    ]


def _metric(comparison: Comparison, system: System, measure: str) -> dict[str, Any]:
    """Return the fields of a record that say what was measured."""
    estimate = system.scores[measure]
    arguments: dict[str, Any] = {"signature": comparison.signature, "n": comparison.n}
    # One segment has no interval.
    if estimate.low is not None:
        arguments["confidence"] = comparison.confidence
        arguments["low"] = estimate.low
        arguments["high"] = estimate.high
    return {
        "metric_type": measure,
        "metric_name": MEASURES[measure],
        "metric_value": estimate.value,
        "metric_args": arguments,
    }
