"""Do the work of `toxicity-j score` and `compare`: check files, score each system,
compare, write, hold the gates.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli_program import (
    FAILED_GATE,
    print_error,
    printable,
    put,
    write_file,
)
from .cli_request import Output, Request
from .compare.analysis import Draws
from .compare.compare import compare
from .compare.comparison import Comparison
from .compare.exports import check_cells, check_suffix, render_segments
from .compare.gate import (
    check_against,
    check_floors,
    check_signature,
    drops,
    parse_floors,
    shortfalls,
)
from .compare.readers import Inputs, ReaderError, read_columns
from .compare.records import Texts
from .protocols import EMBEDDED, IDENTIFIER, Protocol, get_protocol

if TYPE_CHECKING:
    from .results import Segments
    from .scorer import Scorer


def run(request: Request) -> int:
    """Score and compare systems, write what was asked for, and return the exit code.

    Raises:
        ImportError: a library that a model or format needs is not installed.
        OSError: a file or a model cannot be read, or a file cannot be written.
        ValueError: an option, a file or a text is not valid; `ReaderError` for files.
    """
    protocol = get_protocol(request.protocol)
    # What can be wrong without a model is found before one is loaded.
    floors = parse_floors(request.fail_under)
    inputs = _read(request, protocol)
    if request.baseline is not None and request.baseline not in inputs.systems:
        raise ValueError(
            f"`--baseline` must be one of {list(inputs.systems)}; got"
            f" {request.baseline!r}"
        )
    if request.pairwise and len(inputs.systems) < 2:
        raise ReaderError(
            f"compare needs two or more systems; got {', '.join(inputs.systems)}"
        )
    columns = {
        "predictions": inputs.systems,
        "sources": inputs.sources,
        "references": inputs.references,
    }
    check_floors(floors, protocol, columns)
    old = None
    if request.against is not None:
        old = load(request.against)
        texts = _texts(inputs)
        draws = Draws(request.resamples, request.seed, request.confidence)
        check_against(old, [*inputs.systems], _row_count(inputs), texts, draws)
    comparison = _compared(request, protocol, inputs, old)
    write(comparison, request.output)
    failures = shortfalls(comparison, floors)
    if old is not None:
        failures += drops(comparison, old)
    if not failures:
        return 0
    for failure in failures:
        print_error(failure)
    return FAILED_GATE


def load(path: str) -> Comparison:
    """Read a saved comparison.

    Raises:
        ReaderError: the file is missing, or is not a saved comparison.
    """
    try:
        return Comparison.from_json(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ReaderError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ReaderError(f"{path}: {error}") from None


def write(comparison: Comparison, output: Output) -> None:
    """Write a comparison in each way that was asked for.

    Raises:
        OSError: a file cannot be written.
    """
    if output.segments is not None:
        content = render_segments(comparison, output.segments)
        write_file(content, output.segments)
    if output.report is not None:
        from .compare.report import render_html

        page = render_html(comparison, comparison.texts)
        write_file(page.encode("utf-8"), output.report)
    text = rendered(comparison, output).rstrip("\n")
    put(text, output.path)


def rendered(comparison: Comparison, output: Output) -> str:
    """Return a comparison in the format that was asked for."""
    render = getattr(comparison, f"to_{output.chosen_format()}")
    text = str(render())
    is_json = output.chosen_format() == "json"
    if is_json and output.path is None and printable(text) != text:
        # JSON has escapes of its own.
        return json.dumps(json.loads(text), indent=2)
    return text


def _read(request: Request, protocol: Protocol) -> Inputs:
    """Read the columns that are used, and check that what is made of them can be
    written.
    """
    inputs = read_columns(
        request.files,
        sources=request.sources,
        references=request.references,
        languages=request.languages,
        names=request.names,
        file_format=request.input_format,
        quoting=request.quoting,
    )
    for name in (*inputs.files, *inputs.systems):
        _check_name(name)
    read = [*inputs.files]
    if request.against is not None:
        read.append(request.against)
    request.output.check(tuple(read))
    # What a table holds by the way is used where the protocol uses it; a file or a
    # column that an option names always.
    has_references = request.references or request.names.references
    if protocol.references == "unused" and not has_references:
        inputs = replace(inputs, references=None)
    has_languages = request.languages or request.names.language
    if not protocol.languages and not has_languages:
        inputs = replace(inputs, languages=None)
    if request.output.segments is not None:
        suffix = check_suffix(request.output.segments)
        check_cells(suffix, [*inputs.systems], _texts(inputs), inputs.languages)
    return inputs


def _check_name(name: str) -> None:
    """Raise a ReaderError if results cannot hold the name of a file or a system."""
    # Linux allows any bytes in the name of a file.
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise ReaderError(
            f"the name of each file and system must be UTF-8; got {name!r}"
        ) from None


def _compared(
    request: Request, protocol: Protocol, inputs: Inputs, old: Comparison | None
) -> Comparison:
    scored = _scored_cold(request, protocol, inputs) or _scored(
        request, protocol, inputs
    )
    comparison = compare(
        scored,
        languages=inputs.languages,
        baseline=request.baseline,
        confidence=request.confidence,
        n_resamples=request.resamples,
        seed=request.seed,
        files=inputs.files,
    )
    if old is not None:
        check_signature(comparison, old)
    return replace(comparison, texts=_texts(inputs), protocol=protocol.name)


def _scored(
    request: Request, protocol: Protocol, inputs: Inputs
) -> dict[str, Segments]:
    scorer = _scorer(request)
    scored: dict[str, Segments] = {}
    for name, predictions in inputs.systems.items():
        options: dict[str, Any] = {}
        if protocol.newline and name in inputs.unterminated:
            options["unterminated"] = inputs.unterminated[name]
        scored[name] = scorer.score(
            predictions,
            inputs.sources,
            inputs.references,
            inputs.languages,
            **options,
        )
    return scored


def _scored_cold(
    request: Request, protocol: Protocol, inputs: Inputs
) -> dict[str, Segments] | None:
    """Score by the identifier in NumPy; None if something else is asked for."""
    others = (inputs.sources, inputs.references, inputs.languages)
    if any(column is not None for column in others):
        return None
    if request.models["style_model"] != IDENTIFIER or protocol.name != EMBEDDED.name:
        return None
    # NumPy runs on the CPU, in float32.
    if request.device not in (None, "cpu") or request.dtype != "float32":
        return None
    from .cold_identifier import MOST_TEXTS, score_style

    if sum(map(len, inputs.systems.values())) > MOST_TEXTS:
        return None
    # The scorer says what is wrong with an option.
    for name in ("content_model", "fluency_model"):
        if request.models[name] is not None:
            return None
    threshold = request.models["threshold"]
    if threshold is not None and not 0 <= threshold <= 1:
        return None
    if request.batch_size is not None and request.batch_size < 1:
        return None
    return {
        name: score_style(texts, protocol, threshold)
        for name, texts in inputs.systems.items()
    }


def _scorer(request: Request) -> Scorer:
    """Make the scorer, which checks its options and loads no model yet."""
    if not request.output.show_progress():
        # Bars of downloads and of loading are noise in a log.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from .scorer import Scorer

    return Scorer(
        request.protocol,
        device=request.device,
        dtype=request.dtype,
        batch_size=request.batch_size,
        progress=request.output.show_progress(),
        **request.models,
    )


def _row_count(inputs: Inputs) -> int:
    first, *_ = inputs.systems.values()
    return len(first)


def _texts(inputs: Inputs) -> Texts:
    return Texts(inputs.systems, inputs.sources, inputs.references)
