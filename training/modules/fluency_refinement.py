"""The losses of a step that refines what an encoder reads for fluency."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch

from toxicity_j.builtin_network import EncoderNetwork
from training.modules import padded_network as padded
from training.modules.encoder_losses import (
    ALONE_WEIGHT,
    Losses,
    TaskLosses,
    label_loss,
    near_losses,
)
from training.modules.network_parts import FLUENCY_PARTS, keep_all_but
from training.modules.training_rows import Block, LabeledRows

__all__ = ["FluencyRefinement"]

# What learns: the branch, its head, and what the pair layers add to it.
_PARTS = (*FLUENCY_PARTS, "pair_fluency_head.")
# How far a sound sentence must lie above its broken twin, as a logit, and the weight of
# what is missing.
_MARGIN, _MARGIN_WEIGHT = 2.0, 0.3
# What a sound sentence is to get beside itself, and the weight of the labels of either
# twin.
_SOUND, _TWIN_WEIGHT = 0.95, 0.5


class FluencyRefinement(TaskLosses[LabeledRows]):
    """Computes the losses of a batch of a task: `fluency` of pairs, `alone` (fluency of
    their texts), or `twins`, whose texts are broken and whose sources are sound.

    Trunk and pair layers stay. Labels are learned as far as their shares say, and what
    the encoder said before for the rest.

    Args:
        network: prepared by `padded_network.pad_attention`.
        tables: by task; `marked` is read like `fluency`.
    """

    def __init__(
        self, network: EncoderNetwork, tables: Mapping[str, LabeledRows]
    ) -> None:
        super().__init__(network, tables)
        self.before = deepcopy(network).eval().requires_grad_(False)
        keep_all_but(network, _PARTS)
        self.tasks = {
            "fluency": self._fluency,
            "marked": self._fluency,
            "alone": self._alone,
            "twins": self._twins,
        }

    def _fluency(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        pairs = table.rows.pairs(rows, width)
        with torch.no_grad():
            said, added, _ = _read(self.before, pairs)
        alone, beside, features = _read(self.network, pairs)
        labels = table.mixed(rows, said + added)
        return {
            **near_losses("fluency", alone + beside, labels),
            "alone": ALONE_WEIGHT * label_loss(alone, labels),
            "flaws": self.flaw_loss(features, table.rows.marks(rows, width)),
        }

    def _alone(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        texts = table.rows.texts.padded(rows, width)
        with torch.no_grad():
            trunk = padded.trunk_states(self.network.body, texts)
            said, _ = padded.fluency_of_texts(self.before, trunk, texts[1])
        logits, features = padded.fluency_of_texts(self.network, trunk, texts[1])
        return {
            "text": label_loss(logits, table.mixed(rows, said)),
            "text_flaws": self.flaw_loss(features, table.rows.marks(rows, width)),
        }

    def _twins(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        sound, broken = table.rows.pairs(rows, width)
        labels = table.rows.labels[rows]
        alone, beside, _ = _read(self.network, (sound, broken))
        sound_alone, sound_beside, _ = _read(self.network, (sound, sound))
        low, high = alone + beside, sound_alone + sound_beside
        missing = _missing(low, high) + _missing(alone, sound_alone)
        return {
            "broken": _TWIN_WEIGHT * label_loss(low, labels),
            "sound": _TWIN_WEIGHT * label_loss(high, torch.full_like(labels, _SOUND)),
            "margin": _MARGIN_WEIGHT * missing,
        }


def _missing(broken: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
    """Average how much of the margin between logits of twins is missing."""
    return (_MARGIN - (sound - broken)).clamp_min(0).mean()


def _read(
    network: EncoderNetwork, pairs: tuple[Block, Block]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the logits of fluency of texts alone, what their sources add, and the
    features of their tokens. *Shape:* (pairs,) twice, and (pairs, width,
    token_features).
    """
    with torch.no_grad():
        trunk = padded.trunk_of_pairs(network.body, *pairs)
        together = padded.pair_states(network.body, trunk, pairs)
    alone, features = padded.fluency_of_texts(network, trunk.texts, trunk.of_texts)
    beside = padded.pair_logits(network.pair_fluency_head, together)
    return alone, beside, features
