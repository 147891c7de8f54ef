"""What reads pairs in the encoder, and its training alone."""

from __future__ import annotations

from torch import nn

__all__ = ["PAIR_PARTS", "keep_all_but_pairs"]

# How the names of its weights begin.
PAIR_PARTS = (
    "body.pair.",
    "body.segment_embeddings.",
    "content_head.",
    "pair_fluency_head.",
)


def keep_all_but_pairs(network: nn.Module) -> None:
    """Let only what reads pairs learn."""
    # Dropout would change what is kept.
    network.eval()
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(PAIR_PARTS))
    for part in PAIR_PARTS:
        network.get_submodule(part.rstrip(".")).train()
