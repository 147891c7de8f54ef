"""Worker processes that may die or hang without a row being lost or scored twice.

Each worker has a pipe of its own, so that the death of one cannot garble what another
says.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

from .inputs import Table, Unit
from .work import Job
from .worker import Task, Worker, WorkerError

logger = logging.getLogger("toxicity_j")

# Deaths or overruns of a worker on the same rows before the run gives up on them.
ATTEMPTS = 3


class Pool:
    """Runs a job in several processes.

    Args:
        job: what is done with each unit; picklable.
        workers: processes, at least 1.
        timeout: seconds that one unit may take, counted by a clock that is never set
            back; None for no limit.
    """

    def __init__(self, job: Job, workers: int, timeout: float | None = None):
        self._payload = pickle.dumps(job)
        self._count, self._timeout = workers, timeout
        self._workers: list[Worker] = []

    def __enter__(self) -> Pool:
        self._workers = [Worker(self._payload) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()

    def signature(self, columns: Table) -> str:
        """Return the signature that one worker's scores of such columns have."""
        first = {name: column[:1] for name, column in columns.items()}
        question = Task(Unit(0, first), [])
        _, signature = next(self._answers(iter([question])))
        return str(signature)

    def run(self, tasks: Iterator[Task]) -> Iterator[tuple[Unit, int]]:
        """Run tasks and yield each unit, as it finishes, with its number of rows.

        Raises:
            OSError: a shard cannot be written.
            TypeError: as `Job.run`.
            ValueError: as `Job.run`.
            WorkerError: rows ended their worker `ATTEMPTS` times, by dying or by taking
                too long.
        """
        for task, answer in self._answers(tasks):
            yield task.unit, int(answer)

    def _answers(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Any]]:
        again: deque[Task] = deque()
        while True:
            for worker in self._workers:
                if worker.task is None:
                    self._give(worker, _following(again, tasks), again)
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy and not again:
                return
            wait([worker.pipe for worker in busy], self._patience(busy))
            for worker in busy:
                if worker.task is not None:
                    yield from self._collect(worker, worker.task, again)

    def _give(self, worker: Worker, task: Task | None, again: deque[Task]) -> None:
        """Hand a task to an idle worker; one that died idle is replaced."""
        if task is None:
            return
        try:
            worker.begin(task)
        except OSError:
            again.append(task)
            self._replace(worker)

    def _collect(
        self, worker: Worker, task: Task, again: deque[Task]
    ) -> Iterator[tuple[Task, Any]]:
        """Yield what a worker has finished; replace it if it has died or hangs."""
        try:
            if worker.pipe.poll():
                yield task, worker.finish()
                return
        except (EOFError, ConnectionResetError):
            failure = f"ended their worker ({worker.cause()})"
        else:
            if not self._is_late(worker):
                return
            failure = f"took longer than the `timeout` of {self._timeout} seconds"
        self._count_failure(task, failure)
        self._replace(worker)
        again.append(task)

    def _is_late(self, worker: Worker) -> bool:
        if self._timeout is None:
            return False
        return time.monotonic() - worker.since > self._timeout

    def _count_failure(self, task: Task, what: str) -> None:
        task.attempts += 1
        rows = task.unit.name
        if task.attempts >= ATTEMPTS:
            raise WorkerError(
                f"{rows} {what}, {task.attempts} times in a row; all other shards are"
                " kept"
            )
        logger.warning("%s %s; trying again", rows, what)

    def _replace(self, worker: Worker) -> None:
        worker.stop()
        self._workers[self._workers.index(worker)] = Worker(self._payload)

    def _patience(self, busy: list[Worker]) -> float | None:
        if self._timeout is None:
            return None
        # A hundredth more, so that the first worker to run late is late by then.
        oldest = min(worker.since for worker in busy)
        left = oldest + self._timeout - time.monotonic() + 0.01
        return max(0.0, left)


def _following(again: deque[Task], tasks: Iterator[Task]) -> Task | None:
    """Return a task to try again, else a new one, else None."""
    if again:
        return again.popleft()
    return next(tasks, None)
