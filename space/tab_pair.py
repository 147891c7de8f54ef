"""The tab for one source and its rewrites, scored as one types."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import gradio as gr

from . import handlers
from .examples import PAIRS
from .limits import MAX_CHARACTERS, MAX_REWRITES
from .tab_parts import PRIVATE, QUIET, QUIET_SHORT, SHORT, add_elsewhere


def add_pair_tab(page: gr.Blocks, choice: Sequence[gr.components.Component]) -> None:
    """Add the boxes, the buttons and the results, and connect them.

    Args:
        page: which scores the first example when it has loaded.
        choice: the protocol, and the models for STA, SIM and FL.
    """
    source, rewrites, reference = _add_boxes()
    button, examples = _add_buttons()
    status = gr.HTML(padding=False, elem_id="status", min_height=0)
    shown = gr.HTML(padding=False, elem_id="results")
    elsewhere = add_elsewhere("one")
    inputs = [source, rewrites, reference, *choice]
    outputs = [status, shown, elsewhere]
    gr.on(
        # Not `input`: gradio 6.31 loses the first of a text box. Examples change the
        # boxes too.
        [part.change for part in inputs],
        handlers.on_pair,
        inputs,
        outputs,
        # What is typed while a score is on its way is scored afterwards.
        trigger_mode="always_last",
        **QUIET_SHORT,
    )
    button.click(
        handlers.on_pair, inputs, outputs, show_progress="minimal", **PRIVATE, **SHORT
    )
    protocol = choice[0]
    protocol.change(handlers.on_protocol, protocol, reference, queue=False, **QUIET)
    for example, (_, text, lines) in zip(examples, PAIRS, strict=True):
        fill = partial(tuple, (text, lines))
        example.click(fill, None, [source, rewrites], queue=False, **QUIET)
    page.load(handlers.on_pair, inputs, outputs, **QUIET_SHORT)


def _add_boxes() -> tuple[gr.Textbox, gr.Textbox, gr.Textbox]:
    """Add the boxes for the source, the rewrites and the reference."""
    _, first_source, first_rewrites = PAIRS[0]
    with gr.Row(equal_height=True):
        source = gr.Textbox(
            first_source,
            label="Source: the rude sentence",
            lines=3,
            max_lines=8,
            # One more than is scored, so that a longer text gets the message.
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
        # Until a protocol is chosen that uses it.
        visible=False,
        elem_id="reference",
    )
    return source, rewrites, reference


def _add_buttons() -> tuple[gr.Button, list[gr.Button]]:
    """Add the button that scores, and one per example."""
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
    return button, examples
