"""`toxicity-j score --stream OUT/`: score a table of any length in bounded memory, by
`toxicity_j.scale`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .cli_program import FAILED_GATE, print_error, put
from .cli_request import Output, Request, request
from .compare.formats import ReaderError
from .compare.gate import below_floors, check_floors, parse_floors
from .compare.readers import check_named
from .compare.records import MEASURES
from .compare.render import aligned
from .compare.roles import (
    language_column,
    prediction_columns,
    reference_columns,
    source_column,
)
from .compare.tables import read_header
from .protocols import get_protocol

# What only makes sense when all segments are in memory, with its default.
_WITHOUT_STREAM = {
    "sources": None,
    "references": None,
    "languages": None,
    "segments": None,
    "report": None,
    "against": None,
    "id_column": None,
    "input_format": "auto",
    "tsv_quoting": "auto",
}
# How corpus scores are written.
_FORMATS = ("text", "json")


def stream(given: Mapping[str, Any]) -> int:
    """Score tables into shards, print the corpus scores, and return the exit code.

    Raises:
        ImportError: the package is not installed whole.
        ValueError: an option does not go with `--stream`, or the tables have not the
            columns.
    """
    _check(given)
    # Here, so that the other commands do not pay for it.
    try:
        from .scale import score_dataset
    except ImportError as error:
        raise ImportError(
            f"`--stream` needs the whole package (`pip install .` in a clone): {error}"
        ) from error
    wanted = request(given)
    output_format = wanted.output.chosen_format()
    if output_format not in _FORMATS:
        raise ValueError(
            f"`--format` must be one of {list(_FORMATS)} with `--stream`; got"
            f" {str(output_format)!r}"
        )
    if len(wanted.files) > 1:
        raise ValueError(f"`--stream` scores one table; got {len(wanted.files)} files")
    _check_suffix(wanted.files[0])
    wanted.output.check(wanted.files)
    _check_folder(given["stream"], wanted.output)
    floors = parse_floors(wanted.fail_under)
    columns = _columns(wanted)
    check_floors(floors, get_protocol(wanted.protocol), columns)
    scores = score_dataset(
        list(wanted.files),
        given["stream"],
        **columns,
        protocol=wanted.protocol,
        workers=given["workers"],
        progress=wanted.output.show_progress(),
        device=wanted.device,
        dtype=wanted.dtype,
        batch_size=wanted.batch_size,
        confidence=wanted.confidence,
        n_resamples=wanted.resamples,
        seed=wanted.seed,
        **wanted.models,
    )
    _write(scores, wanted)
    failures = below_floors("the corpus", scores, floors)
    for failure in failures:
        print_error(failure)
    return FAILED_GATE if failures else 0


def _check(given: Mapping[str, Any]) -> None:
    for name, default in _WITHOUT_STREAM.items():
        # An option that can be given more than once is empty when it is not given.
        if given[name] and given[name] != default:
            option = name.replace("_", "-")
            raise ValueError(
                f"`--{option}` does not go with `--stream`, which reads columns of one"
                " table"
            )


def _check_suffix(path: str) -> None:
    from .scale.files import READERS, is_readable

    # Other commands read .json as JSON Lines; in a folder it is seldom that.
    if not is_readable(Path(path)):
        suffixes = ", ".join(READERS)
        raise ReaderError(f"{path}: `--stream` reads files that end in {suffixes}")


def _check_folder(folder: str, output: Output) -> None:
    """Check that the folder of shards is one, and holds nothing else."""
    if not folder or Path(folder).is_file():
        raise ValueError(f"`--stream` must name a folder; got {folder!r}")
    shards = Path(folder).resolve()
    if output.path is not None and Path(output.path).resolve().parent == shards:
        raise ValueError(
            f"`--output` must not lie in the folder of `--stream`; got {output.path!r}"
        )


def _columns(wanted: Request) -> dict[str, Any]:
    """Find the columns of the file by its header."""
    # One of each kind, because rows are read one table at a time.
    table = read_header(wanted.files[0])
    check_named({table.path: table}, wanted.names)
    outputs, _ = prediction_columns(table, wanted.names)
    if len(outputs) != 1:
        raise ReaderError(
            f"{table.path}: `--stream` scores one system; name one of {outputs} by"
            " --prediction-column"
        )
    columns: dict[str, str | None] = {
        "predictions": outputs[0],
        "sources": source_column(table, wanted.names, "predictions"),
        "references": None,
        "languages": None,
    }
    references = reference_columns(table, wanted.names)
    protocol = get_protocol(wanted.protocol)
    if references and protocol.references != "unused":
        if len(references) > 1:
            raise ReaderError(
                f"{table.path}: `--stream` reads one column of references, of strings"
                f" or of lists; name one of {references} by --reference-column"
            )
        columns["references"] = references[0]
    if protocol.languages or wanted.names.language:
        columns["languages"] = language_column(table, wanted.names)
    return columns


def _write(scores: Mapping[str, Any], wanted: Request) -> None:
    """Write corpus scores as JSON, or as one line per measure."""
    if wanted.output.chosen_format() == "json":
        text = json.dumps(scores, ensure_ascii=False, indent=2)
    else:
        text = "\n".join(_lines(scores))
    put(text, wanted.output.path)


def _lines(scores: Mapping[str, Any]) -> list[str]:
    lines = []
    for measure, name in MEASURES.items():
        if measure not in scores:
            continue
        line = f"{name:10} {scores[measure]:.4f}"
        if measure in scores["intervals"]:
            low, high = scores["intervals"][measure]
            line += f" [{low:.4f}, {high:.4f}]"
        lines.append(line)
    lines.append(f"{'n':10} {scores['n']}")
    if scores["intervals"]:
        lines.append(f"{'intervals':10} {100 * scores['confidence']:g} %")
    if "languages" in scores:
        lines += ["", aligned(_language_rows(scores))]
    return [*lines, "", f"signature: {scores['signature']}"]


def _language_rows(scores: Mapping[str, Any]) -> list[list[str]]:
    columns = {**scores["languages"], "macro average": scores["macro"]}
    rows = [["by language", *columns]]
    for measure, name in MEASURES.items():
        if measure in scores:
            rows.append([name, *(f"{mean[measure]:.4f}" for mean in columns.values())])
    return rows
