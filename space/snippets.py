"""The Python, the command and the API call that reproduce what is on screen."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from toxicity_j import protocols
from toxicity_j.builtin_weights import HUB_SPACE

from .models import Choice
from .tables import Columns

# A Space says where it runs; elsewhere the snippets name the release's own.
SPACE = os.environ.get("SPACE_ID", HUB_SPACE)
# Rows that a snippet spells out; a longer table is read from a file.
_SPELLED_OUT = 6
# The link below the comparison that holds the table.
_DOWNLOAD = "“Download the table (CSV)”"


def pair_python(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> str:
    """Return Python that scores one source's rewrites."""
    predictions = "".join(f"    {text!r},\n" for text in rewrites)
    columns, references = "predictions, sources", ""
    if _uses(choice, reference):
        columns += ", references"
        references = f"references = [[{reference!r}]] * {len(rewrites)}\n"
    return (
        "from toxicity_j import Scorer\n\n"
        f"predictions = [\n{predictions}]\n"
        f"sources = [{source!r}] * {len(rewrites)}\n{references}"
        f"segments = Scorer({_arguments(choice)}).score({columns})\n"
        "print(segments.as_lists())\n"
        "print(segments.signature)"
    )


def pair_command(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> str:
    """Return the shell commands that score one source's rewrites."""
    count = len(rewrites)
    command = "toxicity-j score rewrites.txt --sources sources.txt"
    lines = [
        _written("sources.txt", [source] * count),
        _written("rewrites.txt", rewrites),
    ]
    if _uses(choice, reference):
        lines.append(_written("references.txt", [reference] * count))
        command += " --references references.txt"
    lines.append(f"{command}{_flags(choice)} --segments segments.csv")
    return "\n".join(lines)


def pair_api(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> str:
    """Return Python that asks this page's API for the same numbers."""
    arguments = [f"source={source!r}", f"rewrites={list(rewrites)!r}"]
    if _uses(choice, reference):
        arguments.append(f"reference={reference!r}")
    return _api_call("/score", arguments, choice)


def table_python(columns: Columns, choice: Choice) -> str:
    """Return Python that compares the systems of a table."""
    head = "from toxicity_j import Scorer, compare\n"
    if len(columns.rows) <= _SPELLED_OUT:
        data = _spelled_out(columns)
    else:
        head += "from toxicity_j.compare.readers import read_columns\n"
        data = (
            f'inputs = read_columns(["table.csv"])  # the table, from {_DOWNLOAD}\n'
            "systems, sources = inputs.systems, inputs.sources\n"
            "references, languages = inputs.references, inputs.languages\n"
        )
    names = "systems, sources, references, languages"
    return (
        f"{head}\n{data}"
        f"comparison = compare({names}, scorer=Scorer({_arguments(choice)}))\n"
        "print(comparison.to_text())"
    )


def table_command(choice: Choice, systems: int) -> str:
    """Return the shell command that scores or compares what is in a download."""
    command = "score"
    if systems > 1:
        command = "compare"
    return (
        f"# table.csv is the table, from {_DOWNLOAD}\n"
        f"toxicity-j {command} table.csv{_flags(choice)}"
    )


def table_api(columns: Columns, choice: Choice) -> str:
    """Return Python that asks this page's API for the comparison."""
    data = _shortened(columns)
    if len(columns.rows) <= _SPELLED_OUT:
        data = _spelled_out(columns)
    arguments = ["systems=systems", "sources=sources"]
    if columns.references is not None:
        arguments.append("references=references")
    if columns.languages is not None:
        arguments.append("languages=languages")
    return _api_call("/compare", arguments, choice, data)


def _uses(choice: Choice, reference: str) -> bool:
    protocol = protocols()[choice.protocol]
    return protocol.references != "unused" and bool(reference.strip())


def _written(name: str, texts: Sequence[str]) -> str:
    """Return the shell command that writes texts to a file, one per line."""
    # Quoted, because a text may hold anything that a shell would run.
    words = [shlex.quote(_one_line(text)) for text in texts]
    return f"printf '%s\\n' {' '.join(words)} > {name}"


def _api_call(
    endpoint: str, arguments: Sequence[str], choice: Choice, data: str = ""
) -> str:
    """Return Python that calls an endpoint; `data` defines what arguments name."""
    lines = [*arguments, *_api_arguments(choice), f'api_name="{endpoint}"']
    written = "".join(f"    {line},\n" for line in lines)
    return (
        "from gradio_client import Client\n\n"
        f"{data}client = Client({SPACE!r})\n"
        f"print(client.predict(\n{written}))"
    )


def _spelled_out(columns: Columns) -> str:
    systems = ""
    for name, texts in columns.systems.items():
        systems += f"    {name!r}: {texts!r},\n"
    return (
        f"systems = {{\n{systems}}}\n"
        f"sources = {columns.sources!r}\n"
        f"references = {columns.references!r}\n"
        f"languages = {columns.languages!r}\n"
    )


def _shortened(columns: Columns) -> str:
    systems = ""
    for name, texts in columns.systems.items():
        systems += f"    {name!r}: [{texts[0]!r}, ...],\n"
    source = None
    if columns.sources is not None:
        source = columns.sources[0]
    return f"systems = {{\n{systems}}}\nsources = [{source!r}, ...]\n"


def _arguments(choice: Choice) -> str:
    arguments = [repr(choice.protocol)]
    for name, model in choice.options().items():
        arguments.append(f"{name}={model!r}")
    return ", ".join(arguments)


def _flags(choice: Choice) -> str:
    # What the command does without a flag is not said.
    flags = ""
    if choice.protocol != "embedded":
        flags = f" --protocol {choice.protocol}"
    for name, model in choice.options().items():
        flags += f" --{name.replace('_', '-')} {model}"
    return flags


def _api_arguments(choice: Choice) -> list[str]:
    arguments = []
    if choice.protocol != "embedded":
        arguments.append(f"protocol={choice.protocol!r}")
    for name, model in choice.options().items():
        arguments.append(f"{name}={model!r}")
    return arguments


def _one_line(text: str) -> str:
    # A file of texts has one per line.
    return " ".join(text.split("\n"))
