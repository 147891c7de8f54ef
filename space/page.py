"""Lay out the page and connect its parts to what they do."""

from __future__ import annotations

import gradio as gr

from toxicity_j import protocols

from . import about, api
from .models import OTHER_MODELS, OWN, STYLE_MODELS
from .tab_batch import add_batch_tab
from .tab_pair import add_pair_tab
from .tab_parts import LONG, QUIET, SHORT


def build() -> gr.Blocks:
    """Return the page, not yet launched; no model is loaded before the first score."""
    # Every minute, uploads that have been left for five are deleted.
    with gr.Blocks(
        title="toxicity_j", analytics_enabled=False, delete_cache=(60, 300)
    ) as page:
        gr.HTML(about.HEADER, padding=False)
        choice = _options()
        with gr.Tabs():
            with gr.Tab("One sentence", id="one"):
                add_pair_tab(page, choice)
            with gr.Tab("Systems", id="many"):
                add_batch_tab(choice)
            with gr.Tab("About", id="about"):
                gr.HTML(about.about(), padding=False)
        # The functions with names and types of their own are the API.
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
        protocol.change(about.protocol_card, protocol, card, queue=False, **QUIET)
    return [protocol, style, content, fluency]
