"""The command line, `toxicity-j` or `python -m toxicity_j`: score, compare, report and protocols.

Exit codes: 0; 1 when a gate fails; 2 for an error, which is one line on stderr; 130 after Ctrl-C. Input files are
checked before any model is loaded.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import cli_options as options
from .cli_program import Command, Program
from .version import VERSION

app = typer.Typer(
    cls=Program,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Score and compare systems for text detoxification: STA, SIM, FL and J.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"toxicity_j {VERSION}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(cls=Command)
def score(
    files: options.Files = None,
    predictions: options.Predictions = None,
    sources: options.Sources = None,
    references: options.References = None,
    languages: options.Languages = None,
    input_format: options.InputFormats = options.InputFormat.auto,
    tsv_quoting: options.Quotings = options.Quoting.auto,
    source_column: options.SourceColumn = None,
    prediction_column: options.PredictionColumn = None,
    reference_column: options.ReferenceColumn = None,
    language_column: options.LanguageColumn = None,
    id_column: options.IdColumn = None,
    protocol: options.Protocols = "embedded",
    style_model: options.StyleModel = None,
    content_model: options.ContentModel = None,
    fluency_model: options.FluencyModel = None,
    threshold: options.Threshold = None,
    device: options.Device = None,
    dtype: options.Dtypes = options.Dtype.float32,
    batch_size: options.BatchSize = None,
    output_format: options.Formats = None,
    output: options.OutputFile = None,
    segments: options.SegmentsFile = None,
    report: options.Report = None,
    confidence: options.Confidence = 0.95,
    resamples: options.Resamples = 1000,
    seed: options.Seed = 0,
    progress: options.Progress = None,
    stream: options.Stream = None,
    workers: options.Workers = 1,
    fail_under: options.FailUnder = None,
    against: options.Against = None,
) -> int:
    """Score one or more systems: a table with intervals, the verdict in words and the signature."""
    return _run(locals())


@app.command(cls=Command)
def compare(
    files: options.Files = None,
    predictions: options.Predictions = None,
    sources: options.Sources = None,
    references: options.References = None,
    languages: options.Languages = None,
    input_format: options.InputFormats = options.InputFormat.auto,
    tsv_quoting: options.Quotings = options.Quoting.auto,
    source_column: options.SourceColumn = None,
    prediction_column: options.PredictionColumn = None,
    reference_column: options.ReferenceColumn = None,
    language_column: options.LanguageColumn = None,
    id_column: options.IdColumn = None,
    protocol: options.Protocols = "embedded",
    style_model: options.StyleModel = None,
    content_model: options.ContentModel = None,
    fluency_model: options.FluencyModel = None,
    threshold: options.Threshold = None,
    device: options.Device = None,
    dtype: options.Dtypes = options.Dtype.float32,
    batch_size: options.BatchSize = None,
    output_format: options.Formats = None,
    output: options.OutputFile = None,
    segments: options.SegmentsFile = None,
    report: options.Report = None,
    confidence: options.Confidence = 0.95,
    resamples: options.Resamples = 1000,
    seed: options.Seed = 0,
    progress: options.Progress = None,
    baseline: options.Baseline = None,
    fail_under: options.FailUnder = None,
    against: options.Against = None,
) -> int:
    """Compare two or more systems: ranks, groups, pairwise tests with correction, effect sizes."""
    return _run({**locals(), "pairwise": True})


@app.command()
def report(
    results: Annotated[str, typer.Argument(metavar="RESULTS.json", help="Saved by --format json --output FILE.")],
    output_format: options.Formats = None,
    output: options.OutputFile = None,
    segments: options.SegmentsFile = None,
    report: options.Report = None,
) -> None:
    """Show saved results again, in any format, without scoring."""
    from .cli_request import Output
    from .cli_run import load, write

    wanted = Output(output_format, output, segments, report)
    wanted.check((results,))
    comparison = load(results)
    write(comparison, wanted, pairwise=len(comparison.systems) > 1)


@app.command()
def protocols(
    output_format: Annotated[
        options.TableFormat, typer.Option("--format", help="How the table is shown.")
    ] = options.TableFormat.text,
) -> None:
    """List the protocols: their models, sizes, licences and columns, and which models are on this machine."""
    from .cli_program import print_quietly
    from .cli_protocols import protocol_table

    print_quietly(protocol_table(output_format.value))


def main() -> None:
    """Run the command line."""
    app()


def _run(given: dict[str, Any]) -> int:
    """Turn options into a request and run it."""
    from .cli_request import request
    from .cli_run import run

    if given.get("stream") is not None:
        from .cli_stream import stream

        return stream(given)
    return run(request(given))
