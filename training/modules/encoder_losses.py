"""The losses of one training step of the encoder, one batch per task.

Content and fluency are read in one pass, because a GPU spends a step of this size on
starting its kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from toxicity_j.builtin_network import EncoderNetwork, token_segments
from toxicity_j.devices import to_device
from training.data.example_table import LEAST_LABEL, ExampleTable
from training.modules.schedule import mixed_precision

__all__ = ["PAIR_TASKS", "pair_losses", "step_losses"]

# Weights of what helps to learn, beside the three scores' own losses.
LIKELIHOOD_WEIGHT, ALONE_WEIGHT, FLAW_WEIGHT, NEAR_WEIGHT = 0.5, 0.4, 0.5, 0.4
# The tasks that read pairs, in the order of the batch.
PAIR_TASKS = ("content", "fluency")


@dataclass(frozen=True)
class _Pairs:
    """What the network's body makes of the pairs of some tables, one after another.

    Attributes:
        together: states of the pair layers. *Shape:* (tokens of both, hidden)
        states: of the trunk, texts before sources. *Shape:* (tokens of both, hidden)
        pairs: tokens of each source and of its text.
    """

    together: torch.Tensor
    states: torch.Tensor
    pairs: list[tuple[int, int]]

    @property
    def text_lengths(self) -> list[int]:
        """Return the tokens of each text."""
        return [text for _, text in self.pairs]

    @property
    def source_lengths(self) -> list[int]:
        """Return the tokens of each source."""
        return [source for source, _ in self.pairs]

    def together_divided(self, first: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states together of the pairs before `first`, and of the others."""
        end = sum(map(sum, self.pairs[:first]))
        return self.together[:end], self.together[end:]


@dataclass(frozen=True)
class _Fluency:
    """What the heads make of a batch of pairs for fluency.

    Attributes:
        alone: logits from the texts alone. *Shape:* (texts,)
        beside: what the sources add to them. *Shape:* (texts,)
        states: of the branch of fluency. *Shape:* (tokens of the texts, hidden)
    """

    alone: torch.Tensor
    beside: torch.Tensor
    states: torch.Tensor


@dataclass(frozen=True)
class _Read:
    """What the network makes of a batch of content and one of fluency.

    Attributes:
        pairs: the states, content's pairs before those of fluency.
        content: logits of content. *Shape:* (pairs of content,)
        fluency: of the pairs of fluency.
    """

    pairs: _Pairs
    content: torch.Tensor
    fluency: _Fluency


def step_losses(
    network: EncoderNetwork,
    flaw_head: nn.Linear,
    tables: dict[str, ExampleTable],
    rows: dict[str, np.ndarray],
) -> dict[str, torch.Tensor]:
    """Compute the losses of one step of the whole network."""
    device = _device(network)
    with mixed_precision(device):
        texts = _chosen(tables["style"].texts, rows["style"])
        style = network(texts, None, ("style",)).style
        read = _read(network, tables, rows)
        chosen = _chosen_pairs(tables, rows)
        losses = {"likelihood": _likelihood_loss(network, read.pairs, chosen)}
        features = network.fluency_head.tokens.per_token(read.fluency.states)

    losses["style"] = _label_loss(style, tables["style"], rows["style"])
    losses |= _pair_losses(read, tables, rows)
    # The branch alone must read fluency too, or the pair layers would learn what it
    # could.
    table, of_fluency = tables["fluency"], rows["fluency"]
    losses["alone"] = ALONE_WEIGHT * _label_loss(read.fluency.alone, table, of_fluency)
    count = len(rows["content"])
    marks = _marks(table, of_fluency, read.pairs.text_lengths[count:])
    flaws = flaw_head(features.float())[:, 0]
    losses["flaws"] = FLAW_WEIGHT * _flaw_loss(flaws, _on(device, marks))
    return losses


def pair_losses(
    network: EncoderNetwork,
    tables: dict[str, ExampleTable],
    rows: dict[str, np.ndarray],
) -> dict[str, torch.Tensor]:
    """Compute the losses of one step of what reads pairs alone."""
    with mixed_precision(_device(network)):
        read = _read(network, tables, rows)
    return _pair_losses(read, tables, rows)


def _device(network: EncoderNetwork) -> torch.device:
    return network.body.word_embeddings.weight.device


def _chosen_pairs(
    tables: dict[str, ExampleTable], rows: dict[str, np.ndarray]
) -> list[tuple[ExampleTable, np.ndarray]]:
    return [(tables[task], rows[task]) for task in PAIR_TASKS]


