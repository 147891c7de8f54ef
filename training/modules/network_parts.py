"""What reads pairs in the encoder, style, or fluency, and the training of one alone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

__all__ = ["FLUENCY_PARTS", "PAIR_PARTS", "STYLE_PARTS", "keep_all_but"]

# How the names of their weights begin.
PAIR_PARTS = (
    "body.pair.",
    "body.segment_embeddings.",
    "content_head.",
    "pair_fluency_head.",
)
STYLE_PARTS = ("body.style.", "style_head.")
FLUENCY_PARTS = ("body.fluency.", "fluency_head.")


def keep_all_but(network: nn.Module, parts: Sequence[str]) -> None:
    """Let only some parts learn."""
    # Dropout would change what is kept.
    network.eval()
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(tuple(parts)))
    for part in parts:
        network.get_submodule(part.rstrip(".")).train()
