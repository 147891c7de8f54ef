"""A task's examples as tensors, from which a step takes the rows it reads.

They lie where the network does, so that a step needs nothing but the numbers of its
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from training.data.example_table import ExampleTable

__all__ = ["Block", "LabeledRows", "Tokens", "TrainingRows", "width_of"]

# Widths of padded batches are multiples of this: few shapes, all of which the fused
# attention kernels take.
_WIDTH_STEP = 8
# What a token's mark is where nothing is known of its word.
_UNKNOWN = -1

# Ids with padding of 0, and where they are tokens. *Shape:* (rows, width) each.
Block = tuple[torch.Tensor, torch.Tensor]


def width_of(lengths: np.ndarray) -> int:
    """Return the width of a padded batch of texts of these lengths."""
    return -(-int(lengths.max()) // _WIDTH_STEP) * _WIDTH_STEP


class Tokens:
    """Texts as token ids, one after another.

    Args:
        flat: ids of all texts. *Shape:* (tokens,)
        lengths: tokens of each text. *Shape:* (texts,)
        device: where they are kept.
    """

    def __init__(
        self, flat: np.ndarray, lengths: np.ndarray, device: torch.device
    ) -> None:
        ends = np.cumsum(lengths, dtype=np.int64)
        self.flat = torch.from_numpy(flat.astype(np.int32)).to(device)
        self.starts = torch.from_numpy(ends - lengths).to(device)
        self.lengths = torch.from_numpy(lengths.astype(np.int64)).to(device)

    @classmethod
    def of_texts(cls, texts: Sequence[Sequence[int]], device: torch.device) -> Tokens:
        """Join the ids of texts."""
        lengths = np.array([len(ids) for ids in texts])
        flat = np.fromiter((token for ids in texts for token in ids), np.int32)
        return cls(flat, lengths, device)

    def padded(self, rows: torch.Tensor, width: int) -> Block:
        """Take texts, padded to a width that none of them exceeds."""
        is_token, places = self.places(rows, width)
        return torch.where(is_token, self.flat[places], 0).long(), is_token

    def places(
        self, rows: torch.Tensor, width: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return where texts padded to a width have tokens, and the place of each token
        in `flat`. *Shape:* (rows, width) each.
        """
        columns = torch.arange(width, device=rows.device)
        is_token = columns < self.lengths[rows][:, None]
        places = self.starts[rows][:, None] + columns
        return is_token, torch.where(is_token, places, 0)


class TrainingRows:
    """The rows of a task.

    Args:
        texts: token ids of each row's text.
        sources: those of its source; those of its text where a task reads no source.
        labels: what is learned, in [0, 1]. *Shape:* (rows,)
        own: likelihood of each text, NaN where it is not known. *Shape:* (rows,)
        relative: what it adds to that of the source, likewise. *Shape:* (rows,)
        marks: of each token of the texts: 1 in a wrong word, 0 in another, -1 where it
            is not known; None where no row has marks. *Shape:* (tokens,)
    """

    def __init__(
        self,
        texts: Tokens,
        sources: Tokens,
        labels: np.ndarray,
        own: np.ndarray,
        relative: np.ndarray,
        marks: np.ndarray | None = None,
    ) -> None:
        device = texts.flat.device

        def kept(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(device)

        self.texts, self.sources = texts, sources
        self.labels, self.own, self.relative = map(kept, (labels, own, relative))
        self._marks = None
        if marks is not None:
            self._marks = torch.from_numpy(marks.astype(np.int64)).to(device)

    @classmethod
    def of_table(cls, table: ExampleTable, device: torch.device) -> TrainingRows:
        """Take over a table that has its labels."""
        sides = table.texts, table.sources
        texts, sources = (Tokens.of_texts(ids, device) for ids in sides)
        marks = None
        if table.marks:
            marks = np.concatenate(
                [
                    table.marks.get(row, np.full(len(ids), _UNKNOWN))
                    for row, ids in enumerate(table.texts)
                ]
            )
        return cls(texts, sources, table.labels, table.own, table.relative, marks)

    def pairs(self, rows: torch.Tensor, width: int) -> tuple[Block, Block]:
        """Take sources and texts, padded to a width that none of them exceeds."""
        return self.sources.padded(rows, width), self.texts.padded(rows, width)

    def marks(self, rows: torch.Tensor, width: int) -> torch.Tensor:
        """Return the marks of texts padded to a width. *Shape:* (rows, width)."""
        is_token, places = self.texts.places(rows, width)
        if self._marks is None:
            return torch.full_like(places, _UNKNOWN)
        return torch.where(is_token, self._marks[places], _UNKNOWN)


@dataclass(frozen=True)
class LabeledRows:
    """Rows whose labels count beside what an encoder said before.

    Attributes:
        rows: what is read, with its labels.
        shares: how far each label counts, in [0, 1]. *Shape:* (rows,)
    """

    rows: TrainingRows
    shares: torch.Tensor

    def mixed(self, rows: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
        """Mix the labels of rows with what was said before.

        Args:
            rows: which. *Shape:* (n,)
            said: logits. *Shape:* (n,)

        Returns:
            Labels in [0, 1]. *Shape:* (n,)
        """
        share = self.shares[rows]
        labels = self.rows.labels[rows].nan_to_num()
        return share * labels + (1 - share) * said.float().sigmoid()