def _read(
    network: EncoderNetwork,
    tables: dict[str, ExampleTable],
    rows: dict[str, np.ndarray],
) -> _Read:
    pairs = _read_pairs(network, _chosen_pairs(tables, rows))
    count = len(rows["content"])
    # Content's pairs lie before those of fluency.
    of_content, of_fluency = pairs.together_divided(count)
    content = network.content_head(of_content, pairs.pairs[:count])
    return _Read(pairs, content, _read_fluency(network, pairs, count, of_fluency))


def _pair_losses(
    read: _Read, tables: dict[str, ExampleTable], rows: dict[str, np.ndarray]
) -> dict[str, torch.Tensor]:
    table, of_content = tables["content"], rows["content"]
    wanted = _on(read.content.device, table.labels[of_content])
    both = read.fluency.alone + read.fluency.beside
    return {
        "content": _label_loss(read.content, table, of_content),
        "near": NEAR_WEIGHT * _logit_loss(read.content.float(), wanted),
        "fluency": _label_loss(both, tables["fluency"], rows["fluency"]),
    }


def _label_loss(
    logits: torch.Tensor, table: ExampleTable, rows: np.ndarray
) -> torch.Tensor:
    labels = _on(logits.device, table.labels[rows])
    return binary_cross_entropy_with_logits(logits.float(), labels)


def _logit_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Compare logits with those of the labels.

    Cross-entropy hardly tells 0.85 from 0.95, between which most good rewrites lie.
    """
    wanted = torch.logit(labels.clamp(LEAST_LABEL, 1 - LEAST_LABEL))
    return smooth_l1_loss(logits, wanted)


def _on(device: torch.device, values: np.ndarray) -> torch.Tensor:
    (copied,) = to_device([values], device)
    return copied


def _chosen(ids: list[list[int]], rows: np.ndarray) -> list[list[int]]:
    return [ids[row] for row in rows]


def _read_pairs(
    network: EncoderNetwork, chosen: Sequence[tuple[ExampleTable, np.ndarray]]
) -> _Pairs:
    """Run the trunk over texts and sources of all tables at once, and the pair layers
    over both together.
    """
    texts: list[list[int]] = []
    sources: list[list[int]] = []
    for table, rows in chosen:
        texts += _chosen(table.texts, rows)
        sources += _chosen(table.sources, rows)
    pairs = [(len(one), len(two)) for one, two in zip(sources, texts, strict=True)]
    states = network.body.trunk_states([*texts, *sources])
    count = sum(text for _, text in pairs)
    segments = token_segments(sources, texts, states.device)
    together = network.body.pair_states(states[count:], states[:count], pairs, segments)
    return _Pairs(together, states, pairs)


def _read_fluency(
    network: EncoderNetwork, read: _Pairs, first: int, together: torch.Tensor
) -> _Fluency:
    """Run the branch and the heads of fluency over the pairs from the first on, whose
    states together are given.
    """
    pairs, lengths = read.pairs[first:], read.text_lengths
    start, end = sum(lengths[:first]), sum(lengths)
    own = read.states[start:end]
    states = network.body.fluency_states(own, lengths[first:])
    alone = network.fluency_head(states, lengths[first:])
    beside = network.pair_fluency_head(together, pairs)
    return _Fluency(alone, beside, states)


def _likelihood_loss(
    network: EncoderNetwork,
    read: _Pairs,
    chosen: Sequence[tuple[ExampleTable, np.ndarray]],
) -> torch.Tensor:
    """Compare each text's likelihood, and how it differs from its source's, with the
    language model's.
    """
    lengths = [*read.text_lengths, *read.source_lengths]
    values = network.likelihood_head(read.states, lengths)
    own = values[: len(read.pairs)]
    relative = own - values[len(read.pairs) :]
    losses = []
    for found, name in ((own, "own"), (relative, "relative")):
        wanted = [getattr(table, name)[rows] for table, rows in chosen]
        labels = _on(found.device, np.concatenate(wanted))
        losses.append(smooth_l1_loss(found, labels))
    return LIKELIHOOD_WEIGHT * sum(losses)


def _marks(table: ExampleTable, rows: np.ndarray, lengths: list[int]) -> np.ndarray:
    """Return 1 for each token of a wrong word, 0 for one of a right word, and -1 where
    it is not known. *Shape:* (tokens,)
    """
    marks = []
    for row, length in zip(rows, lengths, strict=True):
        unknown = np.full(length, -1)
        marks.append(table.marks.get(int(row), unknown))
    return np.concatenate(marks)


def _flaw_loss(logits: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
    """Average the loss over the tokens whose mark is known."""
    known = (marks >= 0).float()
    labels = marks.clamp_min(0).float()
    each = binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (each * known).sum() / known.sum().clamp_min(1)
