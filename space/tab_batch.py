"""The tab for a table of systems: upload, edit, compare."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from . import batch_view, handlers
from .examples import example_table
from .tab_parts import LONG, PRIVATE, QUIET, QUIET_SHORT, add_elsewhere
from .uploads import FILE_TYPES

# Seconds after which a visitor's results are forgotten.
KEEP_SECONDS = 1800

_INTRODUCTION = (
    "<p class='tj'>One row per sentence, one column per system."
    " The column “source” holds the rude sentences;"
    " “reference” and “language” are known too; every other column is a system."
    " Of text files, upload <code>sources.txt</code> and one file per system.</p>"
)


def add_batch_tab(choice: Sequence[gr.components.Component]) -> None:
    """Add the table, the buttons and the results, and connect them.

    Args:
        choice: the protocol, and the models for STA, SIM and FL.
    """
    gr.HTML(_INTRODUCTION, padding=False)
    files, pasted, paste = _add_uploads()
    table = _add_table()
    button, cancel, example, empty = _add_buttons()
    status = gr.HTML(padding=False, elem_id="many-status")
    shown = gr.HTML(padding=False, elem_id="comparison")
    with gr.Accordion("Every row", open=True, visible=False) as rows:
        order = gr.Radio(
            batch_view.ORDERS,
            value=batch_view.ORDERS[1],
            label="Order",
            elem_id="order",
        )
        segments = gr.HTML(padding=False, elem_id="segments")
    scored = gr.State(None, time_to_live=KEEP_SECONDS)
    elsewhere = add_elsewhere("many")
    # The box for files is emptied: the table holds what they said, and can be edited.
    files.upload(handlers.on_upload, files, [table, status, files], **QUIET_SHORT)
    filled = [table, status]
    paste.click(handlers.on_paste, pasted, filled, **QUIET_SHORT)
    example.click(handlers.on_example, None, filled, **QUIET_SHORT)
    empty.click(handlers.on_empty, None, filled, **QUIET_SHORT)
    inputs = [table, order, *choice]
    outputs = [status, shown, scored, segments, rows, button, cancel, elsewhere]
    job = button.click(handlers.on_compare, inputs, outputs, **QUIET, **LONG)
    # Outside the queue, where it would wait for the job that it should end.
    stopped = [status, button, cancel]
    cancel.click(
        handlers.on_cancel, None, stopped, cancels=[job], queue=False, **PRIVATE
    )
    order.change(handlers.on_order, [scored, order], segments, **QUIET_SHORT)


def _add_uploads() -> tuple[gr.File, gr.Textbox, gr.Button]:
    """Add the box for files, and the one for pasted text with its button."""
    with gr.Row(equal_height=False):
        files = gr.File(
            label="Upload TXT, CSV, TSV, JSONL or parquet",
            file_count="multiple",
            file_types=FILE_TYPES,
            height=150,
            elem_id="files",
        )
        with gr.Column(min_width=280), gr.Accordion("Paste a table", open=False):
            pasted = gr.Textbox(
                label=(
                    "Names of columns in the first line; tabs or commas between cells"
                ),
                lines=4,
                elem_id="pasted",
            )
            paste = gr.Button("Put into the table", size="sm")
    return files, pasted, paste


def _add_buttons() -> tuple[gr.Button, gr.Button, gr.Button, gr.Button]:
    """Add the buttons that compare, cancel, and fill or empty the table."""
    with gr.Row(elem_classes="tj-actions"):
        button = gr.Button(
            "Compare", variant="primary", scale=0, min_width=140, elem_id="compare"
        )
        cancel = gr.Button(
            "Cancel",
            variant="stop",
            scale=0,
            min_width=100,
            interactive=False,
            elem_id="cancel",
        )
        example = gr.Button("Load the example", size="sm", scale=0, min_width=140)
        empty = gr.Button("Empty table", size="sm", scale=0, min_width=120)
    return button, cancel, example, empty


def _add_table() -> gr.Dataframe:
    """Add the table of sentences, with the example in it."""
    first = example_table()
    return gr.Dataframe(
        first.rows,
        headers=first.headers,
        column_count=(len(first.headers), "fixed"),  # type: ignore[arg-type]
        column_widths=handlers.widths(len(first.headers)),
        type="pandas",
        datatype="str",
        interactive=True,
        wrap=True,
        max_height=360,
        label="Table",
        show_row_numbers=True,
        buttons=["fullscreen", "copy"],
        elem_id="table",
    )
