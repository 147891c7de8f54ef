"""Colors and fonts: one accent, and the system's fonts."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

# Fonts that devices have, so that none is asked of another host.
SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def theme() -> gr.themes.Base:
    """Return the theme."""
    hues = {"primary_hue": "teal", "secondary_hue": "teal", "neutral_hue": "slate"}
    base = gr.themes.Base(**hues, font=SANS, font_mono=MONO, radius_size="lg")
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_border_width="1px",
        block_shadow="none",
        # Its contrast to white is 5.5; WCAG 2.2 asks for 4.5 (criterion 1.4.3).
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        input_placeholder_color="*neutral_500",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
    )
