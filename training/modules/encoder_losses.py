"""The losses of one training step of the encoder, task by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

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
    "ALONE_WEIGHT",
    "LIKELIHOOD_WEIGHT",
    "NEAR_WEIGHT",
    "EncoderLosses",
    "Losses",
    "TaskLosses",
    "label_loss",
    "logit_loss",
    "near_losses",
]

# Weights of what helps to learn, beside the three scores' own losses.
LIKELIHOOD_WEIGHT, ALONE_WEIGHT, FLAW_WEIGHT, NEAR_WEIGHT = 0.25, 0.4, 0.5, 0.4


# By name.
Losses = dict[str, torch.Tensor]
# What the rows of a task are read from.
Table = TypeVar("Table")


class TaskLosses(Generic[Table]):
    """Computes the losses of a batch of one task. Subclasses say how, by task.

    Args:
        network: prepared by `padded_network.pad_attention`.
        tables: by task.

    Attributes:
        helpers: parameters that learn beside the network.
    """

    def __init__(self, network: EncoderNetwork, tables: Mapping[str, Table]) -> None:
        self.network = network
        self.tables = tables
        self.device = network.body.word_embeddings.weight.device
        # Marks wrong words in training alone; it is not saved.
        self.flaw_head = nn.Linear(network.config.token_features, 1).to(self.device)
        self.helpers = [*self.flaw_head.parameters()]
        self.tasks: dict[str, Callable[[Table, torch.Tensor, int], Losses]] = {}

    def __call__(self, task: str, rows: torch.Tensor, width: int) -> Losses:
        """Compute the losses of rows of a task, padded to a width."""
        with mixed_precision(self.device):
            return self.tasks[task](self.tables[task], rows, width)

    def flaw_loss(self, features: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
        """Compute the loss of marking wrong words.

        Args:
            features: of each token. *Shape:* (rows, width, token_features)
            marks: 1 in a wrong word, 0 in another, -1 where it is not known. *Shape:*
                (rows, width)
        """
        return FLAW_WEIGHT * _flaw_loss(self.flaw_head(features)[:, :, 0], marks)


class EncoderLosses(TaskLosses[TrainingRows]):
    """Computes the losses of a batch of `style`, `content` or `fluency`."""

    def __init__(
        self, network: EncoderNetwork, tables: Mapping[str, TrainingRows]
    ) -> None:
        super().__init__(network, tables)
        self.tasks = {
            "style": self._style,
            "content": self._content,
            "fluency": self._fluency,
        }

    def _style(
        self, table: TrainingRows, rows: torch.Tensor, width: int
    ) -> dict[str, torch.Tensor]:
        texts = table.texts.padded(rows, width)
        trunk = padded.trunk_states(self.network.body, texts)
        logits = padded.style_logits(self.network, trunk, texts[1])
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
        texts = trunk.texts, trunk.of_texts
        alone, features = padded.fluency_of_texts(network, *texts)
        beside = padded.pair_logits(network.pair_fluency_head, together)
        return {
            "fluency": label_loss(alone + beside, labels),
            # The branch alone must read fluency too, or the pair layers would learn
            # what it could.
            "alone": ALONE_WEIGHT * label_loss(alone, labels),
            "flaws": self.flaw_loss(features, table.marks(rows, width)),
            "likelihood": self._likelihood_loss(table, rows, trunk),
        }

    def _read(
        self, table: TrainingRows, rows: torch.Tensor, width: int
    ) -> tuple[PairStates, PairStates]:
        """Compute the states of the trunk, and those of the pair layers."""
        body = self.network.body
        pairs = table.pairs(rows, width)
        trunk = padded.trunk_of_pairs(body, *pairs)
        return trunk, padded.pair_states(body, trunk, pairs)

    def _likelihood_loss(
        self, table: TrainingRows, rows: torch.Tensor, trunk: PairStates
    ) -> torch.Tensor:
        """Compare each text's likelihood, and how it differs from its source's, with
        the language model's.
        """
        own, relative = padded.pair_likelihoods(self.network.likelihood_head, trunk)
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


def near_losses(name: str, logits: torch.Tensor, labels: torch.Tensor) -> Losses:
    """Compare logits with labels as probabilities, and as logits."""
    near = NEAR_WEIGHT * logit_loss(logits, labels)
    return {name: label_loss(logits, labels), f"near_{name}": near}


def _known_loss(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Average the loss over the values that are not NaN."""
    is_known = ~wanted.isnan()
    wanted = torch.where(is_known, wanted, 0)
    each = smooth_l1_loss(found, wanted, reduction="none")
    return (each * is_known).sum() / is_known.sum().clamp_min(1)


def _flaw_loss(logits: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
    """Average the loss over the tokens whose mark is known."""
    is_known = marks >= 0
    labels = marks.clamp_min(0).float()
    each = binary_cross_entropy_with_logits(logits.float(), labels, reduction="none")
    return (each * is_known).sum() / is_known.sum().clamp_min(1)
