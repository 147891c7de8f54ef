"""Lay out a comparison in rows: what its tables say, whatever they are written in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from .comparison import Comparison
from .records import MEASURES, Pair, System
from .verdict import (
    is_different,
    show_estimate,
    show_interval,
    show_number,
    show_p,
)

Rows = list[list[str]]


def records(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one flat record per system: name, rank, group, n, scores, intervals.

    With languages there is also the macro average of each score.
    """
    return [_record(system, comparison) for system in comparison.systems]


def score_rows(comparison: Comparison) -> Rows:
    """Return the table of scores: a header, then one row per system, best first."""
    measures = list(comparison.systems[0].scores)
    titles = [MEASURES[measure] for measure in measures]
    # One system has no rank.
    places = ["rank", "group"]
    if len(comparison.systems) == 1:
        places = []
    header = ["system", *places, *titles, "n"]
    return [header, *(_score_row(system, comparison) for system in comparison.systems)]


def _score_row(system: System, comparison: Comparison) -> list[str]:
    name = system.name
    if name == comparison.baseline:
        name += " (baseline)"
    row = [one_line(name)]
    if len(comparison.systems) > 1:
        row += [str(system.rank), system.letters]
    row += map(show_estimate, system.scores.values())
    row.append(str(comparison.n))
    return row


def pair_rows(comparison: Comparison) -> Rows:
    """Return the table of pairs: main differences, tests and effect sizes."""
    measure = MEASURES[comparison.main]
    p_value = "corrected p"
    # Of one test nothing is corrected.
    if len(comparison.pairs) == 1:
        p_value = "p"
    header = [
        "pair",
        f"difference in {measure}",
        p_value,
        "effect size",
        "better/equal/worse",
    ]
    return [header, *(_pair_row(pair, comparison) for pair in comparison.pairs)]


def language_rows(comparison: Comparison) -> Rows:
    """Return the table of the main measure by language; no rows without languages."""
    best = comparison.systems[0]
    if best.by_language is None or best.macro is None:
        return []
    title = f"{MEASURES[comparison.main]} by language"
    header = [title, *map(one_line, best.by_language), "macro average"]
    return [
        header,
        *(_language_row(one, comparison.main) for one in comparison.systems),
    ]


def _language_row(system: System, measure: str) -> list[str]:
    means = [*(system.by_language or {}).values(), system.macro or {}]
    return [one_line(system.name), *(show_number(mean[measure]) for mean in means)]


def show_level(comparison: Comparison) -> str:
    """Return the level of the intervals as "95 %"."""
    return f"{100 * comparison.confidence:g} %"


def _pair_row(pair: Pair, comparison: Comparison) -> list[str]:
    difference = pair.differences[comparison.main]
    names = one_line(f"{pair.first} vs {pair.second}")
    value = show_number(difference.value, signed=True)
    interval = show_interval(difference.low, difference.high)
    # The header says "p" already: "0.012" or "< 0.001".
    p_value = show_p(difference.p_corrected)
    p_value = p_value.removeprefix("p").removeprefix(" = ").strip()
    if is_different(pair, comparison.main, 1 - comparison.confidence):
        p_value += " *"
    effect = "-"
    if difference.effect_size is not None:
        effect = show_number(difference.effect_size)
    counts = f"{pair.wins}/{pair.ties}/{pair.losses}"
    return [names, f"{value} {interval}".rstrip(), p_value, effect, counts]


def _record(system: System, comparison: Comparison) -> dict[str, Any]:
    record: dict[str, Any] = {
        "system": system.name,
        "rank": system.rank,
        "group": system.letters,
        "n": comparison.n,
    }
    for measure, estimate in system.scores.items():
        record[measure] = estimate.value
        record[f"{measure}_low"] = estimate.low
        record[f"{measure}_high"] = estimate.high
        if system.macro is not None:
            record[f"{measure}_macro"] = system.macro[measure]
    return record


def one_line(text: str) -> str:
    """Return text with each run of white space as one space."""
    return " ".join(text.split())


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV that ends each of them in LF; a cell keeps its line breaks."""
    lines = []
    for row in rows:
        written = io.StringIO()
        # Told to end lines in LF, the writer of Python 3.11 does not quote a lone CR.
        csv.writer(written).writerow(row)
        lines.append(written.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)
