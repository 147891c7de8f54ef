"""Show a compared table: verdict, scores with intervals, spread, every segment."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from toxicity_j.compare.records import Texts
from toxicity_j.compare.report import render_html

from .batch import MEASURES, ScoredTable, number_at, segments_csv, table_csv
from .markup import NAMES, bar, level, percent

ORDERS = ["as in the table", "lowest J first", "systems differ most"]
# Bars of a histogram; more would hold a row or two each in tables of this size.
_BINS = 10


def render_scored(scored: ScoredTable) -> str:
    """Return the verdict, the table of systems and the downloads."""
    comparison = scored.comparison
    verdict = "".join(f"<p>{escape(sentence)}</p>" for sentence in comparison.verdict)
    notes = list(comparison.warnings)
    if scored.columns.sources is None:
        notes.append("No row has a source, so STA alone was computed.")
    warnings = "".join(map(_warning, notes))
    return (
        '<section class="tj" aria-label="Comparison">'
        f'<div class="tj-panel tj-verdict"><h3>Result</h3>{verdict}</div>{warnings}'
        f"{_systems(comparison)}{_spread(scored)}{_downloads(scored)}</section>"
    )


def _warning(text: str) -> str:
    return f'<p class="tj-notice tj-info">{escape(text)}</p>'


def _systems(comparison: Any) -> str:
    # Without sources there is STA only.
    computed = comparison.systems[0].scores
    measures = [name for name in ("j", "sta", "sim", "fl") if name in computed]
    heads = "".join(f'<th scope="col">{NAMES[name]}</th>' for name in measures)
    several = len(comparison.systems) > 1
    rows = "".join(
        _system(system, measures, lettered=several) for system in comparison.systems
    )
    note = f"Lines show {comparison.confidence:.0%} intervals over {comparison.n} rows."
    if several:
        note += " Systems that share a letter cannot be told apart."
    table = (
        '<table class="tj-table"><caption>Systems</caption>'
        '<thead><tr><th scope="col">Rank</th><th scope="col">System</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )
    # `tabindex` lets the keyboard scroll what is wider than a phone.
    return (
        '<div class="tj-scroll" tabindex="0" role="region" aria-label="Systems">'
        f'{table}</div><p class="tj-small">{note}</p>'
    )


def _system(system: Any, measures: Sequence[str], *, lettered: bool) -> str:
    """Return one row of the table of systems."""
    cells = [_interval(name, system.scores[name]) for name in measures]
    letters = ""
    if lettered:
        letters = f" <span class='tj-letters'>{escape(system.letters)}</span>"
    return (
        f"<tr><td>{system.rank}</td>"
        f'<th scope="row">{escape(system.name)}{letters}</th>{"".join(cells)}</tr>'
    )


def _interval(name: str, estimate: Any) -> str:
    """Return a cell: a score with a dot on a line from 0 to 1, and its interval."""
    kind = level(name, estimate.value)
    place = percent(estimate.value)
    whisker, words = "", ""
    # One row has no interval.
    if estimate.low is not None:
        low, high = percent(estimate.low), percent(estimate.high)
        # Equal scores still get a line that can be seen.
        width = max(high - low, 0.5)
        whisker = (
            f'<i class="tj-whisker" style="left:{low:.1f}%;width:{width:.1f}%"></i>'
        )
        words = f" <small>{estimate.low:.2f}–{estimate.high:.2f}</small>"
    point = f'<i class="tj-point" style="left:{place:.1f}%"></i>'
    return (
        f'<td><span class="tj-{kind} tj-estimate"><b>{estimate.value:.2f}</b>{words}'
        f'<span class="tj-dot" aria-hidden="true">{whisker}{point}</span></span></td>'
    )


def _spread(scored: ScoredTable) -> str:
    """Return a small histogram per system of the main measure."""
    main = scored.comparison.main
    figures = []
    for system in scored.comparison.systems:
        values = getattr(scored.segments[system.name], main)
        counts = [0] * _BINS
        for value in map(float, values):
            # A score of 1 falls into the last bin, one below 0 into the first.
            place = min(_BINS - 1, max(0, int(value * _BINS)))
            counts[place] += 1
        figures.append(_histogram(system.name, counts))
    return (
        f"<h3>Spread of {NAMES[main]} over rows</h3>"
        f"<div class='tj-spreads'>{''.join(figures)}</div>"
    )


def _histogram(name: str, counts: list[int]) -> str:
    largest = max(counts)
    bars = []
    for place, count in enumerate(counts):
        height = 40 * count / largest
        top = 42 - height
        bars.append(
            f'<rect x="{place * 12 + 1}" y="{top:.1f}"'
            f' width="10" height="{height:.1f}" rx="1.5"/>'
        )
    low, high = sum(counts[: _BINS // 2]), sum(counts[_BINS // 2 :])
    # What a picture says to those who cannot see it.
    label = f"{name}: {low} rows below 0.5, {high} at or above"
    return (
        '<figure class="tj-spread"><svg viewBox="0 0 120 54" role="img"'
        f' aria-label="{escape(label, quote=True)}">'
        f'{"".join(bars)}<path d="M0 43.5H120"/>'
        '<text x="0" y="53">0</text>'
        '<text x="120" y="53" text-anchor="end">1</text></svg>'
        f"<figcaption>{escape(name)}</figcaption></figure>"
    )


def _downloads(scored: ScoredTable) -> str:
    """Return links that hold the files: the server keeps nothing."""
    rows, table = segments_csv(scored), table_csv(scored.columns)
    saved = scored.comparison.to_json()
    links = [
        _download("segments.csv", "text/csv", rows, "scores of every row (CSV)"),
        _download("table.csv", "text/csv", table, "the table (CSV)"),
        _download(
            "comparison.json", "application/json", saved, "the comparison (JSON)"
        ),
    ]
    report = _report(scored)
    if report:
        links.append(
            _download("report.html", "text/html", report, "a report to share (HTML)")
        )
    return f'<p class="tj-downloads">{"".join(links)}</p>'


def _download(name: str, kind: str, content: str, title: str) -> str:
    data = base64.b64encode(content.encode()).decode()
    return (
        f'<a class="tj-download" download="{name}"'
        f' href="data:{kind};base64,{data}">Download {title}</a>'
    )


def _report(scored: ScoredTable) -> str | None:
    """Return the HTML report, None where its libraries are not installed."""
    columns = scored.columns
    texts = Texts(columns.systems, columns.sources, columns.references)
    try:
        return render_html(scored.comparison, texts)
    except ImportError:
        return None


def render_segments(scored: ScoredTable, order: str) -> str:
    """Return every row with its rewrites and scores.

    Args:
        scored: what to show.
        order: one of `ORDERS`.
    """
    main = scored.comparison.main
    names = [system.name for system in scored.comparison.systems]
    rows = list(range(len(scored.columns.rows)))
    # One row per system; an order is by what stands below each other.
    values = np.stack([getattr(scored.segments[name], main) for name in names])
    lowest = values.min(axis=0)
    if order == ORDERS[1]:
        rows.sort(key=lowest.__getitem__)
    elif order == ORDERS[2]:
        gaps = lowest - values.max(axis=0)
        rows.sort(key=gaps.__getitem__)
    items = "".join(_row(scored, names, row) for row in rows)
    return (
        '<section class="tj"><div class="tj-scroll tj-tall" tabindex="0" role="region"'
        f' aria-label="Every row"><ol class="tj-rows">{items}</ol></div></section>'
    )


def _row(scored: ScoredTable, names: list[str], row: int) -> str:
    columns = scored.columns
    source = ""
    if columns.sources is not None:
        source = f'<p class="tj-source">{escape(columns.sources[row])}</p>'
    lines = []
    for name in names:
        bars = []
        for measure in MEASURES:
            value = number_at(scored.segments[name], measure, row)
            if value is not None:
                bars.append(bar(measure, value))
        text = escape(columns.systems[name][row]) or "<em>(empty)</em>"
        lines.append(
            f'<li><span class="tj-name">{escape(name)}</span><p>{text}</p>'
            f'<div class="tj-bars">{"".join(bars)}</div></li>'
        )
    return (
        f'<li><span class="tj-number">Row {columns.rows[row]}</span>{source}'
        f"<ul>{''.join(lines)}</ul></li>"
    )
