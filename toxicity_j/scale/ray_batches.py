"""What runs in an actor of Ray: score a batch, and count the attempts at it."""

from __future__ import annotations

from typing import Any

import pyarrow
import ray

from .inputs import Table
from .pool import ATTEMPTS
from .shards import text_digest
from .work import RowScorer, plain_kind, score_arrays
from .worker import WorkerError


class Ledger:
    """Counts how often each batch was begun and not finished.

    It runs in an actor of its own, which batches cannot end.
    """

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}

    def begin(self, batch: str) -> int:
        """Count one more attempt and return how many failed before."""
        failed = self._begun.get(batch, 0)
        self._begun[batch] = failed + 1
        return failed

    def finish(self, batch: str) -> None:
        """Forget a batch."""
        self._begun.pop(batch, None)


class BatchScorer:
    """Scores batches of `map_batches`, with models that are loaded once per actor.

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
        self._scorer, self._columns = scorer, columns
        self._row_id, self._ledger = row_id, ledger

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
        # By its texts, because a batch that Ray makes again has no other name.
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
            begin = str(texts["predictions"][0])[:60]
            return f"{batch.num_rows} rows that begins with {begin!r}"
        ids = batch.column(self._row_id)
        return f"rows {ids[0].as_py()} to {ids[-1].as_py()}"
