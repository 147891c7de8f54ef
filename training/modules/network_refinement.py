"""The losses of a step that trains a whole encoder on."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch.nn.functional import smooth_l1_loss

from toxicity_j.builtin_network import EncoderNetwork
from training.modules import padded_network as padded
from training.modules.encoder_losses import (
    LIKELIHOOD_WEIGHT,
    Losses,
    TaskLosses,
    label_loss,
    near_losses,
)
from training.modules.training_rows import Block, LabeledRows

__all__ = ["NetworkRefinement"]

# Weights of fluency as the text alone shows it, of content and style of the pairs that
# fluency is learned from, and of pairs that content is learned from.
_ALONE_WEIGHT, _KEPT_WEIGHT, _CONTENT_WEIGHT = 0.5, 0.5, 0.5
# Of how far logits that are kept lie from what they were: those of content, of style.
_NEAR_CONTENT, _NEAR_STYLE = 0.3, 0.1


@dataclass(frozen=True)
class _Read:
    """What a network makes of pairs. *Shape:* (pairs,) each but the features.

    Attributes:
        content: logits.
        style: logits of the texts.
        alone: logits of fluency, as the text shows it.
        beside: what the source adds to them.
        own: likelihood of the texts.
        relative: what it adds to that of the sources.
        features: of each token of the texts, from which wrong words are marked.
            *Shape:* (pairs, width, token_features)
    """

    content: torch.Tensor
    style: torch.Tensor
    alone: torch.Tensor
    beside: torch.Tensor
    own: torch.Tensor
    relative: torch.Tensor
    features: torch.Tensor


class NetworkRefinement(TaskLosses[LabeledRows]):
    """Computes the losses of a batch of a task: `fluency` of pairs, `alone` (fluency of
    their texts), `style` or `content`.

    All of the network learns, so a copy of it says in each step what it said before:
    labels are learned as far as their shares say, and this for the rest. Pairs that
    fluency is learned from keep their content and style.

    Args:
        network: prepared by `padded_network.pad_attention`.
        tables: by task.
    """

    def __init__(
        self, network: EncoderNetwork, tables: Mapping[str, LabeledRows]
    ) -> None:
        super().__init__(network, tables)
        self.before = deepcopy(network).eval().requires_grad_(False)
        network.requires_grad_(True).train()
        self.tasks = {
            "fluency": self._fluency,
            "alone": self._alone,
            "style": self._style,
            "content": self._content,
        }

    def _fluency(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        pairs = table.rows.pairs(rows, width)
        with torch.no_grad():
            before = _read(self.before, pairs)
        now = _read(self.network, pairs)
        labels = table.mixed(rows, before.alone + before.beside)
        own = smooth_l1_loss(now.own, before.own)
        relative = smooth_l1_loss(now.relative, before.relative)
        return {
            **near_losses("fluency", now.alone + now.beside, labels),
            "alone": _ALONE_WEIGHT * label_loss(now.alone, labels),
            "flaws": self.flaw_loss(now.features, table.rows.marks(rows, width)),
            "likelihood": LIKELIHOOD_WEIGHT * (own + relative),
            "content": _kept_loss(now.content, before.content, _NEAR_CONTENT),
            "style": _kept_loss(now.style, before.style, _NEAR_STYLE),
        }

    def _alone(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        texts = table.rows.texts.padded(rows, width)
        with torch.no_grad():
            said, _ = _fluency_alone(self.before, texts)
        logits, features = _fluency_alone(self.network, texts)
        return {
            **near_losses("alone", logits, table.mixed(rows, said)),
            "flaws": self.flaw_loss(features, table.rows.marks(rows, width)),
        }

    def _style(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        texts = table.rows.texts.padded(rows, width)
        with torch.no_grad():
            said = _style(self.before, texts)
        logits = _style(self.network, texts)
        return {"style": label_loss(logits, table.mixed(rows, said))}

    def _content(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        pairs = table.rows.pairs(rows, width)
        with torch.no_grad():
            said = _content(self.before, pairs)
        logits = _content(self.network, pairs)
        losses = near_losses("content", logits, table.mixed(rows, said))
        return {name: _CONTENT_WEIGHT * loss for name, loss in losses.items()}


def _read(network: EncoderNetwork, pairs: tuple[Block, Block]) -> _Read:
    """Read pairs for everything."""
    body = network.body
    trunk = padded.trunk_of_pairs(body, *pairs)
    together = padded.pair_states(body, trunk, pairs)
    texts = trunk.texts, trunk.of_texts
    alone, features = padded.fluency_of_texts(network, *texts)
    own, relative = padded.pair_likelihoods(network.likelihood_head, trunk)
    return _Read(
        content=padded.pair_logits(network.content_head, together),
        style=padded.style_logits(network, *texts),
        alone=alone,
        beside=padded.pair_logits(network.pair_fluency_head, together),
        own=own,
        relative=relative,
        features=features,
    )


def _content(network: EncoderNetwork, pairs: tuple[Block, Block]) -> torch.Tensor:
    """Compute logits of content. *Shape:* (pairs,)"""
    trunk = padded.trunk_of_pairs(network.body, *pairs)
    together = padded.pair_states(network.body, trunk, pairs)
    return padded.pair_logits(network.content_head, together)


def _style(network: EncoderNetwork, texts: Block) -> torch.Tensor:
    """Compute logits of style. *Shape:* (texts,)"""
    trunk = padded.trunk_states(network.body, texts)
    return padded.style_logits(network, trunk, texts[1])


def _fluency_alone(
    network: EncoderNetwork, texts: Block
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute what `padded_network.fluency_of_texts` does, from texts."""
    trunk = padded.trunk_states(network.body, texts)
    return padded.fluency_of_texts(network, trunk, texts[1])


def _kept_loss(logits: torch.Tensor, before: torch.Tensor, near: float) -> torch.Tensor:
    """Compare logits with what they were."""
    kept = label_loss(logits, before.float().sigmoid())
    return _KEPT_WEIGHT * kept + near * smooth_l1_loss(logits.float(), before.float())
