"""Read uploaded files and pasted text into a table."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toxicity_j.compare.readers import ReaderError, read_columns

from .limits import MAX_FILE_BYTES, MAX_ROWS, MAX_SYSTEMS, InputError, check_files
from .tables import Table, named_columns, role_of

FILE_TYPES = [".txt", ".csv", ".tsv", ".jsonl", ".parquet"]


def read_files(paths: Sequence[str | Path]) -> Table:
    """Read uploaded files into one table.

    A text file is named by its role, such as `sources.txt`; else it is a system.

    Raises:
        InputError: the files are too many, too large, or cannot be read as columns that
            match.
    """
    if not paths:
        raise InputError("Upload a file first.")
    check_files(paths)
    by_role: dict[str, list[str]] = {
        "sources": [],
        "references": [],
        "languages": [],
        "systems": [],
    }
    for path in paths:
        role = role_of(Path(path).stem)
        # One table may hold everything, whatever its name is.
        if len(paths) == 1:
            role = "systems"
        by_role[role].append(str(path))
    if max(len(by_role["sources"]), len(by_role["languages"])) > 1:
        raise InputError(
            "More than one file is named as the sources (or the languages)."
        )
    # Without any system, a table of sources may hold them too.
    if not by_role["systems"]:
        by_role["systems"], by_role["sources"] = by_role["sources"], []
    if not by_role["systems"]:
        raise InputError("No file holds the rewrites of a system.")
    try:
        inputs = read_columns(
            by_role["systems"],
            sources=next(iter(by_role["sources"]), None),
            references=by_role["references"],
            languages=next(iter(by_role["languages"]), None),
        )
    except ReaderError as error:
        raise InputError(_without_folders(str(error), paths)) from error
    except (OSError, ImportError) as error:
        raise InputError(
            f"The upload could not be read ({type(error).__name__})."
        ) from error
    return _table(inputs)


def read_pasted(text: str) -> Table:
    """Read a pasted table, whose cells stand between tabs or commas.

    The first line holds the names of columns, each further line is a row.

    Raises:
        InputError: it is empty or too large, or not a table.
    """
    if not text.strip():
        raise InputError(
            "Paste a table first: column names in the first line, one of them “source”."
        )
    # A lone surrogate has no UTF-8; what is said of it comes with its row.
    if len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        raise InputError("The pasted table has over 5 MB.")
    # Spreadsheets copy cells with tabs between them.
    first = text.lstrip("\n").splitlines()[0]
    suffix = ".csv"
    if "\t" in first:
        suffix = ".tsv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rewrite{suffix}"
        path.write_text(
            text.strip("\n") + "\n", encoding="utf-8", errors="surrogatepass"
        )
        return read_files([path])


def _table(inputs: Any) -> Table:
    """Return what `read_columns` read as cells, the source first.

    Raises:
        InputError: there are too many rows or systems.
    """
    columns = named_columns(inputs, "reference ")
    if len(inputs.systems) > MAX_SYSTEMS:
        raise InputError(
            f"The upload has {len(inputs.systems)} systems;"
            f" at most {MAX_SYSTEMS} are compared here."
        )
    headers, cells = zip(*columns, strict=True)
    rows = list(map(list, zip(*cells, strict=True)))
    if len(rows) > MAX_ROWS:
        raise InputError(
            f"The upload has {len(rows):,} rows; at most {MAX_ROWS} are scored here."
        )
    return Table(list(headers), rows)


def _without_folders(message: str, paths: Sequence[str | Path]) -> str:
    """Return a message without the server's folders, which visitors do not know."""
    for path in paths:
        message = message.replace(f"{Path(path).parent}/", "")
    return message
