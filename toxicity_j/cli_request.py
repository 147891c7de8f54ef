"""What the user asks for on the command line, as records; a file that cannot be written
is found before scoring.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .cli_program import is_replaceable
from .compare.checks import check_level, check_resamples, check_seed
from .compare.exports import check_suffix
from .compare.readers import ColumnNames

_FORMAT_BY_SUFFIX = {".md": "markdown", ".tex": "latex", ".json": "json", ".csv": "csv"}


@dataclass(frozen=True)
class Output:
    """Where results go and how they look.

    Attributes:
        format: "text", "markdown", "latex", "json" or "csv"; with None the suffix of
            `path` decides, else "text".
        path: a file, or None for stdout.
        segments: a file for per-segment scores, or None.
        report: an HTML file, or None.
        progress: show progress bars; with None where stderr is a terminal.
    """

    format: str | None = None
    path: str | None = None
    segments: str | None = None
    report: str | None = None
    progress: bool | None = None

    def check(self, inputs: tuple[str, ...]) -> None:
        """Check before scoring that every file can be written.

        Raises:
            ImportError: a library that a file needs is not installed.
            ValueError: a folder is missing or in the file's place, a suffix is
                unknown, or a file would overwrite an input or another output.
        """
        if self.segments is not None and check_suffix(self.segments) == ".parquet":
            _require("--segments", ("pyarrow",), "pip install pyarrow")
        # Found out before an hour of scoring, and without the cost of importing it.
        if self.report is not None:
            _require(
                "--report",
                ("jinja2", "matplotlib"),
                "pip install '.[report]' in a clone",
            )
        # By their resolved paths, because a link may name an input too.
        read = {Path(path).expanduser().resolve() for path in inputs}
        options: dict[Path, str] = {}
        for option, path in (
            ("--output", self.path),
            ("--segments", self.segments),
            ("--report", self.report),
        ):
            if path is None:
                continue
            written = Path(path).resolve()
            if not written.parent.is_dir():
                raise ValueError(
                    f"`{option}` must lie in an existing folder; got {path!r}"
                )
            if written in read:
                raise ValueError(
                    f"`{option}` must not overwrite an input; got {path!r}"
                )
            if written.is_dir():
                raise ValueError(f"`{option}` must be a file; got the folder {path!r}")
            # /dev/null takes everything.
            if is_replaceable(path) and written in options:
                raise ValueError(
                    f"`{options[written]}` and `{option}` must be two files; got"
                    f" {path!r} for both"
                )
            options[written] = option

    def chosen_format(self) -> str:
        """Return the format asked for, else that of the file's suffix, else "text"."""
        if self.format is not None:
            return self.format
        suffix = Path(self.path or "").suffix
        return _FORMAT_BY_SUFFIX.get(suffix.lower(), "text")

    def show_progress(self) -> bool:
        """Return True where bars can be seen."""
        if self.progress is not None:
            return self.progress
        # A bar in a log file is noise; stderr is None where it was closed (`2>&-`).
        return sys.stderr is not None and sys.stderr.isatty()


def _require(option: str, libraries: tuple[str, ...], command: str) -> None:
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        libraries_needed = " and ".join(missing)
        raise ImportError(f"`{option}` needs {libraries_needed}: {command}")


@dataclass(frozen=True)
class Request:
    """What the user asks `score` or `compare` for; see `cli_options`."""

    files: tuple[str, ...]
    sources: str | None
    references: tuple[str, ...]
    languages: str | None
    names: ColumnNames
    input_format: str
    quoting: str
    protocol: str
    models: Mapping[str, Any]
    device: str | None
    dtype: str
    batch_size: int | None
    output: Output
    confidence: float
    resamples: int
    seed: int
    baseline: str | None
    fail_under: tuple[str, ...]
    against: str | None
    pairwise: bool


def request(given: Mapping[str, Any]) -> Request:
    """Turn the options of the command line into a request.

    Raises:
        ValueError: no file of outputs is given, or an option of the intervals and tests
            is out of its range.
    """
    files = _values(given["files"]) + _values(given["predictions"])
    if not files:
        raise ValueError("`--predictions` must name at least one file")
    output = Output(
        format=given["output_format"],
        path=given["output"],
        segments=given["segments"],
        report=given["report"],
        progress=given["progress"],
    )
    models = {
        name: given[name]
        for name in ("style_model", "content_model", "fluency_model", "threshold")
    }
    return Request(
        files=files,
        sources=given["sources"],
        references=_values(given["references"]),
        languages=given["languages"],
        names=column_names(given),
        input_format=given["input_format"],
        quoting=given["tsv_quoting"],
        protocol=given["protocol"],
        models=models,
        device=given["device"],
        dtype=given["dtype"],
        batch_size=given["batch_size"],
        output=output,
        confidence=check_level(given["confidence"], "--confidence"),
        resamples=check_resamples(given["resamples"], "--resamples"),
        seed=check_seed(given["seed"], "--seed"),
        baseline=given.get("baseline"),
        fail_under=_values(given["fail_under"]),
        against=given["against"],
        pairwise=bool(given.get("pairwise")),
    )


def column_names(given: Mapping[str, Any]) -> ColumnNames:
    """Return the names of columns among the options."""
    return ColumnNames(
        source=given["source_column"],
        predictions=_values(given["prediction_column"]),
        references=_values(given["reference_column"]),
        language=given["language_column"],
        id=given["id_column"],
    )


def _values(given: list[str] | None) -> tuple[str, ...]:
    """Return the values of an option that takes several."""
    return tuple(given or ())
