"""Write a comparison as one self-contained HTML file that asks no host for anything."""

from __future__ import annotations

from .compare import Comparison
from .records import Texts


def render_html(comparison: Comparison, texts: Texts | None = None) -> str:
    """Return the report.

    Args:
        comparison: what to show.
        texts: the texts for the browser of segments; `comparison.texts` when None.

    Raises:
        ImportError: matplotlib or jinja2 is missing; the message names the extra `report`.
        ValueError: the texts do not fit the comparison.
    """
    raise NotImplementedError
