"""Options of the command line: one annotated type each, shared by the commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from os.path import expanduser
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How results are shown."""

    text = "text"
    markdown = "markdown"
    latex = "latex"
    json = "json"
    csv = "csv"


class TableFormat(StrEnum):
    """How the table of protocols is shown."""

    text = "text"
    markdown = "markdown"
    json = "json"


class InputFormat(StrEnum):
    """How input files are read; with "auto" the suffix decides."""

    auto = "auto"
    text = "text"
    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"
    parquet = "parquet"


class Quoting(StrEnum):
    """How TSV files are quoted; "auto" knows the shared tasks' own files."""

    auto = "auto"
    none = "none"
    csv = "csv"


class Dtype(StrEnum):
    """Precision of weights and arithmetic."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


def _option(
    name: str, panel: str, text: str, metavar: str | None = None, **settings: Any
) -> Any:
    return typer.Option(
        name, help=text, rich_help_panel=panel, metavar=metavar, **settings
    )


def _path(name: str, panel: str, text: str, metavar: str) -> Any:
    """Return the option of a path, in which `~` is the user's home."""
    return _option(name, panel, text, metavar, parser=expanduser)


_IN, _COLUMNS, _MODELS, _OUT, _GATES = (
    "Input files",
    "Columns of tables",
    "Models",
    "Results",
    "Gates",
)

Files = Annotated[
    list[str] | None, typer.Argument(metavar="FILE", help="Outputs, as --predictions.")
]
Predictions = Annotated[
    list[str] | None,
    _option("--predictions", _IN, "File or column per system; - is stdin.", "FILE..."),
]
Sources = Annotated[
    str | None, _option("--sources", _IN, "The texts that were rewritten.", "FILE")
]
References = Annotated[
    list[str] | None,
    _option("--references", _IN, "References, one per row and file.", "FILE..."),
]
Languages = Annotated[
    str | None, _option("--languages", _IN, "The language of each row.", "FILE")
]
InputFormats = Annotated[
    InputFormat,
    _option("--input-format", _IN, "Read files as this, whatever their suffix."),
]
Quotings = Annotated[
    Quoting, _option("--tsv-quoting", _IN, "TSV has no quoting; csv undoes quotes.")
]

SourceColumn = Annotated[
    str | None, _option("--source-column", _COLUMNS, "Column of the sources.", "NAME")
]
PredictionColumn = Annotated[
    list[str] | None,
    _option("--prediction-column", _COLUMNS, "Columns of outputs.", "NAME..."),
]
ReferenceColumn = Annotated[
    list[str] | None,
    _option("--reference-column", _COLUMNS, "Columns of references.", "NAME..."),
]
LanguageColumn = Annotated[
    str | None, _option("--language-column", _COLUMNS, "Column of languages.", "NAME")
]
IdColumn = Annotated[
    str | None,
    _option("--id-column", _COLUMNS, "Column by which rows are matched.", "NAME"),
]

Protocols = Annotated[
    str, _option("--protocol", _MODELS, "See `toxicity-j protocols`.", "NAME")
]
StyleModel = Annotated[
    str | None,
    _option("--style-model", _MODELS, "encoder, identifier, Hub id, folder.", "MODEL"),
]
ContentModel = Annotated[
    str | None,
    _option("--content-model", _MODELS, "encoder, Hub id or folder.", "MODEL"),
]
FluencyModel = Annotated[
    str | None,
    _option("--fluency-model", _MODELS, "encoder, Hub id or folder.", "MODEL"),
]
Threshold = Annotated[
    float | None,
    _option(
        "--threshold", _MODELS, "P(toxic) in [0, 1] above which a text counts as toxic."
    ),
]
Device = Annotated[
    str | None, _option("--device", _MODELS, "cpu, cuda, cuda:1 or mps.", "NAME")
]
Dtypes = Annotated[
    Dtype, _option("--dtype", _MODELS, "Precision; lower for large models on a GPU.")
]
BatchSize = Annotated[
    int | None,
    _option("--batch-size", _MODELS, "Most texts in a batch; moves no score."),
]

Formats = Annotated[
    Format | None,
    _option("--format", _OUT, "Default: by the suffix of --output, else text."),
]
OutputFile = Annotated[
    str | None,
    _path("--output", _OUT, "Write results here and not to stdout.", "FILE"),
]
SegmentsFile = Annotated[
    str | None,
    _path("--segments", _OUT, "Per-segment .jsonl, .csv, .tsv or .parquet.", "FILE"),
]
Report = Annotated[
    str | None,
    _path("--report", _OUT, "Write a self-contained HTML report.", "FILE.html"),
]
Confidence = Annotated[
    float, _option("--confidence", _OUT, "Level of the intervals, in (0, 1).")
]
Resamples = Annotated[
    int, _option("--resamples", _OUT, "Bootstrap samples and random sign flips.")
]
Seed = Annotated[int, _option("--seed", _OUT, "Seed of both.")]
Progress = Annotated[
    bool | None,
    _option(
        "--progress/--no-progress", _OUT, "Default: bars where stderr is a terminal."
    ),
]
Baseline = Annotated[
    str | None,
    _option("--baseline", _OUT, "The system that the others are held against.", "NAME"),
]
Stream = Annotated[
    str | None,
    _path("--stream", _OUT, "Score a table of any length into shards.", "FOLDER"),
]
Workers = Annotated[
    int, _option("--workers", _OUT, "Processes of --stream, 64 or 4 per core at most.")
]

FailUnder = Annotated[
    list[str] | None,
    _option("--fail-under", _GATES, "Exit 1 if a score is lower.", "MEASURE=NUMBER..."),
]
Against = Annotated[
    str | None,
    _path("--against", _GATES, "Saved JSON; exit 1 on a significant drop.", "FILE"),
]


def with_scoring_options(command: Callable[..., int]) -> Callable[..., int]:
    """Put the options that `score` and `compare` share before a command's own."""
    shared = inspect.signature(_shared, eval_str=True)
    own = inspect.signature(command, eval_str=True)
    parameters = [*shared.parameters.values(), *own.parameters.values()]
    named = [
        parameter
        for parameter in parameters
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    # typer reads both; the command still takes `**given`, in which the shared options
    # arrive.
    command.__dict__["__signature__"] = own.replace(parameters=named)
    command.__annotations__ = {
        parameter.name: parameter.annotation for parameter in named
    }
    return command


def _shared(
    files: Files = None,
    predictions: Predictions = None,
    sources: Sources = None,
    references: References = None,
    languages: Languages = None,
    input_format: InputFormats = InputFormat.auto,
    tsv_quoting: Quotings = Quoting.auto,
    source_column: SourceColumn = None,
    prediction_column: PredictionColumn = None,
    reference_column: ReferenceColumn = None,
    language_column: LanguageColumn = None,
    id_column: IdColumn = None,
    protocol: Protocols = "embedded",
    style_model: StyleModel = None,
    content_model: ContentModel = None,
    fluency_model: FluencyModel = None,
    threshold: Threshold = None,
    device: Device = None,
    dtype: Dtypes = Dtype.float32,
    batch_size: BatchSize = None,
    output_format: Formats = None,
    output: OutputFile = None,
    segments: SegmentsFile = None,
    report: Report = None,
    confidence: Confidence = 0.95,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    progress: Progress = None,
    fail_under: FailUnder = None,
    against: Against = None,
) -> None:
    """Declare the options that `score` and `compare` share; never called."""
