"""Scores on a cluster: Ray Data moves the rows and restarts what dies; an actor loads
its models once.

Needs the extra `ray`: `pip install "toxicity_j[ray]"`. Rows keep their columns, so an
id stays beside its scores.
"""

from __future__ import annotations

import logging
import pickle
from typing import Any

import numpy as np
import pyarrow

try:
    import ray
    import ray.data
except ImportError as error:
    raise ImportError(
        'toxicity_j.scale.ray needs Ray Data: pip install "toxicity_j[ray]"'
    ) from error

from ..columns import BLOCK
from ..results import MEANS
from .aggregate import joint_signature
from .arguments import column_names, make_scorer
from .inputs import Table
from .pool import ATTEMPTS, WorkerError
from .shards import SCORE_COLUMNS, text_digest
from .sums import CorpusSums
from .work import RowScorer, plain_kind, score_arrays

logger = logging.getLogger("toxicity_j")

# Columns that are added to each row: scores where computed, and what they are.
ADDED = (*SCORE_COLUMNS, "signature")


class Ledger:
    """Counts how often each batch was begun and not finished, in a process that batches
    cannot end.
    """

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}

    def begin(self, batch: str) -> int:
        """Count one more attempt and return how many failed before."""
        self._begun[batch] = self._begun.get(batch, 0) + 1
        return self._begun[batch] - 1

    def finish(self, batch: str) -> None:
        """Forget a batch."""
        self._begun.pop(batch, None)


class BatchScorer:
    """Scores batches, for `Dataset.map_batches(..., batch_format="pyarrow")`; models
    are loaded once per actor.

    Args:
        scorer: a `Scorer`, which is pickled without its models.
        columns: the dataset's column by the scorer's argument name.
        row_id: a column that names rows in errors; None names them by their text.
        ledger: a `Ledger` actor; without one, a batch that ends its worker is tried
            without end.
    """

    def __init__(
        self,
        scorer: RowScorer,
        columns: dict[str, str],
        row_id: str | None = None,
        ledger: Any = None,
    ):
        self._scorer, self._columns, self._row_id, self._ledger = (
            scorer,
            columns,
            row_id,
            ledger,
        )

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """Return the batch with a column per score and the signature.

        Raises:
            TypeError: as `Scorer.score`, naming the rows.
            ValueError: as `Scorer.score`, naming the rows.
            WorkerError: the batch ended its worker `ATTEMPTS` times.
        """
        texts = {
            name: batch.column(column).to_pylist()
            for name, column in self._columns.items()
        }
        name = self._name(batch, texts)
        key = text_digest(texts)
        if self._ledger is not None:
            failed = ray.get(self._ledger.begin.remote(key))
            if failed >= ATTEMPTS:
                raise WorkerError(
                    f"the batch of {name} ended its worker {failed} times in a row"
                )
        scores = self._scores(texts, name)
        if self._ledger is not None:
            ray.get(self._ledger.finish.remote(key))
        for column, values in scores.items():
            batch = batch.append_column(column, pyarrow.array(values))
        return batch

    def _scores(self, texts: Table, name: str) -> dict[str, Any]:
        try:
            segments = self._scorer.score(**texts)
        except (TypeError, ValueError) as error:
            raise plain_kind(error)(f"the batch of {name}: {error}") from error
        return {
            **score_arrays(segments),
            "signature": [segments.signature] * len(segments.sta),
        }

    def _name(self, batch: pyarrow.Table, texts: Table) -> str:
        if self._row_id is None:
            first = str(texts["predictions"][0])
            return f"{batch.num_rows} rows that begins with {first[:60]!r}"
        ids = batch.column(self._row_id)
        return f"rows {ids[0].as_py()} to {ids[-1].as_py()}"


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
    """Score a Ray dataset, lazily; rows keep their columns and order and gain one
    column per score.

    A worker or actor that dies is replaced, and its rows are scored again. On like
    machines, scores are bit for bit those of one process.

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
        num_cpus: cores per actor. Leave a core to the tasks that read, or they wait for
            one without end.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: a column is missing, or one of the scores' names is taken.
    """
    columns = column_names(predictions, sources, references, languages)
    _check_columns(dataset.schema().names, columns, row_id)
    _warn_of_no_core_left(concurrency, num_cpus)
    ledger = ray.remote(Ledger).options(num_cpus=0, max_restarts=-1).remote()
    return _in_blocks(dataset).map_batches(
        BatchScorer,
        fn_constructor_args=(
            make_scorer(scorer, protocol, options),
            columns,
            row_id,
            ledger,
        ),
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
    """Compute corpus scores of what `score_ray` gave, where the rows are; only sums
    travel.

    Sums are exact, so the result is that of `compute()` whatever the number and order
    of blocks.

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
        message = (
            "%s actors with `num_cpus` %s leave no core of %s to the tasks that read:"
            " unless the cluster grows, "
        )
        logger.warning(
            message
            + "the job waits without end. Give fewer actors or a lower `num_cpus`",
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
