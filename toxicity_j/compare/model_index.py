"""Results for a model card on the Hub: `EvalResult` records, which `huggingface_hub` writes as a model-index.

It stands in for `evaluate.push_to_hub`, which no longer works with current versions of huggingface_hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compare import Comparison
from .records import MEASURES

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

    if system is None and len(comparison.systems) > 1:
        raise ValueError(f"`system` must be one of {[one.name for one in comparison.systems]}; got None")
    scored = comparison.system(system) if system is not None else comparison.systems[0]
    results = []
    for measure, estimate in scored.scores.items():
        arguments: dict[str, Any] = {"signature": comparison.signature, "n": comparison.n}
        if estimate.low is not None:
            arguments |= {"confidence": comparison.confidence, "low": estimate.low, "high": estimate.high}
        results.append(
            EvalResult(
                task_type=task_type,
                task_name=task_name,
                dataset_type=dataset_type,
                dataset_name=dataset_name,
                dataset_split=dataset_split,
                dataset_revision=dataset_revision,
                metric_type=measure,
                metric_name=MEASURES[measure],
                metric_value=estimate.value,
                metric_args=arguments,
            )
        )
    return results
