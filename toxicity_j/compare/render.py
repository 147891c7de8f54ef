"""Show a comparison as text, Markdown, LaTeX, CSV, a data frame or a small HTML table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .compare import Comparison

if TYPE_CHECKING:
    import pandas as pd


def to_text(comparison: Comparison) -> str:
    """Return an aligned table, the verdict and the signature, for a terminal."""
    raise NotImplementedError


def to_markdown(comparison: Comparison) -> str:
    """Return the same as Markdown."""
    raise NotImplementedError


def to_latex(comparison: Comparison) -> str:
    """Return a LaTeX table (booktabs), with what it needs named in a comment."""
    raise NotImplementedError


def to_csv(comparison: Comparison) -> str:
    """Return one row per system as CSV, with columns `j`, `j_low`, `j_high` and so on."""
    raise NotImplementedError


def to_pandas(comparison: Comparison) -> pd.DataFrame:
    """Return one row per system as a data frame, with the columns of `to_csv`.

    Raises:
        ImportError: pandas is not installed.
    """
    raise NotImplementedError


def to_html(comparison: Comparison) -> str:
    """Return a small HTML table for notebooks; names are escaped."""
    raise NotImplementedError
