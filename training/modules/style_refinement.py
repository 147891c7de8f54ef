"""The losses of a step that refines what an encoder reads for style."""

from __future__ import annotations

import torch

from toxicity_j.builtin_network import EncoderNetwork
from training.modules import padded_network as padded
from training.modules.encoder_losses import label_loss
from training.modules.network_parts import STYLE_PARTS
from training.modules.refinement import Refinement
from training.modules.schedule import mixed_precision
from training.modules.training_rows import LabeledRows

__all__ = ["StyleRefinement"]


class StyleRefinement(Refinement):
    """Computes the losses of a batch of texts; see `Refinement`."""

    def __init__(self, network: EncoderNetwork, table: LabeledRows) -> None:
        super().__init__(network, table, STYLE_PARTS)

    def __call__(
        self, task: str, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        """Compute the losses of rows, padded to a width."""
        texts = self.table.rows.texts.padded(rows, width)
        with mixed_precision(self.device):
            with torch.no_grad():
                trunk = padded.trunk_states(self.network.body, texts)
                said = padded.style_logits(self.before, trunk, texts[1])
            logits = padded.style_logits(self.network, trunk, texts[1])
            return {"style": label_loss(logits, self.table.mixed(rows, said))}
