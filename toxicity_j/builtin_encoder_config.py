"""The shape of the built-in encoder, and how its logits are calibrated."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

__all__ = ["ROLES", "EncoderConfig", "Outputs", "calibrated"]

ROLES = ("style", "content", "fluency")


def _identity_calibration() -> dict[str, tuple[float, float]]:
    return dict.fromkeys(ROLES, (1.0, 0.0))


@dataclass(frozen=True)
class EncoderConfig:
    """Hold the shape of the encoder; widths are those of all-MiniLM-L6-v2.

    Attributes:
        vocab_size: tokens of the tokenizer.
        hidden: width of the states.
        heads: attention heads per layer.
        intermediate: width inside the feed-forward part of a layer.
        positions: rows of the table of positions, at least `max_length`.
        trunk_layers: layers that each text passes alone; their states serve every head.
        branch_layers: layers over one text alone, one set for style and one for
            fluency.
        pair_layers: layers over source and prediction together.
        token_features: width of the features that are taken from each token.
        max_length: most tokens per text, special tokens included.
        calibration: per role, scale and shift of its logit: for style fitted after
            training (Platt 1999), for the others chosen.
        pair_fluency_weight: weight of what the pair layers add to the logit of fluency,
            chosen after training.
        copy_fluency: what the pair layers add for a copy of its source, chosen
            likewise: what they say of single ones is noise. None leaves it as they say.
        likelihood_weight: weight of likelihood(prediction) - likelihood(source) in the
            logit of fluency, chosen likewise.
    """

    vocab_size: int = 30522
    hidden: int = 384
    heads: int = 12
    intermediate: int = 1536
    positions: int = 512
    # Trunk and branch together are the six layers of all-MiniLM-L6-v2.
    trunk_layers: int = 4
    branch_layers: int = 2
    pair_layers: int = 4
    token_features: int = 64
    max_length: int = 128
    calibration: dict[str, tuple[float, float]] = field(
        default_factory=_identity_calibration
    )
    pair_fluency_weight: float = 1.0
    copy_fluency: float | None = None
    likelihood_weight: float = 0.0


@dataclass
class Outputs:
    """Hold what the network says of a batch, uncalibrated; None where it was not asked.

    Attributes:
        style: logits of P(toxic) of the predictions. *Shape:* (n,)
        content: logits of "the content of the source is kept". *Shape:* (n,)
        fluency: logits of "the prediction is fluent", given its source. *Shape:* (n,)
        likelihood: likelihood(prediction) - likelihood(source), in nats per token.
            *Shape:* (n,)
    """

    style: torch.Tensor | None = None
    content: torch.Tensor | None = None
    fluency: torch.Tensor | None = None
    likelihood: torch.Tensor | None = None


def calibrated(config: EncoderConfig, found: Outputs, role: str) -> torch.Tensor:
    """Return the calibrated logit of a role. *Shape:* (n,)."""
    scale, shift = config.calibration[role]
    logit = _given(getattr(found, role))
    if role == "fluency":
        logit = logit + config.likelihood_weight * _given(found.likelihood)
    return scale * logit + shift


def _given(logits: torch.Tensor | None) -> torch.Tensor:
    if logits is None:
        raise ValueError("`want` must name what the network was asked for")
    return logits
