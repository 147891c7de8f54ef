"""Draw a comparison with matplotlib, as SVG in the colors of the page around it."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .comparison import Comparison
from .records import FACTORS, MEASURES, Estimate, System

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEEDS_EXTRA = (
    'the report needs matplotlib and jinja2: pip install ".[report]" in a clone'
)

# Colors that stand for the page's own, so that one drawing serves light, dark and
# print.
_TEXT, _LINE, _MUTED = "#000001", "#000002", "#000003"
_PAGE_COLORS = {_TEXT: "currentColor", _LINE: "var(--line)", _MUTED: "var(--muted)"}

# How many colors of systems the style sheet has; further systems take them again.
SERIES = 8

# Inches: 4.7 of them are 338 points, the width of a small phone's screen without
# margins.
_WIDTH, _ROW = 4.7, 0.4

_BINS = np.linspace(0, 1, 26)
# Height of a histogram's highest bar; 1 would touch the histogram above.
_HIGHEST = 0.85

_LONGEST_NAME = 18


def interval_plot(comparison: Comparison) -> str:
    """Return the main measure of each system with its interval."""
    height = 0.85 + _ROW * len(comparison.systems)

    def draw(axes: Axes) -> None:
        count = len(comparison.systems)
        for place, system in enumerate(comparison.systems):
            _point(axes, system.scores[comparison.main], place, _color(place))
        names = [_short(system.name) for system in comparison.systems]
        axes.set_yticks(range(count), names)
        axes.set_ylim(count - 0.5, -0.5)
        axes.set_xlabel(MEASURES[comparison.main])
        axes.grid(axis="x", color=_LINE, linewidth=0.6)

    return _svg(draw, height, "intervals")


def tradeoff_plot(comparison: Comparison) -> str:
    """Return STA, SIM and FL of each system side by side, with intervals."""
    count = len(comparison.systems)
    # Systems stand a little apart, so that their error bars do not hide each other.
    shifts = np.linspace(-0.16, 0.16, count)
    if count == 1:
        shifts = np.zeros(1)

    def draw(axes: Axes) -> None:
        for place, system in enumerate(comparison.systems):
            places = np.arange(len(FACTORS)) + shifts[place]
            _profile(axes, system, places, _color(place))
        titles = [MEASURES[factor] for factor in FACTORS]
        axes.set_xticks(range(len(FACTORS)), titles)
        axes.set_xlim(-0.4, len(FACTORS) - 0.6)
        low, high = axes.get_ylim()
        if low < 0.2:  # so near to 0 that the axis may as well start there
            low = min(low, 0.0)
        axes.set_ylim(low, min(high, 1.02))
        axes.grid(axis="y", color=_LINE, linewidth=0.6)

    return _svg(draw, 3.2, "tradeoff")


def distribution_plot(comparison: Comparison) -> str:
    """Return a histogram of the main measure for each system, one above the other."""
    count = len(comparison.systems)

    def draw(axes: Axes) -> None:
        for place, system in enumerate(comparison.systems):
            values = np.clip(system.segments[comparison.main], 0, 1)
            _histogram(axes, values, count - 1 - place, _color(place))
        names = [_short(system.name) for system in reversed(comparison.systems)]
        axes.set_yticks(np.arange(count) + 0.3, names)
        axes.set_ylim(-0.05, count)
        axes.set_xlim(0, 1)
        axes.set_xlabel(
            f"{MEASURES[comparison.main]} of a segment; the line is the median"
        )

    return _svg(draw, 0.8 + 0.6 * count, "distribution")


def _histogram(axes: Axes, values: Any, base: int, color: str) -> None:
    heights, _ = np.histogram(values, _BINS)
    highest = max(heights.max(), 1)
    shown = base + _HIGHEST * heights / highest
    # A pale area and its edge, which alone would vanish in print.
    axes.stairs(shown, _BINS, baseline=base, fill=True, color=color, alpha=0.35)
    axes.stairs(shown, _BINS, baseline=base, color=color, linewidth=1)
    median, top = float(np.median(values)), base + _HIGHEST
    axes.plot([median, median], [base, top], color=_TEXT, linewidth=1)


def _point(axes: Axes, estimate: Estimate, place: int, color: str) -> None:
    if estimate.low is not None and estimate.high is not None:
        ends = [estimate.low, estimate.high]
        axes.plot(ends, [place, place], color=color, linewidth=2, solid_capstyle="butt")
    axes.plot([estimate.value], [place], "o", color=color, markersize=6)


def _profile(axes: Axes, system: System, places: Any, color: str) -> None:
    estimates = [system.scores[factor] for factor in FACTORS]
    values = [estimate.value for estimate in estimates]
    axes.plot(places, values, "o-", color=color, linewidth=1.4, markersize=5)
    for place, estimate in zip(places, estimates, strict=True):
        if estimate.low is not None and estimate.high is not None:
            axes.plot(
                [place, place], [estimate.low, estimate.high], color=color, linewidth=2
            )


def _svg(draw: Callable[[Axes], None], height: float, name: str) -> str:
    """Return one drawing as an `<svg>` element.

    Raises:
        ImportError: matplotlib is missing; the message names the extra.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(NEEDS_EXTRA) from error
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": ["DejaVu Sans"],
        "font.size": 11,
        # A name with dollar signs is not a formula.
        "text.parse_math": False,
        "text.color": _TEXT,
        "axes.labelcolor": _TEXT,
        "xtick.color": _MUTED,
        "xtick.labelcolor": _TEXT,
        "ytick.color": _MUTED,
        "ytick.labelcolor": _TEXT,
        "axes.edgecolor": _MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
    }
    written = io.StringIO()
    with rc_context(settings), warnings.catch_warnings():
        # The browser has glyphs for names that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        figure.savefig(
            written,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None},
        )
    return _inline(written.getvalue(), name)


def _inline(svg: str, name: str) -> str:
    """Return the `<svg>` element for a page: unique ids, its colors, a free size."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'(?<= id=")|(?<=href="#)|(?<=url\(#)', f"{name}-", element)
    element = re.sub(
        r'\A<svg[^>]*?viewBox="([^"]*)"[^>]*>',
        r'<svg viewBox="\1" role="img" aria-hidden="true">',
        element,
    )
    element = re.sub(r"(font: [0-9.]+px )[^;\"]*", r"\1system-ui, sans-serif", element)
    for stand_in, color in _PAGE_COLORS.items():
        element = element.replace(stand_in, color)
    for place in range(SERIES):
        element = element.replace(_color(place), f"var(--series-{place + 1})")
    return element


def _color(place: int) -> str:
    return f"#0000{16 + place % SERIES:02x}"


def _short(name: str) -> str:
    if not name.isprintable():
        name = "".join(map(_printable, name))
    if len(name) <= _LONGEST_NAME:
        return name
    return name[: _LONGEST_NAME - 1] + "…"


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " "
