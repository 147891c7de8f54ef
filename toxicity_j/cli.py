"""The command line, `toxicity-j` or `python -m toxicity_j`: score, compare, report and
protocols.

Exit codes: 0; 1 when a gate fails; 2 for an error, which is one line on stderr; 130
after Ctrl-C. Input files are checked before any model is loaded.
"""

from __future__ import annotations

from os.path import expanduser
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
        bool,
        typer.Option(
            "--version", help="Show the version.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


@app.command(cls=Command)
@options.with_scoring_options
def score(
    stream: options.Stream = None, workers: options.Workers = 1, **given: Any
) -> int:
    """Score one or more systems: a table with intervals, a verdict, the signature."""
    if stream is None:
        if workers != 1:
            raise ValueError(f"`--workers` needs `--stream`; got {workers}")
        return _run(given)
    from .cli_stream import stream as run_stream

    return run_stream({**given, "stream": stream, "workers": workers})


@app.command(cls=Command)
@options.with_scoring_options
def compare(baseline: options.Baseline = None, **given: Any) -> int:
    """Compare two or more systems: ranks, groups, tests with correction, effects."""
    return _run({**given, "baseline": baseline, "pairwise": True})


@app.command()
def report(
    results: Annotated[
        str,
        typer.Argument(
            metavar="RESULTS.json",
            help="Saved by --format json --output FILE.",
            parser=expanduser,
        ),
    ],
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
    write(comparison, wanted)


@app.command()
def protocols(
    output_format: Annotated[
        options.TableFormat, typer.Option("--format", help="How the table is shown.")
    ] = options.TableFormat.text,
) -> None:
    """List the protocols, their models, and which of those are on this machine."""
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

    return run(request(given))
