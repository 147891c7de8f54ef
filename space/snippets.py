"""The Python, the command and the API call that reproduce what is on screen."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from toxicity_j import protocols
from toxicity_j.builtin_weights import HUB_SPACE

from .models import ROLES, Choice
from .tables import Columns

SPACE = os.environ.get("SPACE_ID", HUB_SPACE)
# Rows that a snippet spells out; a longer table is read from a file.
_SPELLED_OUT = 6


def pair_python(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> str:
    """Return Python that scores one source's rewrites."""
    predictions = "".join(f"    {text!r},\n" for text in rewrites)
    third = ", references" if _uses(choice, reference) else ""
    references = f"references = [[{reference!r}]] * {len(rewrites)}\n" if third else ""
    return (
        "from toxicity_j import Scorer\n\n"
        f"predictions = [\n{predictions}]\n"
        f"sources = [{source!r}] * {len(rewrites)}\n{references}"
        f"segments = Scorer({_arguments(choice)}).score(predictions, sources{third})\n"
        "print(segments.as_lists())\n"
        "print(segments.signature)"
    )


def pair_command(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> str:
    """Return the shell commands that score one source's rewrites."""
    sources = " ".join(shlex.quote(_one_line(source)) for _ in rewrites)
    predictions = " ".join(shlex.quote(_one_line(text)) for text in rewrites)
    references = " ".join(shlex.quote(_one_line(reference)) for _ in rewrites)
    uses = _uses(choice, reference)
    third = f"printf '%s\\n' {references} > references.txt\n" if uses else ""
    flag = " --references references.txt" if uses else ""
    return (
        f"printf '%s\\n' {sources} > sources.txt\nprintf '%s\\n' {predictions} >"
        f" rewrites.txt\n{third}toxicity-j score rewrites.txt --sources"
        f" sources.txt{flag}{_flags(choice)} --segments segments.csv"
    )


def pair_api(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> str:
    """Return Python that asks this page's API for the same numbers."""
    third = f"    reference={reference!r},\n" if _uses(choice, reference) else ""
    return (
        "from gradio_client import Client\n\nclient ="
        f" Client({SPACE!r})\nprint(client.predict(\n    source={source!r},\n   "
        f" rewrites={list(rewrites)!r},\n{third}{_api_arguments(choice)}   "
        ' api_name="/score",\n))'
    )


def table_python(columns: Columns, choice: Choice) -> str:
    """Return Python that compares the systems of a table."""
    head = "from toxicity_j import Scorer, compare\n"
    if len(columns.rows) <= _SPELLED_OUT:
        data = _spelled_out(columns)
    else:
        head += "from toxicity_j.compare.readers import read_columns\n"
        data = (
            'inputs = read_columns(["table.csv"])  # the table, from “Download the'
            " table (CSV)”\n"
        )
        data += "systems, sources = inputs.systems, inputs.sources\n"
        data += "references, languages = inputs.references, inputs.languages\n"
    return (
        f"{head}\n{data}comparison = compare(systems, sources, references, languages,"
        f" scorer=Scorer({_arguments(choice)}))\nprint(comparison.to_text())"
    )


def table_command(choice: Choice, systems: int) -> str:
    """Return the shell command that scores one system, or compares several, of a
    downloaded table.
    """
    command = "compare" if systems > 1 else "score"
    return (
        "# table.csv is the table, from “Download the table (CSV)”\ntoxicity-j"
        f" {command} table.csv{_flags(choice)}"
    )


def table_api(columns: Columns, choice: Choice) -> str:
    """Return Python that asks this page's API for the comparison."""
    data = (
        _spelled_out(columns)
        if len(columns.rows) <= _SPELLED_OUT
        else _shortened(columns)
    )
    extra = "" if columns.references is None else "    references=references,\n"
    extra += "" if columns.languages is None else "    languages=languages,\n"
    return (
        f"from gradio_client import Client\n\n{data}client ="
        f" Client({SPACE!r})\nprint(client.predict(\n    systems=systems,\n   "
        f" sources=sources,\n{extra}{_api_arguments(choice)}   "
        ' api_name="/compare",\n))'
    )


def _uses(choice: Choice, reference: str) -> bool:
    return (
        bool(reference.strip()) and protocols()[choice.protocol].references != "unused"
    )


def _spelled_out(columns: Columns) -> str:
    systems = "".join(
        f"    {name!r}: {texts!r},\n" for name, texts in columns.systems.items()
    )
    return (
        f"systems = {{\n{systems}}}\nsources = {columns.sources!r}\n"
        f"references = {columns.references!r}\nlanguages = {columns.languages!r}\n"
    )


def _shortened(columns: Columns) -> str:
    systems = "".join(
        f"    {name!r}: [{texts[0]!r}, ...],\n"
        for name, texts in columns.systems.items()
    )
    sources = None if columns.sources is None else columns.sources[0]
    return f"systems = {{\n{systems}}}\nsources = [{sources!r}, ...]\n"


def _arguments(choice: Choice) -> str:
    options = "".join(f", {name}={model!r}" for name, model in choice.options().items())
    return f"{choice.protocol!r}{options}"


def _flags(choice: Choice) -> str:
    flags = "" if choice.protocol == "embedded" else f" --protocol {choice.protocol}"
    for name, model in choice.options().items():
        flags += f" --{name.replace('_', '-')} {model}"
    return flags


def _api_arguments(choice: Choice) -> str:
    lines = (
        "" if choice.protocol == "embedded" else f"    protocol={choice.protocol!r},\n"
    )
    for role in ROLES:
        model = getattr(choice, role)
        if f"{role}_model" in choice.options():
            lines += f"    {role}_model={model!r},\n"
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))
