"""Write a comparison as one self-contained HTML file that asks no host for anything.

Texts are shown as text, whatever they hold: jinja2 escapes the page, and the script
writes text nodes only.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import plots
from .comparison import Comparison
from .records import FACTORS, MEASURES, Estimate, Pair, Texts
from .rows import show_level
from .verdict import is_different, show_interval, show_number, show_p

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent

# A factor below this is said to have failed.
FAILED_BELOW = 0.5

# Decimals of per-segment scores: three are shown.
_DECIMALS = 3


def render_html(comparison: Comparison, texts: Texts | None = None) -> str:
    """Return the report.

    Args:
        comparison: what to show.
        texts: the texts for the browser of segments; `comparison.texts` when None.

    Raises:
        ImportError: matplotlib or jinja2 is missing; the message names the extra
            `report`.
        ValueError: the texts do not fit the comparison.
    """
    page = _template()
    if texts is None:
        texts = comparison.texts
    _check_texts(comparison, texts)
    has_segments = all(system.segments for system in comparison.systems)
    data = None
    if has_segments:
        data = _data(comparison, texts)
    script = _file("report.js")
    return page.render(
        comparison=comparison,
        measures={key: MEASURES[key] for key in comparison.systems[0].scores},
        main=MEASURES[comparison.main],
        bars=_bars(comparison),
        matrix=_matrix(comparison),
        figures=_figures(comparison, has_segments),
        data=data,
        number=show_number,
        interval=show_interval,
        level=show_level(comparison),
        series=plots.SERIES,
        style=_file("report.css"),
        script=script,
        # It stands in the page's policy, so that no other script runs, whatever a text
        # holds.
        script_hash=_hash(script),
    )


def _template() -> Template:
    """Return the page to fill in; a name that is missing is an error."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(plots.NEEDS_EXTRA) from error
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Return the hash of a script as a Content-Security-Policy writes it."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return base64.b64encode(digest).decode("ascii")


def _check_texts(comparison: Comparison, texts: Texts | None) -> None:
    if texts is None:
        return
    names = {system.name for system in comparison.systems}
    for name, outputs in texts.predictions.items():
        if name not in names:
            raise ValueError(
                f"`texts` must be of the systems {sorted(names)}; got {name!r}"
            )
        if len(outputs) != comparison.n:
            raise ValueError(
                f"`texts` must have {comparison.n} outputs of {name!r}; got"
                f" {len(outputs)}"
            )
    for column in ("sources", "references"):
        values = getattr(texts, column)
        if values is not None and len(values) != comparison.n:
            raise ValueError(
                f"`texts` must have {comparison.n} {column}; got {len(values)}"
            )


def _bars(comparison: Comparison) -> dict[str, dict[str, dict[str, str]]]:
    """Return, by system and measure, where the error bar lies in its column.

    Ends and value are shares of the column's range, which runs a little beyond the
    intervals of all systems, so that short bars can be seen.
    """
    systems = comparison.systems
    bars: dict[str, dict[str, dict[str, str]]] = {one.name: {} for one in systems}
    for measure in systems[0].scores:
        start, width = _range([system.scores[measure] for system in systems])
        for system in systems:
            estimate = system.scores[measure]
            low, high = estimate.low, estimate.high
            # One segment has no interval.
            if low is None or high is None:
                continue
            bars[system.name][measure] = {
                "left": _percent((low - start) / width),
                "width": _percent((high - low) / width),
                "value": _percent((estimate.value - start) / width),
            }
    return bars


def _range(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """Return where the range of a column starts, and its width."""
    ends = [estimate.value for estimate in estimates]
    for estimate in estimates:
        if estimate.low is not None and estimate.high is not None:
            ends += [estimate.low, estimate.high]
    # A tenth on either side; equal scores have no range of their own.
    width = (max(ends) - min(ends)) * 1.2 or 1.0
    middle = (max(ends) + min(ends)) / 2
    return middle - width / 2, width


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _figures(comparison: Comparison, has_segments: bool) -> list[dict[str, str]]:
    main = MEASURES[comparison.main]
    level = show_level(comparison)
    drawn = {f"{main} with {level} intervals": plots.interval_plot(comparison)}
    if comparison.systems[0].scores.keys() >= set(FACTORS):
        drawn["Trade-off of STA, SIM and FL"] = plots.tradeoff_plot(comparison)
    if has_segments:
        drawn[f"Distribution of {main}"] = plots.distribution_plot(comparison)
    return [{"title": title, "svg": svg} for title, svg in drawn.items()]


def _matrix(comparison: Comparison) -> list[list[dict[str, str] | None]]:
    """Return how each system's main score differs from each other's."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for pair in comparison.pairs:
        cells[pair.first, pair.second] = _cell(pair, 1, comparison)
        cells[pair.second, pair.first] = _cell(pair, -1, comparison)
    names = [system.name for system in comparison.systems]
    # A system has no difference from itself, so the diagonal is None.
    return [[cells.get((row, column)) for column in names] for row in names]


def _cell(pair: Pair, sign: int, comparison: Comparison) -> dict[str, str]:
    difference = pair.differences[comparison.main]
    value = sign * difference.value
    kind = "worse"
    if not is_different(pair, comparison.main, 1 - comparison.confidence):
        kind = "same"
    elif value > 0:
        kind = "better"
    return {
        "kind": kind,
        "value": show_number(value, signed=True),
        "p": show_p(difference.p_corrected),
    }


def _data(comparison: Comparison, texts: Texts | None) -> str:
    """Return the segments as JSON that cannot end a script element."""
    systems = comparison.systems
    names = [system.name for system in systems]
    columns = [factor for factor in FACTORS if factor in systems[0].scores]
    # STA alone is both a factor and the main measure.
    if comparison.main not in columns:
        columns.append(comparison.main)
    data: dict[str, Any] = {
        "systems": names,
        "columns": columns,
        "labels": MEASURES,
        "main": comparison.main,
        "failedBelow": FAILED_BELOW,
        "scores": {
            key: [_rounded(system.segments[key]) for system in systems]
            for key in columns
        },
        "languages": comparison.languages,
        "sources": None,
        "references": None,
        "predictions": None,
        "masked": masked_words(),
    }
    if texts is not None:
        data["sources"] = texts.sources
        data["references"] = texts.references
        data["predictions"] = list(map(texts.predictions.get, names))
    encoded = json.dumps(
        data, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    # Within a script element HTML is not unescaped, but JSON's own escapes are.
    for character in "<>&\u2028\u2029":
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    # A lone surrogate, which json.loads accepts, has no UTF-8.
    return encoded.encode("utf-8", "replace").decode("utf-8")


def _rounded(values: list[float]) -> list[float]:
    return [round(value, _DECIMALS) for value in values]


def masked_words() -> list[str]:
    """Return beginnings of the words that are masked; "$" ends a whole word."""
    lines = _file("masked_words.txt").splitlines()
    words = [line for line in lines if line and not line.startswith("#")]
    # Stored in ROT13, so that the file itself offends nobody.
    return [codecs.decode(word, "rot13") for word in words]
