"""Show a compared table: verdict, scores with intervals, the spread of J, and every
segment.
"""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from .batch import MEASURES, Scored, number_at, segments_csv, table_csv
from .markup import NAMES, bar, level

ORDERS = ["as in the table", "lowest J first", "systems differ most"]
_BINS = 10


def render_scored(scored: Scored) -> str:
    """Return the verdict, the table of systems and the downloads."""
    comparison = scored.comparison
    verdict = "".join(f"<p>{escape(sentence)}</p>" for sentence in comparison.verdict)
    warnings = "".join(
        f'<p class="tj-notice tj-info">{escape(text)}</p>'
        for text in comparison.warnings
    )
    return (
        '<section class="tj" aria-label="Comparison"><div class="tj-panel'
        f' tj-verdict"><h3>Result</h3>{verdict}</div>'
        f"{warnings}{_systems(comparison)}{_spread(scored)}{_downloads(scored)}</section>"
    )


def _systems(comparison: Any) -> str:
    measures = [
        name
        for name in ("j", "sta", "sim", "fl")
        if name in comparison.systems[0].scores
    ]
    heads = "".join(f'<th scope="col">{NAMES[name]}</th>' for name in measures)
    rows = []
    for system in comparison.systems:
        cells = "".join(
            f"<td>{_interval(name, system.scores[name])}</td>" for name in measures
        )
        letters = (
            f" <span class='tj-letters'>{escape(system.letters)}</span>"
            if len(comparison.systems) > 1
            else ""
        )
        rows.append(
            f"<tr><td>{system.rank}</td><th"
            f' scope="row">{escape(system.name)}{letters}</th>{cells}</tr>'
        )
    level_ = f"{comparison.confidence:.0%}"
    note = f"Lines show {level_} intervals over {comparison.n} rows."
    if len(comparison.systems) > 1:
        note += " Systems that share a letter cannot be told apart."
    table = (
        '<table class="tj-table"><caption>Systems</caption>'
        '<thead><tr><th scope="col">Rank</th><th scope="col">System</th>'
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    return (
        '<div class="tj-scroll" tabindex="0" role="region" aria-label="Systems">'
        f'{table}</div><p class="tj-small">{note}</p>'
    )


def _interval(name: str, estimate: Any) -> str:
    """Return a score with a dot on a line from 0 to 1, and its interval."""
    kind = level(name, estimate.value)
    place = _percent(estimate.value)
    whisker, words = "", ""
    if estimate.low is not None:
        low, high = _percent(estimate.low), _percent(estimate.high)
        whisker = (
            '<i class="tj-whisker"'
            f' style="left:{low:.1f}%;width:{max(high - low, 0.5):.1f}%"></i>'
        )
        words = f" <small>{estimate.low:.2f}–{estimate.high:.2f}</small>"
    plot = (
        f'<span class="tj-dot" aria-hidden="true">{whisker}<i class="tj-point"'
        f' style="left:{place:.1f}%"></i></span>'
    )
    return (
        f'<span class="tj-{kind}'
        f' tj-estimate"><b>{estimate.value:.2f}</b>{words}{plot}</span>'
    )


def _spread(scored: Scored) -> str:
    """Return a small histogram per system of the main measure."""
    main = scored.comparison.main
    figures = []
    for system in scored.comparison.systems:
        values = [float(value) for value in getattr(scored.segments[system.name], main)]
        counts = [0] * _BINS
        for value in values:
            counts[min(_BINS - 1, max(0, int(value * _BINS)))] += 1
        figures.append(_histogram(system.name, counts))
    return (
        f"<h3>Spread of {NAMES[main]} over rows</h3><div"
        f" class='tj-spreads'>{''.join(figures)}</div>"
    )


def _histogram(name: str, counts: list[int]) -> str:
    largest = max(counts)
    bars = []
    for place, count in enumerate(counts):
        height = 40 * count / largest
        bars.append(
            f'<rect x="{place * 12 + 1}" y="{42 - height:.1f}" width="10"'
            f' height="{height:.1f}" rx="1.5"/>'
        )
    low, high = sum(counts[: _BINS // 2]), sum(counts[_BINS // 2 :])
    label = f"{name}: {low} rows below 0.5, {high} at or above"
    return (
        '<figure class="tj-spread"><svg viewBox="0 0 120 54" role="img"'
        f' aria-label="{escape(label, quote=True)}">'
        f'{"".join(bars)}<path d="M0 43.5H120"/><text x="0" y="53">0</text><text'
        ' x="120" y="53" text-anchor="end">1'
        f"</text></svg><figcaption>{escape(name)}</figcaption></figure>"
    )


def _downloads(scored: Scored) -> str:
    """Return links that hold the files themselves, so that nothing is kept on the
    server.
    """
    files = [
        ("segments.csv", "text/csv", segments_csv(scored), "scores of every row (CSV)")
    ]
    files.append(
        ("table.csv", "text/csv", table_csv(scored.columns), "the table (CSV)")
    )
    files.append(
        (
            "comparison.json",
            "application/json",
            scored.comparison.to_json(),
            "the comparison (JSON)",
        )
    )
    report = _report(scored)
    if report:
        files.append(("report.html", "text/html", report, "a report to share (HTML)"))
    links = []
    for name, kind, content, title in files:
        data = base64.b64encode(content.encode()).decode()
        links.append(
            f'<a class="tj-download" download="{name}"'
            f' href="data:{kind};base64,{data}">Download {title}</a>'
        )
    return f'<p class="tj-downloads">{"".join(links)}</p>'


def _report(scored: Scored) -> str | None:
    """Return the HTML report, None where its libraries are not installed."""
    from toxicity_j.compare.records import Texts
    from toxicity_j.compare.report import render_html

    columns = scored.columns
    try:
        return render_html(
            scored.comparison,
            Texts(columns.systems, columns.sources, columns.references),
        )
    except (ImportError, NotImplementedError):
        return None


def render_segments(scored: Scored, order: str) -> str:
    """Return every row with its rewrites and scores.

    Args:
        scored: what to show.
        order: one of `ORDERS`.
    """
    main = scored.comparison.main
    names = [system.name for system in scored.comparison.systems]
    rows = list(range(len(scored.columns.rows)))
    values = {name: getattr(scored.segments[name], main) for name in names}
    if order == ORDERS[1]:
        rows.sort(key=lambda row: min(values[name][row] for name in names))
    elif order == ORDERS[2]:
        rows.sort(
            key=lambda row: (
                min(values[name][row] for name in names)
                - max(values[name][row] for name in names)
            )
        )
    items = "".join(_row(scored, names, row) for row in rows)
    return (
        '<section class="tj"><div class="tj-scroll tj-tall" tabindex="0" role="region"'
        f' aria-label="Every row"><ol class="tj-rows">{items}</ol></div></section>'
    )


def _row(scored: Scored, names: list[str], row: int) -> str:
    columns = scored.columns
    source = (
        ""
        if columns.sources is None
        else f'<p class="tj-source">{escape(columns.sources[row])}</p>'
    )
    lines = []
    for name in names:
        numbers = {
            measure: number_at(scored.segments[name], measure, row)
            for measure in MEASURES
        }
        bars = "".join(
            bar(measure, value)
            for measure, value in numbers.items()
            if value is not None
        )
        text = escape(columns.systems[name][row]) or "<em>(empty)</em>"
        lines.append(
            f'<li><span class="tj-name">{escape(name)}</span><p>{text}</p><div'
            f' class="tj-bars">{bars}</div></li>'
        )
    return (
        '<li><span class="tj-number">Row'
        f" {columns.rows[row]}</span>{source}<ul>{''.join(lines)}</ul></li>"
    )


def _percent(value: float) -> float:
    return 100 * min(1.0, max(0.0, value))
