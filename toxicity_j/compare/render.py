"""Write a comparison as text, Markdown, LaTeX, CSV, a data frame or HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .comparison import Comparison
from .records import MEASURES
from .rows import (
    Rows,
    csv_text,
    language_rows,
    one_line,
    pair_rows,
    records,
    score_rows,
    show_level,
)
from .verdict import listed, show_number

if TYPE_CHECKING:
    import pandas as pd

# Characters that mean something in Markdown, and in LaTeX's text.
_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\|*_`<>#"})
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def to_text(comparison: Comparison) -> str:
    """Return an aligned table, the verdict and the signature, for a terminal."""
    parts = list(map(aligned, _tables(comparison)))
    parts.append("\n".join(map(one_line, comparison.verdict)))
    parts += [f"Note: {one_line(warning)}" for warning in comparison.warnings]
    parts.append(_footer(comparison))
    return _printable("\n\n".join(parts))


def to_markdown(comparison: Comparison) -> str:
    """Return the same as Markdown."""
    parts = list(map(_markdown_table, _tables(comparison)))
    sentences = map(one_line, (*comparison.verdict, *comparison.warnings))
    parts.append("\n".join(f"- {_markdown(line)}" for line in sentences))
    # A backtick would end the code.
    signature = one_line(comparison.signature).replace("`", "")
    parts.append(f"`{signature}`")
    return "\n\n".join(parts)


def _tables(comparison: Comparison) -> list[Rows]:
    """Return the tables of scores, languages and pairs that the comparison has."""
    tables = _mean_tables(comparison)
    if comparison.pairs:
        tables.append(pair_rows(comparison))
    return tables


def _mean_tables(comparison: Comparison) -> list[Rows]:
    """Return the table of scores, and that of languages where rows have them."""
    return list(filter(None, [score_rows(comparison), language_rows(comparison)]))


def to_latex(comparison: Comparison) -> str:
    """Return a LaTeX table of scores, and one of languages where rows have them; both
    need the package booktabs.
    """
    # In a comment a signature needs no escapes, but a line break would end it.
    signature = one_line(comparison.signature)
    of_scores = (
        f"Means with {show_level(comparison)} intervals over {comparison.n} segments."
        f" {one_line(' '.join(comparison.verdict))}"
    )
    # There may be no table of languages.
    captions = zip(
        _mean_tables(comparison), [of_scores, "Means by language."], strict=False
    )
    return "\n".join(
        [
            rf"% Needs \usepackage{{booktabs}}. Signature: {signature}",
            *(_latex_table(rows, caption) for rows, caption in captions),
        ]
    )


def _latex_table(rows: Rows, caption: str) -> str:
    lines = []
    for row in rows:
        line = " & ".join(map(_latex, row))
        # After a line's end or a rule these would be read as its argument or its star.
        if line.startswith(("[", "*")):
            line = "{}" + line
        lines.append(rf"{line} \\")
    numbers = "c" * (len(rows[0]) - 1)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\begin{{tabular}}{{l{numbers}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            rf"\caption{{{_latex(caption)}}}",
            r"\end{table}",
        ]
    )


def to_csv(comparison: Comparison) -> str:
    """Return one row per system as CSV, with columns `j`, `j_low`, `j_high` etc."""
    rows = records(comparison)
    lines = [list(rows[0]), *(row.values() for row in rows)]
    return csv_text(lines).rstrip("\n")


def to_pandas(comparison: Comparison) -> pd.DataFrame:
    """Return one row per system as a data frame, with the columns of `to_csv`.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("`to_pandas` needs pandas: pip install pandas") from error
    return pd.DataFrame(records(comparison)).set_index("system")


def to_html(comparison: Comparison) -> str:
    """Return small HTML tables for notebooks, of scores and of languages where rows
    have them; names are escaped.
    """
    tables = "".join(map(_html_table, _mean_tables(comparison)))
    sentences = _elements("p", (*comparison.verdict, *comparison.warnings))
    signature = _elements("small", (comparison.signature,))
    return f"<div>{tables}{sentences}<p>{signature}</p></div>"


def _html_table(rows: Rows) -> str:
    head, *body = rows
    header = _elements("th", head)
    lines = "".join(f"<tr>{_elements('td', row)}</tr>" for row in body)
    return f"<table><thead><tr>{header}</tr></thead><tbody>{lines}</tbody></table>"


def _footer(comparison: Comparison) -> str:
    lines = []
    best = comparison.systems[0].scores[comparison.main]
    # One segment has no intervals.
    if best.low is not None:
        lines.append(
            f"Intervals: {show_level(comparison)}, {comparison.n_resamples} bootstrap"
            " resamples; Wilson's for shares of decisions, Agresti and Min's for their"
            " differences."
        )
    if comparison.pairs:
        lines.append(
            "Tests: paired, two-sided; * marks differences that are significant after"
            " Holm's correction. Systems that share a letter cannot be told apart."
        )
    if comparison.smallest_difference:
        shown = []
        for measure, value in comparison.smallest_difference.items():
            name = MEASURES[measure]
            shown.append(f"{name} {show_number(value)}")
        lines.append(
            f"Smallest difference that would be found in 4 of 5 cases: {listed(shown)}."
        )
    return "\n".join([*lines, f"Signature: {comparison.signature}"])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as text whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = map(str.ljust, row, widths)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _markdown_table(rows: Rows) -> str:
    lines = []
    for row in rows:
        cells = " | ".join(map(_markdown, row))
        lines.append(f"| {cells} |")
    rule = " | ".join(["---"] * len(rows[0]))
    lines.insert(1, f"| {rule} |")
    return "\n".join(lines)


def _elements(name: str, texts: Iterable[str]) -> str:
    """Return one HTML element per text, escaped."""
    return "".join(f"<{name}>{html.escape(text)}</{name}>" for text in texts)


def _markdown(text: str) -> str:
    escaped = text.translate(_MARKDOWN)
    # Brackets are part of every interval; only those of a link need an escape.
    return escaped.replace("](", "]\\(")


def _latex(text: str) -> str:
    return text.translate(_LATEX)


def _printable(text: str) -> str:
    """Return text without control characters, which a name could send to a terminal."""
    return "".join(
        character for character in text if character == "\n" or character.isprintable()
    )
