"""Show a comparison as text, Markdown, LaTeX, CSV, a data frame or a small HTML table."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .compare import Comparison
from .records import MEASURES, Pair, System
from .verdict import listed, show_estimate, show_interval, show_number, show_p

if TYPE_CHECKING:
    import pandas as pd

Rows = list[list[str]]

# Characters that mean something in LaTeX's text.
_LATEX = {
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


def to_text(comparison: Comparison) -> str:
    """Return an aligned table, the verdict and the signature, for a terminal."""
    parts = [_aligned(score_rows(comparison))]
    if comparison.pairs:
        parts.append(_aligned(pair_rows(comparison)))
    parts.append("\n".join(map(_one_line, comparison.verdict)))
    parts += [f"Note: {_one_line(warning)}" for warning in comparison.warnings]
    parts.append(_footer(comparison))
    return _printable("\n\n".join(parts))


def to_markdown(comparison: Comparison) -> str:
    """Return the same as Markdown."""
    parts = [_markdown_table(score_rows(comparison))]
    if comparison.pairs:
        parts.append(_markdown_table(pair_rows(comparison)))
    parts.append("\n".join(f"- {_markdown(_one_line(line))}" for line in (*comparison.verdict, *comparison.warnings)))
    parts.append(f"`{_one_line(comparison.signature).replace('`', '')}`")
    return "\n\n".join(parts)


def to_latex(comparison: Comparison) -> str:
    """Return a LaTeX table, which needs the package booktabs."""
    rows = [[_latex(cell) for cell in row] for row in score_rows(comparison)]
    lines = [" & ".join(row) + r" \\" for row in rows]
    level = show_level(comparison)
    verdict = " ".join(comparison.verdict)
    caption = _latex(f"Means with {level} bootstrap intervals over {comparison.n} segments. {verdict}")
    return "\n".join(
        [
            "% Needs \\usepackage{booktabs}. Signature: " + _one_line(comparison.signature),
            r"\begin{table}",
            r"\centering",
            rf"\begin{{tabular}}{{l{'c' * (len(rows[0]) - 1)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            rf"\caption{{{caption}}}",
            r"\end{table}",
        ]
    )


def to_csv(comparison: Comparison) -> str:
    """Return one row per system as CSV, with columns `j`, `j_low`, `j_high` and so on."""
    rows = records(comparison)
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().rstrip("\n")


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
    """Return a small HTML table for notebooks; names are escaped."""
    head, *body = [[html.escape(cell) for cell in row] for row in score_rows(comparison)]
    cells = "".join(f"<th>{cell}</th>" for cell in head)
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
    sentences = "".join(f"<p>{html.escape(line)}</p>" for line in (*comparison.verdict, *comparison.warnings))
    table = f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f"<div>{table}{sentences}<p><small>{html.escape(comparison.signature)}</small></p></div>"


def records(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one flat record per system: name, rank, group, n, and each measure with the ends of its interval."""
    return [_record(system, comparison) for system in comparison.systems]


def score_rows(comparison: Comparison) -> Rows:
    """Return the table of scores as text: a header, then one row per system, best first."""
    measures = list(comparison.systems[0].scores)
    compared = len(comparison.systems) > 1
    header = ["system", *(["rank", "group"] if compared else []), *(MEASURES[key] for key in measures), "n"]
    rows = [header]
    for system in comparison.systems:
        name = f"{system.name} (baseline)" if system.name == comparison.baseline else system.name
        place = [str(system.rank), system.letters] if compared else []
        scores = [show_estimate(system.scores[key]) for key in measures]
        rows.append([_one_line(name), *place, *scores, str(comparison.n)])
    return rows


def pair_rows(comparison: Comparison) -> Rows:
    """Return the table of pairs as text: differences in the main measure, tests and effect sizes."""
    measure = MEASURES[comparison.main]
    corrected = "p" if len(comparison.pairs) == 1 else "corrected p"
    rows = [["pair", f"difference in {measure}", corrected, "effect size", "better/equal/worse"]]
    return rows + [_pair_row(pair, comparison) for pair in comparison.pairs]


def show_level(comparison: Comparison) -> str:
    """Return the level of the intervals as "95 %"."""
    return f"{100 * comparison.confidence:g} %"


def _pair_row(pair: Pair, comparison: Comparison) -> list[str]:
    difference = pair.differences[comparison.main]
    star = " *" if difference.p_corrected <= 1 - comparison.confidence else ""
    effect = "-" if difference.effect_size is None else show_number(difference.effect_size)
    value = f"{show_number(difference.value, signed=True)} {show_interval(difference.low, difference.high)}".rstrip()
    p_value = show_p(difference.p_corrected).removeprefix("p").removeprefix(" = ").strip()
    counts = f"{pair.wins}/{pair.ties}/{pair.losses}"
    return [_one_line(f"{pair.first} vs {pair.second}"), value, p_value + star, effect, counts]


def _record(system: System, comparison: Comparison) -> dict[str, Any]:
    record: dict[str, Any] = {"system": system.name, "rank": system.rank, "group": system.letters, "n": comparison.n}
    for measure, estimate in system.scores.items():
        record |= {measure: estimate.value, f"{measure}_low": estimate.low, f"{measure}_high": estimate.high}
    return record


def _footer(comparison: Comparison) -> str:
    lines = []
    if comparison.systems[0].scores[comparison.main].low is not None:
        kinds = f"{comparison.n_resamples} bootstrap resamples; Wilson's for shares of decisions"
        lines.append(f"Intervals: {show_level(comparison)}, {kinds}.")
    if comparison.pairs:
        lines.append(
            "Tests: paired, two-sided; * marks differences that are significant after Holm's correction. "
            "Systems that share a letter cannot be told apart."
        )
    if comparison.smallest_difference:
        shown = [f"{MEASURES[key]} {show_number(value)}" for key, value in comparison.smallest_difference.items()]
        lines.append(f"Smallest difference that would be found in 4 of 5 cases: {listed(shown)}.")
    return "\n".join([*lines, f"Signature: {comparison.signature}"])


def _aligned(rows: Rows) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _markdown_table(rows: Rows) -> str:
    head, *body = [[_markdown(cell) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown(text: str) -> str:
    escaped = _escaped(text, {character: f"\\{character}" for character in "\\|*_`<>#"}.get)
    # Brackets are part of every interval; only those of a link need an escape.
    return escaped.replace("](", "]\\(")


def _latex(text: str) -> str:
    return _escaped(text, _LATEX.get)


def _escaped(text: str, replacement: Callable[[str, str], str]) -> str:
    return "".join(replacement(character, character) for character in text)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _printable(text: str) -> str:
    """Return text without control characters, which a name from a file could send to the terminal."""
    return "".join(character for character in text if character == "\n" or character.isprintable())
