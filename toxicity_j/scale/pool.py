"""Worker processes that may die, hang or run out of disk without a row being lost or
scored twice.

Each worker has a pipe of its own, so that the death of one cannot garble what another
says. Processes are spawned: a fork of a process that has run torch can hang.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from .inputs import Table, Unit
from .work import Job

logger = logging.getLogger("toxicity_j")

# Deaths or overruns of a worker on the same rows before the run gives up on them.
ATTEMPTS = 3
# Errors that a worker hands on as they are; others arrive as a WorkerError with their
# traceback.
_KINDS = {kind.__name__: kind for kind in (OSError, TypeError, ValueError, ImportError)}


class WorkerError(RuntimeError):
    """Rows that no worker survives, or an error that a worker did not expect."""


@dataclass
class Task:
    """Rows to score, and the shards of them that are wanted."""

    unit: Unit
    wanted: list[tuple[int, int]]
    attempts: int = 0


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
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        self._workers = [_Worker(self._payload) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()

    def signature(self, columns: Table) -> str:
        """Return the signature that one worker's scores of such columns have."""
        first = {name: column[:1] for name, column in columns.items()}
        return str(next(self._answers(iter([Task(Unit(0, first), [])])))[1])

    def run(self, tasks: Iterator[Task]) -> Iterator[tuple[Unit, int]]:
        """Run tasks and yield each unit with the number of rows written, in the order
        in which they finish.

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
                    self._give(
                        worker, again.popleft() if again else next(tasks, None), again
                    )
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy and not again:
                return
            wait([worker.pipe for worker in busy], self._patience(busy))
            for worker in busy:
                if worker.task is not None:
                    yield from self._collect(worker, worker.task, again)

    def _give(self, worker: _Worker, task: Task | None, again: deque[Task]) -> None:
        """Hand a task to an idle worker; one that died idle is replaced."""
        if task is None:
            return
        try:
            worker.begin(task)
        except OSError:
            again.append(task)
            self._replace(worker)

    def _collect(
        self, worker: _Worker, task: Task, again: deque[Task]
    ) -> Iterator[tuple[Task, Any]]:
        """Yield what a worker has finished, if anything, and replace it if it has died
        or takes too long.
        """
        try:
            if worker.pipe.poll():
                answer = worker.finish()
                yield task, answer
            elif (
                self._timeout is not None
                and time.monotonic() - worker.since > self._timeout
            ):
                self._count_failure(
                    task, f"took longer than the `timeout` of {self._timeout} seconds"
                )
                self._replace(worker)
                again.append(task)
        except (EOFError, ConnectionResetError):
            self._count_failure(
                task, f"ended their worker ({_cause(worker.exit_code())})"
            )
            self._replace(worker)
            again.append(task)

    def _count_failure(self, task: Task, what: str) -> None:
        task.attempts += 1
        rows = f"rows {task.unit.start} to {task.unit.stop - 1}"
        if task.attempts >= ATTEMPTS:
            raise WorkerError(
                f"{rows} {what}, {task.attempts} times in a row; all other shards are"
                " kept"
            )
        logger.warning("%s %s; trying again", rows, what)

    def _replace(self, worker: _Worker) -> None:
        worker.stop()
        self._workers[self._workers.index(worker)] = _Worker(self._payload)

    def _patience(self, busy: list[_Worker]) -> float | None:
        if self._timeout is None:
            return None
        now = time.monotonic()
        return max(
            0.0, min(worker.since + self._timeout - now for worker in busy) + 0.01
        )


class _Worker:
    """One process and the task that it holds."""

    def __init__(self, payload: bytes):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.task: Task | None = None
        self.since = time.monotonic()
        self._process = context.Process(
            target=_serve, args=(theirs, payload), daemon=True
        )
        self._process.start()
        # With our copy closed, the death of the worker ends the pipe.
        theirs.close()

    def begin(self, task: Task) -> None:
        self.since = time.monotonic()
        self.pipe.send((task.unit, task.wanted))
        self.task = task

    def finish(self) -> Any:
        """Return the answer, or raise the error that it is."""
        kind, answer = self.pipe.recv()
        self.task = None
        if kind == "done":
            return answer
        raise _KINDS.get(kind, WorkerError)(answer)

    def exit_code(self) -> int | None:
        self._process.join(5)
        return self._process.exitcode

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _cause(exit_code: int | None) -> str:
    """Say what an exit code means, as far as it tells."""
    if exit_code == 1:
        return (
            "exit code 1; a script that starts workers needs `if __name__ =="
            " '__main__':`"
        )
    if exit_code is not None and exit_code < 0:
        return f"killed by signal {-exit_code}"
    return f"exit code {exit_code}"


def _serve(pipe: Connection, payload: bytes) -> None:
    """Score units until the pipe ends; run in the worker."""
    # Ctrl-C reaches the whole group of processes: the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    job: Job = pickle.loads(payload)  # noqa: S301 (written by the parent)
    _use_one_thread()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            unit, wanted = pipe.recv()
            pipe.send(_answer(job, unit, wanted))


def _answer(job: Job, unit: Unit, wanted: list[tuple[int, int]]) -> tuple[str, Any]:
    import traceback

    try:
        return "done", job.run(unit, wanted) if wanted else job.signature(unit.columns)
    except Exception as error:  # noqa: BLE001 (whatever it is, the parent must hear of it)
        for name, kind in _KINDS.items():
            if isinstance(error, kind):
                return name, str(error)
        return (
            "WorkerError",
            f"rows {unit.start} to {unit.stop - 1}: {traceback.format_exc()}",
        )


def _use_one_thread() -> None:
    """Leave the other cores to the other workers."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


def _die_with_parent() -> None:
    """End this process when the parent has gone, killed or not."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
