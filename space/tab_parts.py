"""What both tabs of the page share: lanes for their jobs, and the part at their end."""

from __future__ import annotations

from typing import Any

import gradio as gr

# Short jobs do not wait for long ones: each lane has workers of its own.
SHORT: dict[str, Any] = {"concurrency_id": "short", "concurrency_limit": 2}
LONG: dict[str, Any] = {"concurrency_id": "long", "concurrency_limit": 1}
# Events of the page itself are no part of its API.
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# Answers that come at once need no sign that they are on their way.
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
QUIET_SHORT: dict[str, Any] = {**QUIET, **SHORT}


def add_elsewhere(name: str) -> gr.HTML:
    """Add the signature and the ways to reproduce the screen."""
    title = "Use it elsewhere: Python, terminal, API"
    with gr.Accordion(title, open=False, elem_id=f"{name}-elsewhere"):
        return gr.HTML("<p class='tj'>Score something first.</p>", padding=False)
