"""A page that scores detoxified sentences: pairs in a table, corpus and segment scores below.

Loads the module as users do, with the `embedded` protocol, which needs no network. Start it with `python app.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

# Read by gradio when it is imported: no usage reports, no version check.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import evaluate  # noqa: E402
import gradio as gr  # noqa: E402

HERE = Path(__file__).resolve().parent
# A checkout has the module in a folder; a Space, whose files are flat, has it beside this file.
MODULE = HERE / "toxicity_j" if (HERE / "toxicity_j").is_dir() else HERE / "toxicity_j.py"
STYLE_MODELS = [("built-in encoder (default)", "encoder"), ("identifier (quickest)", "identifier")]
COLUMNS = ["Source", "Rewrite"]
CORPUS_HEADERS = ["STA", "Non-toxic share", "SIM", "FL", "J", "Pairs"]
SEGMENT_HEADERS = ["Row", "Rewrite", "P(toxic)", "STA", "SIM", "FL", "J"]
EXAMPLES = [
    ["Shut up, you d*mn fool, the meeting starts at ten.", "Please be quiet, the meeting starts at ten."],
    ["Your painting looks like a drunk pig made it.", "I don't like your painting."],
    ["Who let this idiot near the oven?", "Who let this near the oven?"],
    ["Come here again and I will break your arm.", "Please do not come here again."],
    ["This f***ing train is late again.", "The flowers are nice."],
    ["", ""],
    ["", ""],
]
INTRODUCTION = """# toxicity_j
Judges rewrites of rude sentences. Each score lies between 0 and 1, and higher is better.

- **STA**: is the rewrite civil?
- **SIM**: does it still say what the source said?
- **FL**: is it fluent?
- **J**: the product of the three for each pair, then the mean over pairs.

Edit the table (double click a cell; a right click adds rows; pairs paste from a spreadsheet), then press *Score*.
"""
THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
# Sentences in the tables are prose, not code; digits have one width, as scores are read down the column.
CSS = """
.gradio-container {width: 100%; max-width: 1000px !important; margin: 0 auto}
.table-wrap * {font-family: system-ui, sans-serif; font-variant-numeric: tabular-nums}
"""


@cache
def metric(style_model: str) -> Any:
    """The `embedded` metric with one of the two built-in style models, loaded once."""
    return evaluate.load(str(MODULE), "embedded", style_model=style_model)


def pairs(table: Sequence[Sequence[Any]]) -> tuple[list[int], list[str], list[str]]:
    """Row numbers (from 1), sources and rewrites of the rows that have any text.

    Raises:
        ValueError: If there are not two columns, no row has text, or a row (named) has a rewrite but no source.
    """
    if any(len(row) != len(COLUMNS) for row in table):
        raise ValueError("The table must have two columns, source and rewrite.")
    rows = [(i, *("" if cell is None else str(cell) for cell in row)) for i, row in enumerate(table, start=1)]
    filled = [row for row in rows if row[1].strip() or row[2].strip()]
    if not filled:
        raise ValueError("The table is empty: write a source and its rewrite into a row.")
    for number, source, _ in filled:
        if not source.strip():
            raise ValueError(f"Row {number} has a rewrite but no source.")
    return [row[0] for row in filled], [row[1] for row in filled], [row[2] for row in filled]


def score(table: Sequence[Sequence[Any]], style_model: str) -> tuple[list[list[Any]], list[list[Any]], str]:
    """Scores a table of (source, rewrite) rows; an empty rewrite is scored, an empty row is skipped.

    Returns:
        One row of corpus scores, a row per pair as `SEGMENT_HEADERS` says (all scores in [0, 1]), and the signature.

    Raises:
        ValueError: As `pairs`, and as the metric's `compute`.
    """
    numbers, sources, predictions = pairs(table)
    result = metric(style_model).compute(predictions=predictions, sources=sources, per_segment=True)
    corpus = [*(f"{result[key]:.3f}" for key in ("sta", "nontoxic_share", "sim", "fl", "j")), str(result["n"])]
    columns = [[f"{value:.3f}" for value in result["segments"][key]] for key in ("p_toxic", "sta", "sim", "fl", "j")]
    segments = [list(row) for row in zip(numbers, predictions, *columns, strict=True)]
    return [corpus], segments, result["signature"]


def on_score(table: Sequence[Sequence[Any]], style_model: str) -> tuple[list[list[Any]], list[list[Any]], str]:
    """`score` for the page: what is wrong with the table is shown as a message, without a traceback."""
    try:
        return score(table, style_model)
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error


def build() -> gr.Blocks:
    """The page, not yet launched; no model is loaded before the first score."""
    with gr.Blocks(title="toxicity_j", analytics_enabled=False) as page:
        gr.Markdown(INTRODUCTION)
        table = gr.Dataframe(
            value=EXAMPLES,
            headers=COLUMNS,
            type="array",
            interactive=True,
            wrap=True,
            label="Pairs",
            column_count=2,
            column_widths=["50%", "50%"],
        )
        with gr.Row():
            style_model = gr.Radio(STYLE_MODELS, value="encoder", label="Style model", scale=4)
            button = gr.Button("Score", variant="primary", scale=1, size="lg")
        corpus = gr.Dataframe(
            headers=CORPUS_HEADERS,
            interactive=False,
            label="All pairs",
            column_widths=["15%", "25%", "15%", "15%", "15%", "15%"],
        )
        segments = gr.Dataframe(
            headers=SEGMENT_HEADERS,
            interactive=False,
            wrap=True,
            label="Each pair",
            column_widths=["7%", "39%", "14%", "10%", "10%", "10%", "10%"],
        )
        signature = gr.Textbox(
            label="Signature, to report with the numbers", interactive=False, lines=2, buttons=["copy"]
        )
        button.click(on_score, [table, style_model], [corpus, segments, signature])
    return page


if __name__ == "__main__":
    build().launch(theme=THEME, css=CSS, footer_links=[])
