"""Scores of a corpus of any length, in bounded memory, in shards that are whole.

Rows are scored in blocks of `BLOCK`, as `Scorer.score` does, so that a score does not
depend on the run.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from ..columns import BLOCK
from ..compare.analysis import Draws
from ..compare.checks import check_draws, check_level
from .aggregate import corpus_scores, intervals, without_references
from .arguments import (
    check_workers,
    checked_folder,
    checked_window,
    column_names,
    make_scorer,
)
from .inputs import Rows, Unit
from .manifest import MANIFEST, Manifest, ShardError, remove_temporary, write_json
from .pool import Pool
from .progress import Progress
from .shards import SCORES, SHARDS, list_shards
from .work import Job, RowScorer, missing_shards
from .worker import Task

logger = logging.getLogger("toxicity_j")


def score_dataset(
    data: Any,
    out: str | Path,
    *,
    predictions: str = "predictions",
    sources: str | None = "sources",
    references: str | None = None,
    languages: str | None = None,
    protocol: Any = "embedded",
    scorer: RowScorer | None = None,
    window: int = BLOCK,
    workers: int = 1,
    timeout: float | None = None,
    resume: bool = True,
    progress: bool = False,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Score a corpus of any length into shards, and return its corpus scores.

    Run again, it skips what is there. Scores are bit for bit `Scorer.score`'s.

    Args:
        data: see `Rows`; rows must come in the same order each time.
        out: a folder for shards, `manifest.json` and `scores.json`; made when missing.
        predictions: names a column, as do the next three; see `column_names`.
        sources: None computes STA only.
        references: where the protocol uses human rewrites.
        languages: where the protocol reports by language.
        protocol: as `Scorer`, like the options.
        scorer: what scores rows; made from `protocol` and `options` when None.
        window: rows per shard, at least 1; above `BLOCK` rounded up to whole blocks.
        workers: processes, which a script starts under `if __name__ == "__main__":`;
            at most 64 or, if that is more, 4 per processor.
        timeout: seconds that a worker has per unit of rows, loading included, or None.
        resume: go on where a run stopped; if False, a folder with scores is an error.
        progress: write rows done, rows per second and time left to stderr.
        confidence: level of the intervals, in (0, 1).
        n_resamples: as `intervals`.
        seed: as `intervals`.

    Returns:
        What `compute()` returns, and `intervals`: (low, high) by corpus key, at the
        level `confidence`, which is returned too.

    Raises:
        OSError: a file or model cannot be read; `FileExistsError`: see `resume`.
        RuntimeError: another run writes to `out`; `WorkerError`: rows end each worker.
        TypeError: an argument or a text has the wrong type.
        ValueError: something is not valid; `ShardError`: `out` is another run's.
    """
    check_workers(workers, timeout)
    level = check_level(confidence, "confidence")
    draws = Draws(*check_draws(n_resamples, seed), level)
    columns = column_names(predictions, sources, references, languages)
    rows = Rows(data, columns)
    folder = checked_folder(out)
    job = Job(make_scorer(scorer, protocol, options), folder, checked_window(window))
    _score_missing(job, rows, columns, _How(workers, timeout, resume, progress))
    return _finish(job.folder, draws)


@dataclass(frozen=True)
class _How:
    """How a run goes about it; see `score_dataset`."""

    workers: int
    timeout: float | None
    resume: bool
    progress: bool


def _score_missing(job: Job, rows: Rows, columns: dict[str, str], how: _How) -> None:
    """Score what no earlier run has."""
    is_new = not job.folder.exists()
    with _made(job.folder), _only_run(job.folder):
        # Under the lock: they may be those of a run that goes on.
        remove_temporary(job.folder, MANIFEST, SCORES, SHARDS)
        try:
            manifest = _run(job, rows, columns, how)
        except BaseException:
            # A manifest without scores would refuse the input once it is mended.
            if not list_shards(job.folder):
                (job.folder / MANIFEST).unlink(missing_ok=True)
                if is_new:
                    shutil.rmtree(job.folder)
            raise
        manifest.save(job.folder)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a missing folder, and remove it after an error that left it empty."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        if is_new:
            # Another run may have filled it, and this one may have removed it.
            with suppress(OSError):
                folder.rmdir()
        raise


