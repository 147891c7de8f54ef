"""Scores of a corpus of any length, in bounded memory, in shards that a killed run leaves whole.

Rows are scored in blocks of `BLOCK`, as `Scorer.score` does, so that a score does not depend on the run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from ..columns import BLOCK
from .aggregate import corpus_scores, intervals, without_references
from .inputs import Rows, Unit
from .pool import Pool, Task
from .progress import Progress
from .shards import SCORES, Manifest, ShardError, list_shards, remove_temporary, write_atomically
from .work import Job, RowScorer, missing_shards

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
    **options: Any,
) -> dict[str, Any]:
    """Score a corpus of any length into shards, and return its corpus scores.

    Run again after it was stopped or killed, it skips the shards that are there. Scores are bit for bit those of one
    `Scorer.score` over all rows.

    Args:
        data: a `datasets.Dataset` or `IterableDataset`; a `.parquet`, `.jsonl`, `.csv` or `.tsv` file, a folder of
            them, or a list of paths. Rows must come in the same order each time.
        out: a folder for shards, `manifest.json` and `scores.json`; made when missing.
        predictions: name of the column of rewrites.
        sources: name of the column of what was rewritten; None computes STA only.
        references: name of a column of strings or lists of strings, where the protocol uses human rewrites.
        languages: name of a column of languages, where the protocol reports by language.
        protocol: as `Scorer`.
        scorer: what scores rows; made from `protocol` and `options` when None.
        window: rows per shard, at least 1. Above `BLOCK` it is rounded up to whole blocks. Scores do not depend on it.
        workers: processes. Above 1 each is spawned, loads its own models and uses one thread, so a script needs
            `if __name__ == "__main__":`.
        timeout: seconds that a worker may take for one unit of rows, loading included; None for no limit.
        resume: go on where an earlier run stopped; if False, a folder with scores is an error.
        progress: write rows done, rows per second and time left to stderr.
        **options: as `Scorer`.

    Returns:
        What `compute()` returns, and `intervals`: (low, high) at 95 % by corpus key.

    Raises:
        FileExistsError: `out` holds scores and `resume` is False.
        OSError: a file cannot be read or written, or a model cannot be loaded.
        RuntimeError: another run is writing to `out`.
        ShardError: `out` holds scores of another configuration or input.
        TypeError: an argument or a text has the wrong type.
        ValueError: an argument, a row or a text is not valid; the row is named.
        WorkerError: rows ended their worker each time.
    """
    window = _checked_window(window)
    _check_workers(workers, timeout)
    columns = column_names(predictions, sources, references, languages)
    folder = Path(out)
    rows = Rows(data, columns)
    job = Job(make_scorer(scorer, protocol, options), folder, window)
    folder.mkdir(parents=True, exist_ok=True)
    with _only_run(folder):
        remove_temporary(folder)
        manifest = _run(job, rows, columns, Progress(rows.total, show=progress), (workers, timeout, resume))
        manifest.save(folder)
    return _finish(folder)


def _run(
    job: Job, rows: Rows, columns: dict[str, str], progress: Progress, how: tuple[int, float | None, bool]
) -> Manifest:
    """Score what is missing and return the manifest of the whole."""
    workers, timeout, resume = how
    units = rows.units(max(BLOCK, job.window))
    first = next(units, None)
    if first is None:
        raise ValueError("`data` must hold at least one row; got none")
    tasks = _Tasks(job, chain([first], units), progress)
    if workers == 1 and timeout is None:
        manifest = _agreed_manifest(job, job.signature(first.columns), rows, columns, resume)
        for task in tasks:
            progress.update(job.run(task.unit, task.wanted), task.unit.position)
    else:
        with Pool(job, workers, timeout) as pool:
            manifest = _agreed_manifest(job, pool.signature(first.columns), rows, columns, resume)
            for unit, written in pool.run(iter(tasks)):
                progress.update(written, unit.position)
    extra = [key for key in tasks.finished if key[1] > tasks.rows]
    if extra:
        raise ShardError(f"`out` holds scores of rows up to {extra[-1][1]}; `data` has {tasks.rows} rows")
    return replace(manifest, rows=tasks.rows)


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
        self.finished = {(shard.start, shard.stop): shard.info()["digest"] for shard in list_shards(job.folder)}

    def __iter__(self) -> Iterator[Task]:
        for unit in self._units:
            wanted = missing_shards(unit, self._window, self.finished)
            self.rows = unit.stop
            self._progress.skip(unit.stop - unit.start - sum(stop - start for start, stop in wanted))
            if wanted:
                yield Task(unit, wanted)


def _agreed_manifest(job: Job, signature: str, rows: Rows, columns: dict[str, str], resume: bool) -> Manifest:
    """Return the manifest of this run, written to the folder; one that is there must agree."""
    manifest = Manifest(without_references(signature), rows.identity, columns, job.window)
    found = Manifest.load(job.folder)
    if found is None:
        if list_shards(job.folder):
            raise ShardError(f"`out` holds shards without a manifest: {job.folder}. Choose another folder")
        manifest.save(job.folder)
        return manifest
    if not resume:
        raise FileExistsError(f"`out` holds scores already: {job.folder}. Choose another folder, or `resume=True`")
    found.check(manifest)
    return found


def _finish(folder: Path) -> dict[str, Any]:
    scores = {**corpus_scores(folder), "intervals": intervals(folder)}
    text = json.dumps(scores, ensure_ascii=False, indent=1)
    write_atomically(folder / SCORES, lambda path: path.write_text(text, encoding="utf-8"))
    return scores


@contextmanager
def _only_run(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system lets go of even when this process is killed."""
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


def make_scorer(scorer: RowScorer | None, protocol: Any, options: dict[str, Any]) -> RowScorer:
    """Return the scorer that is given, or a new one.

    Raises:
        TypeError: `scorer` has no `score`, or there are options for one that is made already.
    """
    if scorer is None:
        from ..scorer import Scorer

        return Scorer(protocol, **options)
    if options:
        raise TypeError(f"`{next(iter(options))}` is an option of a Scorer; give it to the `scorer` instead")
    if not callable(getattr(scorer, "score", None)):
        raise TypeError(f"`scorer` must be a Scorer; got {type(scorer).__name__}")
    return scorer


def column_names(
    predictions: str, sources: str | None, references: str | None, languages: str | None
) -> dict[str, str]:
    """Return the input's column by the scorer's argument name, without those that are None.

    Raises:
        TypeError: one is not a string.
    """
    given = {"predictions": predictions, "sources": sources, "references": references, "languages": languages}
    for name, value in given.items():
        if not isinstance(value, str) and (value is not None or name == "predictions"):
            raise TypeError(f"`{name}` must be the name of a column; got {value!r}")
    return {name: value for name, value in given.items() if value is not None}


def _checked_window(window: int) -> int:
    """Return the rows per shard, in whole blocks where a shard is larger than one."""
    _check_count("window", window)
    return window if window <= BLOCK else -(-window // BLOCK) * BLOCK


def _check_workers(workers: int, timeout: float | None) -> None:
    _check_count("workers", workers)
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float))):
        raise TypeError(f"`timeout` must be a number of seconds or None; got {timeout!r}")
    if timeout is not None and not timeout > 0:
        raise ValueError(f"`timeout` must be above 0 seconds; got {timeout}")


def _check_count(name: str, value: object) -> None:
    import operator

    try:
        whole = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"`{name}` must be a whole number; got {value!r}") from None
    if isinstance(value, bool):
        raise TypeError(f"`{name}` must be a whole number; got {value!r}")
    if whole < 1:
        raise ValueError(f"`{name}` must be at least 1; got {value}")
