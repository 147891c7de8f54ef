"""Run a command: options that take several values, one-line errors, exit codes and
quiet pipes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

NAME = "toxicity-j"
FAILED_GATE = 1
ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
# Options that take all values up to the next option, as `--predictions a.txt b.txt`;
# click has none of these.
VARIADIC = (
    "--predictions",
    "--references",
    "--prediction-column",
    "--reference-column",
    "--fail-under",
)
# Set it to any value to see the traceback of an error.
DEBUG = "TOXICITY_J_DEBUG"


class Program(TyperGroup):
    """The program: an error is one line on stderr and exit code 2, Ctrl-C 130."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and exit with the code that it returns."""
        standalone = options.pop("standalone_mode", True)
        options |= {"prog_name": NAME, "standalone_mode": False}

        def run() -> Any:
            return super(Program, self).main(*args, **options)

        code = exit_code(run)
        if standalone:
            sys.exit(code)
        return code


class Command(TyperCommand):
    """A command whose `VARIADIC` options take several values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the name of a variadic option before each of its values."""
        return super().parse_args(ctx, repeat_options(args))


def repeat_options(args: Sequence[str]) -> list[str]:
    """Write `--predictions a b` as `--predictions a --predictions b`."""
    # "-" stands for stdin, so it is a value and not an option.
    repeated: list[str] = []
    option = ""
    for index, argument in enumerate(args):
        if argument == "--":
            return [*repeated, *args[index:]]
        if argument.startswith("-") and argument != "-":
            option = ""
            if argument in VARIADIC:
                option = argument
            else:
                repeated.append(argument)
        elif option:
            repeated += [option, argument]
        else:
            repeated.append(argument)
    return repeated


def exit_code(run: Callable[[], Any]) -> int:
    """Call a command and return its exit code; report what it raises on one line.

    Args:
        run: returns an exit code, or None for 0.
    """
    try:
        code = int(run() or 0)
    except (KeyboardInterrupt, typer.Abort):
        # Newer versions of typer return 130 themselves.
        code = INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # typer ends with SystemExit when the reader of its help is gone.
        silence_stdout()
        return 0
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        message = one_line(error)
        if message:  # a command without arguments has shown its help
            print_error(f"error: {message}")
        return ERROR
    if code == INTERRUPTED:
        print_error("interrupted")
    return code


def one_line(error: BaseException) -> str:
    """Return an error's message on one line, with its type if nobody foresaw it."""
    usage = getattr(error, "format_message", None)
    if usage is not None:
        return " ".join(str(usage()).split())
    message = " ".join(str(error).split())
    if isinstance(error, (ImportError, OSError, TypeError, ValueError)) and message:
        return message
    return f"{type(error).__name__}: {message} (set {DEBUG}=1 to see where)"


def print_error(text: str) -> None:
    """Print one line to stderr, after the program's name."""
    print(f"{NAME}: {text}", file=sys.stderr)


def print_quietly(text: str) -> None:
    """Print text to stdout; when its reader is gone, as in `| head`, say nothing."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        silence_stdout()


def put(text: str, path: str | None) -> None:
    """Write text and a line's end to a file, or to stdout where there is none.

    Raises:
        OSError: the file cannot be written.
    """
    if path is None:
        print_quietly(text)
    else:
        Path(path).write_text(f"{text}\n", encoding="utf-8")


def silence_stdout() -> None:
    """Send what is left for stdout nowhere."""
    # Python flushes stdout at exit, and would complain about the closed pipe.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
