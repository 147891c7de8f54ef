"""Lay out the page and connect its parts to what they do."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from toxicity_j import protocols

from . import about, api, batch_view, handlers
from .examples import PAIRS, example_table
from .limits import MAX_CHARACTERS, MAX_REWRITES
from .models import OTHER_MODELS, OWN, STYLE_MODELS
from .tables import FILE_TYPES

# Short jobs do not wait for long ones: each lane has workers of its own.
SHORT: dict[str, Any] = {"concurrency_id": "short", "concurrency_limit": 2}
LONG: dict[str, Any] = {"concurrency_id": "long", "concurrency_limit": 1}
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# Seconds after which a visitor's results and any left upload are forgotten.
KEEP_SECONDS = 1800


def build() -> gr.Blocks:
    """Return the page, not yet launched; no model is loaded before the first score."""
    with gr.Blocks(
        title="toxicity_j", analytics_enabled=False, delete_cache=(60, 300)
    ) as page:
        gr.HTML(about.HEADER, padding=False)
        choice = _options()
        with gr.Tabs():
            with gr.Tab("One sentence", id="one"):
                _one_sentence(page, choice)
            with gr.Tab("Systems", id="many"):
                _many_sentences(choice)
            with gr.Tab("About", id="about"):
                gr.HTML(about.about(), padding=False)
        gr.api(api.score, api_name="score", **SHORT)
        gr.api(api.compare, api_name="compare", **LONG)
    return page


def _options() -> list[gr.components.Component]:
    """Add the choice of a protocol and of models, and return its components."""
    with gr.Accordion("Protocol and models", open=False):
        with gr.Row():
            protocol = gr.Dropdown(
                list(protocols()), value="embedded", label="Protocol", filterable=False
            )
            style = gr.Dropdown(
                STYLE_MODELS, value=OWN, label="Model for STA", filterable=False
            )
            content = gr.Dropdown(
                OTHER_MODELS, value=OWN, label="Model for SIM", filterable=False
            )
            fluency = gr.Dropdown(
                OTHER_MODELS, value=OWN, label="Model for FL", filterable=False
            )
        card = gr.HTML(about.protocol_card("embedded"), padding=False)
        protocol.change(
            about.protocol_card,
            protocol,
            card,
            queue=False,
            show_progress="hidden",
            **PRIVATE,
        )
    return [protocol, style, content, fluency]


def _one_sentence(page: gr.Blocks, choice: list[gr.components.Component]) -> None:
    _, first_source, first_rewrites = PAIRS[0]
    with gr.Row(equal_height=True):
        source = gr.Textbox(
            first_source,
            label="Source: the rude sentence",
            lines=3,
            max_lines=8,
            max_length=MAX_CHARACTERS + 1,
            elem_id="source",
        )
        rewrites = gr.Textbox(
            first_rewrites,
            label=f"Rewrite, or up to {MAX_REWRITES}: one per line",
            lines=3,
            max_lines=8,
            elem_id="rewrites",
        )
    reference = gr.Textbox(
        label="Reference: a human rewrite, which this protocol compares with",
        visible=False,
        elem_id="reference",
    )
    with gr.Row(elem_classes="tj-actions"):
        button = gr.Button(
            "Score", variant="primary", scale=0, min_width=140, elem_id="score"
        )
        gr.HTML(
            "<p class='tj tj-hint'>Scores follow as you type.</p>",
            padding=False,
            container=False,
        )
    with gr.Row(elem_classes="tj-actions"):
        gr.HTML("<p class='tj tj-hint'>Examples:</p>", padding=False, container=False)
        examples = [
            gr.Button(label, size="sm", scale=0, min_width=80) for label, _, _ in PAIRS
        ]
    status = gr.HTML(padding=False, elem_id="status", min_height=0)
    shown = gr.HTML(padding=False, elem_id="results")
    elsewhere = _elsewhere("one")
    inputs, outputs = [source, rewrites, reference, *choice], [status, shown, elsewhere]
    quiet: dict[str, Any] = {"show_progress": "hidden", **PRIVATE, **SHORT}
    gr.on(
        # Not `input`: gradio 6.31 loses the first of a text box. Examples change the
        # boxes too.
        [
            source.change,
            rewrites.change,
            reference.change,
            *(part.change for part in choice),
        ],
        handlers.on_pair,
        inputs,
        outputs,
        trigger_mode="always_last",
        **quiet,
    )
    button.click(
        handlers.on_pair, inputs, outputs, show_progress="minimal", **PRIVATE, **SHORT
    )
    choice[0].change(
        handlers.on_protocol,
        choice[0],
        reference,
        queue=False,
        show_progress="hidden",
        **PRIVATE,
    )
    for example, (_, text, lines) in zip(examples, PAIRS, strict=True):
        fill = partial(tuple, (text, lines))
        example.click(
            fill,
            None,
            [source, rewrites],
            queue=False,
            show_progress="hidden",
            **PRIVATE,
        )
    page.load(handlers.on_pair, inputs, outputs, **quiet)


def _many_sentences(choice: list[gr.components.Component]) -> None:
    gr.HTML(
        "<p class='tj'>One row per sentence, one column per system. The column “source”"
        " holds the rude sentences; “reference” and “language” are known too; every"
        " other column is a system. Of text files, upload <code>sources.txt</code> and"
        " one file per system.</p>",
        padding=False,
    )
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
    table = _table()
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
    elsewhere = _elsewhere("many")
    light: dict[str, Any] = {"show_progress": "hidden", **PRIVATE, **SHORT}
    files.upload(handlers.on_upload, files, [table, status, files], **light)
    paste.click(handlers.on_paste, pasted, [table, status], **light)
    example.click(handlers.on_example, None, [table, status], **light)
    empty.click(handlers.on_empty, None, [table, status], **light)
    outputs = [status, shown, scored, segments, rows, button, cancel, elsewhere]
    job = button.click(
        handlers.on_compare,
        [table, order, *choice],
        outputs,
        show_progress="hidden",
        **PRIVATE,
        **LONG,
    )
    cancel.click(
        handlers.on_cancel,
        None,
        [status, button, cancel],
        cancels=[job],
        queue=False,
        **PRIVATE,
    )
    order.change(handlers.on_order, [scored, order], segments, **light)


def _table() -> gr.Dataframe:
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


def _elsewhere(name: str) -> gr.HTML:
    """Add the signature and the ways to reproduce the screen, and return their
    component.
    """
    title = "Use it elsewhere: Python, terminal, API"
    with gr.Accordion(title, open=False, elem_id=f"{name}-elsewhere"):
        return gr.HTML("<p class='tj'>Score something first.</p>", padding=False)
