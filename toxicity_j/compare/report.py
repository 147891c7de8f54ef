"""Write a comparison as one self-contained HTML file that asks no host for anything.

Texts are shown as text, whatever they hold: jinja2 escapes the page, and the script writes text nodes only.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
from pathlib import Path
from typing import Any

from . import plots
from .compare import Comparison
from .records import FACTORS, MEASURES, Difference, Texts
from .render import show_level
from .verdict import show_interval, show_number, show_p

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
        ImportError: matplotlib or jinja2 is missing; the message names the extra `report`.
        ValueError: the texts do not fit the comparison.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise ImportError('the report needs matplotlib and jinja2: pip install "toxicity_j[report]"') from error
    shown = comparison.texts if texts is None else texts
    _check_texts(comparison, shown)
    # The script's hash stands in the page's policy, so that no other script runs, whatever a text holds.
    script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html")
    has_segments = all(system.segments for system in comparison.systems)
    return page.render(
        comparison=comparison,
        measures={key: MEASURES[key] for key in comparison.systems[0].scores},
        main=MEASURES[comparison.main],
        bars=_bars(comparison),
        matrix=_matrix(comparison),
        figures=_figures(comparison, has_segments),
        data=_data(comparison, shown) if has_segments else None,
        number=show_number,
        interval=show_interval,
        level=show_level(comparison),
        series=plots.SERIES,
        style=(_FOLDER / "report.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=digest,
    )


def _check_texts(comparison: Comparison, texts: Texts | None) -> None:
    if texts is None:
        return
    names = {system.name for system in comparison.systems}
    for name, outputs in texts.predictions.items():
        if name not in names:
            raise ValueError(f"`texts` must be of the systems {sorted(names)}; got {name!r}")
        if len(outputs) != comparison.n:
            raise ValueError(f"`texts` must have {comparison.n} outputs of {name!r}; got {len(outputs)}")
    for column in ("sources", "references"):
        values = getattr(texts, column)
        if values is not None and len(values) != comparison.n:
            raise ValueError(f"`texts` must have {comparison.n} {column}; got {len(values)}")


def _bars(comparison: Comparison) -> dict[str, dict[str, dict[str, str]]]:
    """Return, by system and measure, where the error bar lies: its ends and its value as shares of the column's range.

    The range of a column runs a little beyond the intervals of all systems, so that short bars can be seen.
    """
    bars: dict[str, dict[str, dict[str, str]]] = {system.name: {} for system in comparison.systems}
    for measure in comparison.systems[0].scores:
        estimates = {system.name: system.scores[measure] for system in comparison.systems}
        ends = [end for one in estimates.values() for end in (one.low, one.high, one.value) if end is not None]
        width = (max(ends) - min(ends)) * 1.2 or 1.0
        start = (max(ends) + min(ends)) / 2 - width / 2
        for name, one in estimates.items():
            if one.low is not None and one.high is not None:
                bars[name][measure] = {
                    "left": f"{100 * (one.low - start) / width:.1f}%",
                    "width": f"{100 * (one.high - one.low) / width:.1f}%",
                    "value": f"{100 * (one.value - start) / width:.1f}%",
                }
    return bars


def _figures(comparison: Comparison, has_segments: bool) -> list[dict[str, str]]:
    main = MEASURES[comparison.main]
    level = show_level(comparison)
    figures = [{"title": f"{main} with {level} intervals", "svg": plots.interval_plot(comparison)}]
    if all(factor in comparison.systems[0].scores for factor in FACTORS):
        figures.append({"title": "Trade-off of STA, SIM and FL", "svg": plots.tradeoff_plot(comparison)})
    if has_segments:
        figures.append({"title": f"Distribution of {main}", "svg": plots.distribution_plot(comparison)})
    return figures


def _matrix(comparison: Comparison) -> list[list[dict[str, str] | None]]:
    """Return, for each system and each other, how the first one's main score differs; None for the same system."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for pair in comparison.pairs:
        difference = pair.differences[comparison.main]
        cells[pair.first, pair.second] = _cell(difference, 1, comparison)
        cells[pair.second, pair.first] = _cell(difference, -1, comparison)
    names = [system.name for system in comparison.systems]
    return [[cells.get((row, column)) for column in names] for row in names]


def _cell(difference: Difference, sign: int, comparison: Comparison) -> dict[str, str]:
    clear = difference.p_corrected <= 1 - comparison.confidence
    value = sign * difference.value
    kind = "better" if value > 0 else "worse"
    return {
        "kind": kind if clear else "same",
        "value": show_number(value, signed=True),
        "p": show_p(difference.p_corrected),
    }


def _data(comparison: Comparison, texts: Texts | None) -> str:
    """Return the segments for the page's script, as JSON without any character that could end a script element."""
    systems = comparison.systems
    columns = [*(factor for factor in FACTORS if factor in systems[0].scores), comparison.main]
    data: dict[str, Any] = {
        "systems": [system.name for system in systems],
        "columns": list(dict.fromkeys(columns)),
        "labels": MEASURES,
        "main": comparison.main,
        "failedBelow": FAILED_BELOW,
        "scores": {key: [_rounded(system.segments[key]) for system in systems] for key in columns},
        "languages": comparison.languages,
        "sources": texts.sources if texts else None,
        "references": texts.references if texts else None,
        "predictions": [texts.predictions.get(system.name) for system in systems] if texts else None,
        "masked": masked_words(),
    }
    encoded = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    # A lone surrogate, which json.loads accepts, has no UTF-8.
    return encoded.encode("utf-8", "replace").decode("utf-8")


def _rounded(values: list[float]) -> list[float]:
    return [round(value, _DECIMALS) for value in values]


def masked_words() -> list[str]:
    """Return the beginnings of the words that the report masks; those that end in "$" are whole words."""
    lines = (_FOLDER / "masked_words.txt").read_text(encoding="utf-8").splitlines()
    # Stored in ROT13, so that the file itself offends nobody.
    return [codecs.decode(line, "rot13") for line in lines if line and not line.startswith("#")]
