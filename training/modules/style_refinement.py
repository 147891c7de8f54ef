"""The losses of a step that refines what an encoder reads for style."""

from __future__ import annotations

from copy import deepcopy

import torch

from toxicity_j.builtin_network import EncoderNetwork
from training.modules import padded_network as padded
from training.modules.encoder_losses import label_loss
from training.modules.network_parts import STYLE_PARTS, keep_all_but
from training.modules.schedule import mixed_precision
from training.modules.training_rows import TrainingRows

__all__ = ["StyleRefinement"]


class StyleRefinement:
    """Computes the losses of a batch of texts.

    What the encoder said before is computed in the same step, from a copy of its
    branch: the trunk stays the same.

    Args:
        network: prepared by `padded_network.pad_attention`.
        rows: the texts. Labels are learned as far as `shares` say, and what the encoder
            said before for the rest.
        shares: in [0, 1]. *Shape:* (rows,)
    """

    def __init__(
        self, network: EncoderNetwork, rows: TrainingRows, shares: torch.Tensor
    ) -> None:
        self.network = network
        self.rows = rows
        self.shares = shares
        self.device = network.body.word_embeddings.weight.device
        self._before = deepcopy(network).eval().requires_grad_(False)
        keep_all_but(network, STYLE_PARTS)

    def __call__(
        self, task: str, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        """Compute the losses of rows, padded to a width."""
        texts = self.rows.texts.padded(rows, width)
        with mixed_precision(self.device):
            with torch.no_grad():
                trunk = padded.trunk_states(self.network.body, texts)
                own = self._logits(self._before, trunk, texts[1]).float().sigmoid()
            share = self.shares[rows]
            labels = share * self.rows.labels[rows] + (1 - share) * own
            logits = self._logits(self.network, trunk, texts[1])
            return {"style": label_loss(logits, labels)}

    def _logits(
        self, network: EncoderNetwork, trunk: torch.Tensor, is_token: torch.Tensor
    ) -> torch.Tensor:
        states = padded.run_layers(network.body.style, trunk, is_token)
        return padded.text_logits(network.style_head, states, is_token)