def _run(job: Job, rows: Rows, columns: dict[str, str], how: _How) -> Manifest:
    """Score what is missing and return the manifest of the whole."""
    progress = Progress(rows.total, show=how.progress)
    # Read before the manifest is written, which an empty input must not have.
    size = max(BLOCK, job.window)
    units = rows.units(size)
    first = next(units, None)
    if first is None:
        raise ValueError("`data` must hold at least one row; got none")
    tasks = _Tasks(job, chain([first], units), progress)
    # A limit needs a process that can be ended.
    if how.workers == 1 and how.timeout is None:
        manifest = _agreed_manifest(
            job, job.signature(first.columns), rows, columns, how.resume
        )
        for task in tasks:
            written = job.run(task.unit, task.wanted)
            progress.update(written, task.unit.position)
    else:
        with Pool(job, _busy(how.workers, rows.total, size), how.timeout) as pool:
            manifest = _agreed_manifest(
                job, pool.signature(first.columns), rows, columns, how.resume
            )
            for unit, written in pool.run(iter(tasks)):
                progress.update(written, unit.position)
    # Shards of rows that the input no longer has.
    last = max((stop for _, stop in tasks.finished), default=0)
    if last > tasks.rows:
        raise ShardError(
            f"`out` holds scores of rows up to {last}; `data` has {tasks.rows} rows"
        )
    return replace(manifest, rows=tasks.rows)


def _busy(workers: int, rows: int | None, size: int) -> int:
    """Return how many workers get a unit of `size` rows, as far as that is known."""
    if rows is None:
        return workers
    return min(workers, math.ceil(rows / size))


class _Tasks:
    """The units of an input that still want scoring.

    Attributes:
        finished: digest of the texts by the rows of each shard that is there.
        rows: rows read so far.
    """

    def __init__(self, job: Job, units: Iterator[Unit], progress: Progress):
        self._window, self._units, self._progress = job.window, units, progress
        self.rows = 0
        # Read at once, before this run writes shards of its own.
        shards = list_shards(job.folder)
        self.finished = {
            (shard.start, shard.stop): shard.info()["digest"] for shard in shards
        }

    def __iter__(self) -> Iterator[Task]:
        for unit in self._units:
            wanted = missing_shards(unit, self._window, self.finished)
            self.rows = unit.stop
            left = sum(stop - start for start, stop in wanted)
            self._progress.skip(unit.stop - unit.start - left)
            if wanted:
                yield Task(unit, wanted)


def _agreed_manifest(
    job: Job, signature: str, rows: Rows, columns: dict[str, str], resume: bool
) -> Manifest:
    """Write the manifest of this run and return it; one that is there must agree."""
    manifest = Manifest(
        without_references(signature), rows.identity, columns, job.window
    )
    found = Manifest.load(job.folder)
    if found is None:
        # Scores of unknown settings, which this run's may not join or replace.
        if list_shards(job.folder) or (job.folder / SCORES).exists():
            raise ShardError(
                f"`out` holds scores without a manifest: {job.folder}. Choose another"
                " folder"
            )
        manifest.save(job.folder)
        return manifest
    if not resume:
        raise FileExistsError(
            f"`out` holds scores already: {job.folder}. Choose another folder, or"
            " `resume=True`"
        )
    found.check(manifest)
    return found


def _finish(folder: Path, draws: Draws) -> dict[str, Any]:
    """Write the corpus scores with their intervals, and return them."""
    scores = corpus_scores(folder)
    scores["confidence"] = draws.confidence
    scores["intervals"] = intervals(folder, **asdict(draws))
    write_json(folder / SCORES, scores)
    return scores


@contextmanager
def _only_run(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system frees even if this process is killed."""
    import filelock

    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise RuntimeError(f"another run is writing to `out`: {folder}") from error
    try:
        yield
    finally:
        lock.release()
