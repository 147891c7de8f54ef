"""The losses of a step that refines what an encoder reads in pairs."""

from __future__ import annotations

import torch
from torch.nn.functional import smooth_l1_loss

from toxicity_j.builtin_network import EncoderNetwork
from training.modules import padded_network as padded
from training.modules.encoder_losses import NEAR_WEIGHT, label_loss, logit_loss
from training.modules.network_parts import PAIR_PARTS
from training.modules.refinement import Refinement
from training.modules.schedule import mixed_precision
from training.modules.training_rows import LabeledRows

__all__ = ["PairRefinement"]

# Weight of the loss that keeps what the source adds to fluency as it was, but for what
# it takes from sound texts.
_FLUENCY_WEIGHT = 1.0


class PairRefinement(Refinement):
    """Computes the losses of a batch of pairs; see `Refinement`.

    Args:
        network: as there.
        table: the pairs.
        is_sound: whose texts are sound, so that no source makes them less fluent.
            *Shape:* (rows,)
    """

    def __init__(
        self,
        network: EncoderNetwork,
        table: LabeledRows,
        is_sound: torch.Tensor,
    ) -> None:
        super().__init__(network, table, PAIR_PARTS)
        self.is_sound = is_sound

    def __call__(
        self, task: str, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        """Compute the losses of rows, padded to a width."""
        with mixed_precision(self.device):
            return self._losses(rows, width)

    def _losses(self, rows: torch.Tensor, width: int) -> dict[str, torch.Tensor]:
        table, network, before = self.table, self.network, self.before
        pairs = table.rows.pairs(rows, width)
        with torch.no_grad():
            trunk = padded.trunk_of_pairs(network.body, *pairs)
            earlier = padded.pair_states(before.body, trunk, pairs)
            said = padded.pair_logits(before.content_head, earlier)
            added = padded.pair_logits(before.pair_fluency_head, earlier)
            added = torch.where(self.is_sound[rows], added.clamp_min(0), added)
        labels = table.mixed(rows, said)
        together = padded.pair_states(network.body, trunk, pairs)
        logits = padded.pair_logits(network.content_head, together)
        beside = padded.pair_logits(network.pair_fluency_head, together)
        return {
            "content": label_loss(logits, labels),
            "near": NEAR_WEIGHT * logit_loss(logits, labels),
            "fluency": _FLUENCY_WEIGHT * smooth_l1_loss(beside, added),
        }
