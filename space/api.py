"""Named endpoints that return numbers, for `gradio_client` and plain HTTP."""

from __future__ import annotations

from typing import Any

import gradio as gr

from . import batch, pair
from .limits import MAX_ROWS, InputError
from .models import OWN, Choice
from .tables import checked_columns, role_of


def score(
    source: str,
    rewrites: list[str],
    protocol: str = "embedded",
    style_model: str = OWN,
    content_model: str = OWN,
    fluency_model: str = OWN,
    reference: str = "",
) -> dict:
    """Score the rewrites of one source.

    Args:
        source: the sentence that was rewritten.
        rewrites: its rewrites.
        protocol: a protocol's name.
        style_model: "protocol", "encoder" or "identifier".
        content_model: "protocol" or "encoder".
        fluency_model: "protocol" or "encoder".
        reference: a human rewrite, for protocols that use one.

    Returns:
        Columns `sta`, `sim`, `fl`, `j`, `p_toxic`, one number per rewrite, and
        `signature`.
    """
    try:
        return pair.score_pair(
            source,
            rewrites,
            Choice(protocol, style_model, content_model, fluency_model),
            reference,
        )
    except InputError as error:
        # Not printed: a visitor's mistake is no news for the server's log.
        raise gr.Error(str(error), print_exception=False) from error


def compare(
    systems: dict,
    sources: list[str] | None,
    references: list[str] | None = None,
    languages: list[str] | None = None,
    protocol: str = "embedded",
    style_model: str = OWN,
    content_model: str = OWN,
    fluency_model: str = OWN,
) -> dict:
    """Score and compare systems on the same sources.

    Args:
        systems: by name, one rewrite per source.
        sources: the sentences that were rewritten; None computes STA alone.
        references: one human rewrite per source, where the protocol uses them.
        languages: one per source, where the protocol reports by language.
        protocol: a protocol's name.
        style_model: "protocol", "encoder" or "identifier".
        content_model: "protocol" or "encoder".
        fluency_model: "protocol" or "encoder".

    Returns:
        `systems` (by name, corpus scores and per-segment columns), `rows` (numbers of
        the rows that were scored, from 1; blank rows are not), `verdict`, `signature`.
    """
    try:
        choice = Choice(protocol, style_model, content_model, fluency_model)
        named: dict[str, Any] = {
            "source": sources,
            "language": languages,
            "reference": references,
            **_checked(systems),
        }
        given = {name: texts for name, texts in named.items() if texts is not None}
        _check_lengths(given)
        # In a table such a column counts as none, and the page says so.
        if sources is not None and not any(map(str.strip, sources)):
            raise InputError("`sources` holds no text; None computes STA alone.")
        rows = list(zip(*given.values(), strict=True))
        columns = checked_columns(list(given), rows)
        # The last step is the result.
        steps = list(batch.score_table(columns, choice))
    except InputError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return _result(steps[-1])


def _checked(systems: Any) -> dict[str, list[str]]:
    if not isinstance(systems, dict) or not systems:
        raise InputError(
            "`systems` must be a dict from a system's name to its rewrites."
        )
    # In a table such a column would be read as the sources, and not be scored.
    reserved = [name for name in systems if role_of(str(name)) != "systems"]
    if reserved:
        raise InputError(
            f"A system cannot be named {reserved[0]!r}:"
            " that name is for another column."
        )
    return systems


def _check_lengths(columns: dict[str, Any]) -> None:
    for name, texts in columns.items():
        # `str` itself is a sequence of strings, so the type is asked for first.
        if not isinstance(texts, list) or not _all_strings(texts):
            raise InputError(f"`{name}` must be a list of strings.")
        if len(texts) > MAX_ROWS:
            raise InputError(
                f"`{name}` has {len(texts):,} rows; at most {MAX_ROWS} are scored here."
            )
    lengths = {name: len(texts) for name, texts in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"Columns must have equal length; got {lengths}.")


def _all_strings(texts: list[Any]) -> bool:
    return all(isinstance(text, str) for text in texts)


def _result(scored: Any) -> dict[str, Any]:
    systems = {}
    for system in scored.comparison.systems:
        corpus = {name: estimate.value for name, estimate in system.scores.items()}
        systems[system.name] = {
            "rank": system.rank,
            **corpus,
            "segments": scored.segments[system.name].as_lists(),
        }
    comparison = scored.comparison
    return {
        "systems": systems,
        "rows": scored.columns.rows,
        "verdict": list(comparison.verdict),
        "signature": comparison.signature,
    }
