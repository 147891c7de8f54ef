"""Flags that several commands of this folder share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

__all__ = ["add_data_flag", "add_tier_flag", "command_parser"]


def command_parser(name: str, docstring: str) -> argparse.ArgumentParser:
    """Make the parser of `python -m training.NAME`, described by the first line of its
    module's docstring.
    """
    return argparse.ArgumentParser(
        prog=f"python -m training.{name}", description=docstring.splitlines()[0]
    )


def add_data_flag(
    add: Callable[..., object],
    holds: str = "folder with the files of made_up_files.txt",
) -> None:
    """Add the required `--data`, by a parser's or a group's `add_argument`."""
    add("--data", type=Path, required=True, help=holds)


def add_tier_flag(add: Callable[..., object]) -> None:
    """Add `--tier`, by a parser's or a group's `add_argument`."""
    add(
        "--tier",
        choices=("open", "all"),
        default="all",
        help="license tier of the rows learned from",
    )
