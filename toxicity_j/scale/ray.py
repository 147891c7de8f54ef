"""Scores on a cluster: Ray Data moves the rows and restarts what dies.

Needs the extra `ray`: `pip install ".[ray]"` in a clone. Rows keep their columns, so an
id stays beside its scores.
"""

from __future__ import annotations

import logging
import pickle
from typing import Any

import numpy as np

try:
    import ray
    import ray.data
except ImportError as error:
    raise ImportError(
        'toxicity_j.scale.ray needs Ray Data: pip install ".[ray]" in a clone'
    ) from error

from ..columns import BLOCK
from ..results import MEANS
from .aggregate import joint_signature
from .arguments import column_names, make_scorer
from .ray_batches import BatchScorer, Ledger
from .shards import SCORE_COLUMNS
from .sums import CorpusSums
from .work import RowScorer

logger = logging.getLogger("toxicity_j")

# Columns that are added to each row: scores where computed, and what they are.
ADDED = (*SCORE_COLUMNS, "signature")


def score_ray(
    dataset: ray.data.Dataset,
    *,
    predictions: str = "predictions",
    sources: str | None = "sources",
    references: str | None = None,
    languages: str | None = None,
    row_id: str | None = None,
    protocol: Any = "embedded",
    scorer: RowScorer | None = None,
    concurrency: int | tuple[int, int] = 1,
    num_gpus: float = 0,
    num_cpus: float = 1,
    **options: Any,
) -> ray.data.Dataset:
    """Score a Ray dataset, lazily; rows keep their columns and order and gain scores.

    What dies is replaced. On like machines, scores are those of one process to the bit.

    Args:
        dataset: rows of texts.
        predictions: names a column, as do the next three; see `column_names`.
        sources: None computes STA only.
        references: where the protocol uses human rewrites.
        languages: `corpus_ray` groups by it.
        row_id: name of a column that names rows in errors.
        protocol: as `Scorer`, like the options.
        scorer: what scores rows; made from `protocol` and `options` when None.
        concurrency: actors, or the least and the most of them.
        num_gpus: GPUs per actor; 0.25 puts four actors on one.
        num_cpus: cores per actor; leave a core to the tasks that read.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: a column is missing, or one of the scores' names is taken.
    """
    columns = column_names(predictions, sources, references, languages)
    _check_columns(dataset.schema().names, columns, row_id)
    _warn_of_no_core_left(concurrency, num_cpus)
    ledger = ray.remote(Ledger).options(num_cpus=0, max_restarts=-1).remote()
    arguments = (make_scorer(scorer, protocol, options), columns, row_id, ledger)
    return _in_blocks(dataset).map_batches(
        BatchScorer,
        fn_constructor_args=arguments,
        batch_size=BLOCK,
        batch_format="pyarrow",
        concurrency=concurrency,
        num_gpus=num_gpus,
        num_cpus=num_cpus,
    )


def _in_blocks(dataset: ray.data.Dataset) -> ray.data.Dataset:
    """Cut the rows as `Scorer.score` does, so that a score keeps its last bits."""
    blocks = dataset.repartition(target_num_rows_per_block=BLOCK, strict=True)
    # Without order, the last and shorter block could come anywhere, and blocks would
    # hold other rows in each run.
    blocks.context.execution_options.preserve_order = True
    return blocks


def corpus_ray(
    scored: ray.data.Dataset, *, languages: str | None = None
) -> dict[str, Any]:
    """Compute corpus scores of what `score_ray` gave, where the rows are.

    Only sums travel. They are exact, so the result is that of `compute()` whatever the
    number and order of blocks.

    Args:
        scored: the result of `score_ray`, or a dataset read from where it was written.
        languages: name of the column of languages to group by.

    Raises:
        ValueError: rows have different signatures, or there are none.
    """
    sums: Any = _sums
    parts = scored.map_batches(
        sums,
        fn_kwargs={"languages": languages},
        batch_format="pyarrow",
        batch_size=None,
    )
    total, signatures = CorpusSums(), set()
    for row in parts.iter_rows():
        total.merge(pickle.loads(row["sums"]))  # noqa: S301 (written by _sums)
        signatures.update(row["signatures"])
    if not signatures:
        raise ValueError("`scored` must hold at least one row; got none")
    return total.corpus(joint_signature(signatures))


def _sums(batch: Any, languages: str | None) -> Any:
    sums = CorpusSums()
    names = [name for name in MEANS.values() if name in batch.column_names]
    scores = {name: batch.column(name).to_numpy() for name in names}
    labels = None
    if languages is not None:
        labels = np.asarray(batch.column(languages).to_pylist(), dtype=object)
    # A filter may leave blocks without rows.
    if batch.num_rows:
        sums.add(scores, labels)
    signatures = sorted(set(batch.column("signature").to_pylist()))
    return {"sums": [pickle.dumps(sums)], "signatures": [signatures]}


def _warn_of_no_core_left(concurrency: int | tuple[int, int], num_cpus: float) -> None:
    """Warn where actors take each core that the cluster has now."""
    least = concurrency
    if isinstance(least, tuple):
        least, _ = least
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    present = resources.get("CPU", 0)
    if least * num_cpus > present - 1:
        logger.warning(
            "%s actors with `num_cpus` %s leave no core of %s to the tasks that read:"
            " unless the cluster grows, the job waits without end. Give fewer actors or"
            " a lower `num_cpus`",
            least,
            num_cpus,
            present,
        )


def _check_columns(
    present: list[str], columns: dict[str, str], row_id: str | None
) -> None:
    wanted = list(columns.values())
    if row_id is not None:
        wanted.append(row_id)
    for name in wanted:
        if name not in present:
            raise ValueError(
                f"`dataset` must have a column {name!r}; columns: {', '.join(present)}"
            )
    for name in ADDED:
        if name in present:
            raise ValueError(
                f"`dataset` must not have a column {name!r}, which holds scores;"
                " rename it"
            )
