"""The losses of a step that trains a whole encoder on."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import smooth_l1_loss

from toxicity_j.builtin_network import EncoderNetwork
from training.modules import padded_network as padded
from training.modules.encoder_losses import (
    FLAW_WEIGHT,
    LIKELIHOOD_WEIGHT,
    NEAR_WEIGHT,
    flaw_loss,
    label_loss,
    logit_loss,
)
from training.modules.schedule import mixed_precision
from training.modules.training_rows import Block, LabeledRows

__all__ = ["NetworkRefinement"]

# Weights of fluency as the text alone shows it, of content and style of the pairs that
# fluency is learned from, and of pairs that content is learned from.
_ALONE_WEIGHT, _KEPT_WEIGHT, _CONTENT_WEIGHT = 0.5, 0.5, 0.5
# Of how far logits that are kept lie from what they were: those of content, of style.
_NEAR_CONTENT, _NEAR_STYLE = 0.3, 0.1

Losses = dict[str, torch.Tensor]


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


class NetworkRefinement:
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
        self.network = network
        self.tables = tables
        self.device = network.body.word_embeddings.weight.device
        self.before = deepcopy(network).eval().requires_grad_(False)
        network.requires_grad_(True).train()
        # Marks wrong words in training alone; it is not saved.
        self.flaw_head = nn.Linear(network.config.token_features, 1).to(self.device)
        self._tasks = {
            "fluency": self._fluency,
            "alone": self._alone,
            "style": self._style,
            "content": self._content,
        }

    def __call__(self, task: str, rows: torch.Tensor, width: int) -> Losses:
        """Compute the losses of rows of a task, padded to a width."""
        with mixed_precision(self.device):
            return self._tasks[task](self.tables[task], rows, width)

    def _fluency(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        pairs = _pairs(table, rows, width)
        with torch.no_grad():
            before = _read(self.before, pairs)
        now = _read(self.network, pairs)
        labels = table.mixed(rows, before.alone + before.beside)
        own = smooth_l1_loss(now.own, before.own)
        relative = smooth_l1_loss(now.relative, before.relative)
        return {
            **_near_losses("fluency", now.alone + now.beside, labels),
            "alone": _ALONE_WEIGHT * label_loss(now.alone, labels),
            "flaws": self._flaw_loss(now.features, table, rows, width),
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
            **_near_losses("alone", logits, table.mixed(rows, said)),
            "flaws": self._flaw_loss(features, table, rows, width),
        }

    def _style(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        texts = table.rows.texts.padded(rows, width)
        with torch.no_grad():
            said = _style(self.before, texts)
        logits = _style(self.network, texts)
        return {"style": label_loss(logits, table.mixed(rows, said))}

    def _content(self, table: LabeledRows, rows: torch.Tensor, width: int) -> Losses:
        pairs = _pairs(table, rows, width)
        with torch.no_grad():
            said = _content(self.before, pairs)
        logits = _content(self.network, pairs)
        losses = _near_losses("content", logits, table.mixed(rows, said))
        return {name: _CONTENT_WEIGHT * loss for name, loss in losses.items()}

    def _flaw_loss(
        self, features: torch.Tensor, table: LabeledRows, rows: torch.Tensor, width: int
    ) -> torch.Tensor:
        logits = self.flaw_head(features)[:, :, 0]
        return FLAW_WEIGHT * flaw_loss(logits, table.rows.marks(rows, width))


def _pairs(table: LabeledRows, rows: torch.Tensor, width: int) -> tuple[Block, Block]:
    """Take the sources and the texts of rows."""
    return table.rows.sources.padded(rows, width), table.rows.texts.padded(rows, width)


def _read(network: EncoderNetwork, pairs: tuple[Block, Block]) -> _Read:
    """Read pairs for everything."""
    body = network.body
    trunk = padded.trunk_of_pairs(body, *pairs)
    together = padded.pair_states(body, trunk, pairs)
    fluency = padded.run_layers(body.fluency, trunk.texts, trunk.of_texts)
    style = padded.run_layers(body.style, trunk.texts, trunk.of_texts)
    head = network.likelihood_head
    own = padded.text_likelihoods(head, trunk.texts, trunk.of_texts)
    of_sources = padded.text_likelihoods(head, trunk.sources, trunk.of_sources)
    return _Read(
        content=padded.pair_logits(network.content_head, together),
        style=padded.text_logits(network.style_head, style, trunk.of_texts),
        alone=padded.text_logits(network.fluency_head, fluency, trunk.of_texts),
        beside=padded.pair_logits(network.pair_fluency_head, together),
        own=own,
        relative=own - of_sources,
        features=network.fluency_head.tokens.per_token(fluency),
    )


def _content(network: EncoderNetwork, pairs: tuple[Block, Block]) -> torch.Tensor:
    """Compute logits of content. *Shape:* (pairs,)"""
    trunk = padded.trunk_of_pairs(network.body, *pairs)
    together = padded.pair_states(network.body, trunk, pairs)
    return padded.pair_logits(network.content_head, together)


def _style(network: EncoderNetwork, texts: Block) -> torch.Tensor:
    """Compute logits of style. *Shape:* (texts,)"""
    trunk = padded.trunk_states(network.body, texts)
    states = padded.run_layers(network.body.style, trunk, texts[1])
    return padded.text_logits(network.style_head, states, texts[1])


def _fluency_alone(
    network: EncoderNetwork, texts: Block
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute logits of fluency, and the features of each token. *Shape:* (texts,) and
    (texts, width, token_features)
    """
    trunk = padded.trunk_states(network.body, texts)
    states = padded.run_layers(network.body.fluency, trunk, texts[1])
    logits = padded.text_logits(network.fluency_head, states, texts[1])
    return logits, network.fluency_head.tokens.per_token(states)


def _near_losses(name: str, logits: torch.Tensor, labels: torch.Tensor) -> Losses:
    """Compare logits with labels as probabilities, and as logits."""
    near = NEAR_WEIGHT * logit_loss(logits, labels)
    return {name: label_loss(logits, labels), f"near_{name}": near}


def _kept_loss(logits: torch.Tensor, before: torch.Tensor, near: float) -> torch.Tensor:
    """Compare logits with what they were."""
    kept = label_loss(logits, before.float().sigmoid())
    return _KEPT_WEIGHT * kept + near * smooth_l1_loss(logits.float(), before.float())
