"""The losses of one training step of the encoder, task by task."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from toxicity_j.builtin_network import EncoderNetwork
from training.data.example_table import LEAST_LABEL
from training.modules import padded_network as padded
from training.modules.padded_network import PairStates
from training.modules.schedule import mixed_precision
from training.modules.training_rows import TrainingRows

__all__ = [
    "FLAW_WEIGHT",
    "LIKELIHOOD_WEIGHT",
    "NEAR_WEIGHT",
    "EncoderLosses",
    "flaw_loss",
    "label_loss",
    "logit_loss",
]

# Weights of what helps to learn, beside the three scores' own losses.
LIKELIHOOD_WEIGHT, ALONE_WEIGHT, FLAW_WEIGHT, NEAR_WEIGHT = 0.25, 0.4, 0.5, 0.4


class EncoderLosses:
    """Computes the losses of a batch of one task.

    Args:
        network: prepared by `padded_network.pad_attention`.
        tables: by task.
    """

    def __init__(
        self, network: EncoderNetwork, tables: dict[str, TrainingRows]
    ) -> None:
        self.network = network
        self.tables = tables
        self.device = network.body.word_embeddings.weight.device
        # Marks wrong words in training alone; it is not saved.
        self.flaw_head = nn.Linear(network.config.token_features, 1).to(self.device)
        self._tasks = {
            "style": self._style,
            "content": self._content,
            "fluency": self._fluency,
        }

    def __call__(
        self, task: str, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        """Compute the losses of rows of a task, padded to a width."""
        with mixed_precision(self.device):
            return self._tasks[task](self.tables[task], rows, width)

    def _style(
        self, table: TrainingRows, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        body = self.network.body
        texts = table.texts.padded(rows, width)
        states = padded.trunk_states(body, texts)
        states = padded.run_layers(body.style, states, texts[1])
        logits = padded.text_logits(self.network.style_head, states, texts[1])
        return {"style": label_loss(logits, table.labels[rows])}

    def _content(
        self, table: TrainingRows, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        trunk, together = self._read(table, rows, width)
        logits = padded.pair_logits(self.network.content_head, together)
        labels = table.labels[rows]
        return {
            "content": label_loss(logits, labels),
            "near": NEAR_WEIGHT * logit_loss(logits, labels),
            "likelihood": self._likelihood_loss(table, rows, trunk),
        }

    def _fluency(
        self, table: TrainingRows, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        network, labels = self.network, table.labels[rows]
        trunk, together = self._read(table, rows, width)
        states = padded.run_layers(network.body.fluency, trunk.texts, trunk.of_texts)
        alone = padded.text_logits(network.fluency_head, states, trunk.of_texts)
        beside = padded.pair_logits(network.pair_fluency_head, together)
        features = network.fluency_head.tokens.per_token(states)
        flaws = self.flaw_head(features)[:, :, 0]
        marks = table.marks(rows, width)
        return {
            "fluency": label_loss(alone + beside, labels),
            # The branch alone must read fluency too, or the pair layers would learn
            # what it could.
            "alone": ALONE_WEIGHT * label_loss(alone, labels),
            "flaws": FLAW_WEIGHT * flaw_loss(flaws, marks),
            "likelihood": self._likelihood_loss(table, rows, trunk),
        }

    def _read(
        self, table: TrainingRows, rows: torch.Tensor, width: int
    ) -> tuple[PairStates, PairStates]:
        """Compute the states of the trunk, and those of the pair layers."""
        body = self.network.body
        sources = table.sources.padded(rows, width)
        texts = table.texts.padded(rows, width)
        trunk = padded.trunk_of_pairs(body, sources, texts)
        return trunk, padded.pair_states(body, trunk, (sources, texts))

    def _likelihood_loss(
        self, table: TrainingRows, rows: torch.Tensor, trunk: PairStates
    ) -> torch.Tensor:
        """Compare each text's likelihood, and how it differs from its source's, with
        the language model's.
        """
        values = partial(padded.text_likelihoods, self.network.likelihood_head)
        own = values(trunk.texts, trunk.of_texts)
        relative = own - values(trunk.sources, trunk.of_sources)
        losses = _known_loss(own, table.own[rows])
        losses = losses + _known_loss(relative, table.relative[rows])
        return LIKELIHOOD_WEIGHT * losses


def label_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Compute the mean cross-entropy of logits and labels in [0, 1]. *Shape:* (n,)
    each.
    """
    return binary_cross_entropy_with_logits(logits.float(), labels)


def logit_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Compare logits with those of the labels.

    Cross-entropy hardly tells 0.85 from 0.95, between which most good rewrites lie.
    """
    wanted = torch.logit(labels.clamp(LEAST_LABEL, 1 - LEAST_LABEL))
    return smooth_l1_loss(logits.float(), wanted)


def _known_loss(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Average the loss over the values that are not NaN."""
    is_known = ~wanted.isnan()
    wanted = torch.where(is_known, wanted, 0)
    each = smooth_l1_loss(found, wanted, reduction="none")
    return (each * is_known).sum() / is_known.sum().clamp_min(1)


def flaw_loss(logits: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
    """Average the loss over the tokens whose mark is known."""
    is_known = marks >= 0
    labels = marks.clamp_min(0).float()
    each = binary_cross_entropy_with_logits(logits.float(), labels, reduction="none")
    return (each * is_known).sum() / is_known.sum().clamp_min(1)
