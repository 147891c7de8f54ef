"""One worker process, the task that it holds, and what it does.

Processes are spawned: a fork of a process that has run torch can hang.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from .inputs import Unit
from .work import Job

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


class Worker:
    """One process and the task that it holds.

    Attributes:
        pipe: our end of its pipe.
        task: what it is doing, or None.
        since: when it began that, by a clock that is never set back.
    """

    def __init__(self, payload: bytes):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.task: Task | None = None
        self.since = time.monotonic()
        self._process = context.Process(
            target=_serve, args=(theirs, payload), daemon=True
        )
        with _interrupts_held():
            self._process.start()
        # With our copy closed, the death of the worker ends the pipe.
        theirs.close()

    def begin(self, task: Task) -> None:
        """Hand the worker a task.

        Raises:
            OSError: the worker has died.
        """
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

    def cause(self) -> str:
        """Say why the worker has died."""
        # The pipe ends a moment before the process does.
        self._process.join(5)
        return _cause(self._process.exitcode)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        # Killed, because a shard gets its name when it is whole: nothing wants tidying.
        self._process.kill()
        self._process.join()
        self.pipe.close()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, also in a process that is started meanwhile."""
    # Windows holds no signals.
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Before, because its start ends with letting Ctrl-C through.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cause(exit_code: int | None) -> str:
    """Say what an exit code means, as far as it tells."""
    # What Python ends with when the spawned copy of a script starts workers again.
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
    """Return "done" and the answer, or the kind of an error and its message."""
    try:
        # A task without shards asks what signature its rows would have.
        if not wanted:
            return "done", job.signature(unit.columns)
        return "done", job.run(unit, wanted)
    except Exception as error:  # noqa: BLE001 (whatever it is, the parent must hear of it)
        # As text: an error need not be picklable, and the parent may lack its class.
        for name, kind in _KINDS.items():
            if isinstance(error, kind):
                return name, str(error)
        return "WorkerError", f"{unit.name}: {traceback.format_exc()}"


def _use_one_thread() -> None:
    """Leave the other cores to the other workers."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


def _die_with_parent() -> None:
    """End this process when the parent has gone, killed or not."""
    # A parent that is killed cannot tell its daemons to end.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
