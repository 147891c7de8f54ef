"""Arguments that shards and clusters share, checked before anything is read."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from ..checks import check_whole
from ..columns import BLOCK
from ..compare.checks import check_scorer
from .work import RowScorer

__all__ = [
    "check_workers",
    "checked_folder",
    "checked_window",
    "column_names",
    "make_scorer",
]


def make_scorer(
    scorer: RowScorer | None, protocol: Any, options: dict[str, Any]
) -> RowScorer:
    """Return the scorer that is given, or a new one.

    Raises:
        TypeError: `scorer` has no `score`, or there are options for one that is made
            already.
    """
    if scorer is None:
        from ..scorer import Scorer

        return Scorer(protocol, **options)
    if options:
        raise TypeError(
            f"`{next(iter(options))}` is an option of a Scorer; give it to the `scorer`"
            " instead"
        )
    check_scorer(scorer)
    return scorer


def column_names(
    predictions: str, sources: str | None, references: str | None, languages: str | None
) -> dict[str, str]:
    """Return the input's columns by the scorer's argument names, if not None.

    Args:
        predictions: name of the column of rewrites.
        sources: name of the column of what was rewritten, or None.
        references: name of a column of strings or lists of strings, or None.
        languages: name of a column of languages, or None.

    Raises:
        TypeError: one is not a string.
    """
    given = {
        "predictions": predictions,
        "sources": sources,
        "references": references,
        "languages": languages,
    }
    for name, value in given.items():
        if not isinstance(value, str) and (value is not None or name == "predictions"):
            raise TypeError(f"`{name}` must be the name of a column; got {value!r}")
    return {name: value for name, value in given.items() if value is not None}


def checked_folder(out: Any) -> Path:
    """Return the folder of shards, which need not be there.

    Raises:
        TypeError: `out` is not a path.
        ValueError: it names a file.
    """
    if not isinstance(out, str | os.PathLike):
        raise TypeError(f"`out` must be the path of a folder; got {out!r:.100}")
    folder = Path(out).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`out` must be a folder; got the file {str(out)!r}")
    return folder


def checked_window(window: int) -> int:
    """Return the rows per shard, in whole blocks where a shard is larger than one."""
    check_whole("`window`", window, 1)
    if window <= BLOCK:
        return window
    # Rows are scored in blocks, and a block should not be scored for two shards.
    blocks = math.ceil(window / BLOCK)
    return blocks * BLOCK


def most_workers() -> int:
    """Return the most processes that a machine is asked for: 64, or 4 per processor."""
    # Each holds its own models, so a slip of the keyboard could fill the memory.
    return max(64, 4 * (os.cpu_count() or 1))


def check_workers(workers: int, timeout: float | None) -> None:
    """Check the number of processes and the seconds that each may take.

    Raises:
        TypeError: one is not a number.
        ValueError: one is too small, or there are more processes than `most_workers`.
    """
    check_whole("`workers`", workers, 1)
    most = most_workers()
    if workers > most:
        raise ValueError(f"`workers` must be at most {most} here; got {workers}")
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, (int, float))
    ):
        raise TypeError(
            f"`timeout` must be a number of seconds or None; got {timeout!r}"
        )
    if timeout is not None and not timeout > 0:
        raise ValueError(f"`timeout` must be above 0 seconds; got {timeout}")
