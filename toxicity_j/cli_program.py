"""Run a command: options that take several values, one-line errors, exit codes and
quiet pipes.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
            name, is_joined, value = argument.partition("=")
            option = name if name in VARIADIC else ""
            if option and is_joined:
                repeated += [option, value]
            elif not option:
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
        silence_closed()
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
    # None where it was closed (`2>&-`); `print` would then take stdout.
    if sys.stderr is None:
        return
    with no_reader_needed():
        print(f"{NAME}: {text}", file=sys.stderr, flush=True)


def print_quietly(text: str) -> None:
    """Print text to stdout; when its reader is gone, as in `| head`, say nothing."""
    with no_reader_needed():
        print(printable(text), flush=True)


def printable(text: str) -> str:
    """Escape the characters that stdout cannot encode, as `\\xe9`."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def put(text: str, path: str | None) -> None:
    """Write text and a line's end to a file, or to stdout where there is none.

    Raises:
        OSError: the file cannot be written.
    """
    if path is None:
        with _named("standard output"):
            print_quietly(text)
    else:
        write_file(f"{text}\n".encode(), path)


def write_file(content: bytes, path: str) -> None:
    """Write a file, which is complete or as it was before.

    Raises:
        OSError: the file cannot be written.
    """
    # Here, so that output to stdout does not pay for it.
    from .scale.manifest import write_atomically

    # A link stays, and its target is replaced.
    target = Path(path).resolve()

    def write(file: Path) -> None:
        file.write_bytes(content)
        if target.exists():
            # A private file stays private.
            shutil.copymode(target, file)

    with _named(path):
        if is_replaceable(path):
            write_atomically(target, write)
        else:
            with no_reader_needed():
                Path(path).write_bytes(content)


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Name what was being written in an error that does not, as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = place
        raise


def is_replaceable(path: str) -> bool:
    """Return False for a device, a pipe, or a name of an open file as /dev/stdout."""
    file = Path(path)
    # What is written to an open file is lost once another has taken its name.
    if file.absolute().parts[:2] in (("/", "dev"), ("/", "proc")):
        return False
    if not file.exists():
        return True
    # A file in a folder that cannot be written is written in place.
    can_write = os.access(file, os.W_OK) and os.access(file.resolve().parent, os.W_OK)
    return can_write and file.is_file()


@contextmanager
def no_reader_needed() -> Iterator[None]:
    """Go on when the reader of stdout, stderr or a pipe is gone, as in `| head`."""
    try:
        yield
    except BrokenPipeError:
        silence_closed()


def silence_closed() -> None:
    """Send what is left for stdout and stderr nowhere where their reader is gone."""
    # Python flushes both at exit, and would complain about the closed pipe.
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
