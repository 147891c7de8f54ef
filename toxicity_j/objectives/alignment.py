"""From a generator's tokens to the identifier's, whatever the generator's vocabulary.

The likeliest tokens are written out and cut as the identifier cuts text, so certain
outputs score exactly as their text does (but for characters that a byte-level tokenizer
cuts, which are left out). Each identifier token then mixes two parts: its own
embedding, weighted by the probability of the generator tokens under it; and the mean
embedding of whatever else the generator might write there, weighted by the probability
of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import embedding_bag

from .cuts import Integers, cut, links, write_out
from .expectation import NEGATIVE, NOT_FINITE, Expectation
from .vocabulary import Vocabulary

# Most pieces of one generator token that its mean counts; rows of dashes and addresses
# have more.
MAX_PIECES = 6
# A position whose likeliest token writes nothing is left out from this probability of
# writing nothing on, so that certain outputs score as their text does.
SURELY_SILENT = 0.999
# Codes of positions that write nothing: the mask is off, or is neither 0 nor 1.
LEFT_OUT = -1
BAD_MASK = -4
_ERRORS = {
    BAD_MASK: "`mask` must hold booleans, or only the numbers 0 and 1",
    NOT_FINITE: "`inputs` must be finite where `mask` is on",
    NEGATIVE: "`inputs` must not be negative as probabilities where `mask` is on",
}


@dataclass(frozen=True)
class Alignment:
    """Where the identifier's tokens come from, in a batch.

    Attributes:
        ids: the identifier's tokens, its padding id for a position that may write
            nothing. *Shape:* (places,)
        rows: the sequence of each. *Shape:* (places,)
        columns: its index in that sequence. *Shape:* (places,)
        place: for each (place, position) under it: which place. *Shape:* (links,)
        position: and which position of the flattened batch. *Shape:* (links,)
        lengths: the number of places of each sequence. *Shape:* (batch,)
    """

    ids: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    place: torch.Tensor
    position: torch.Tensor
    lengths: Integers

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Add up values of links by place. *Shape:* (links, ...) to (places, ...)"""
        zeros = values.new_zeros(len(self.ids), *values.shape[1:])
        return zeros.index_add(0, self.place, values)


class TokenAligner(nn.Module):
    """Expected identifier embeddings from a generator's output distributions.

    Args:
        vocabulary: what each generator token writes, and the identifier's tokens for
            it.
        identifier: the identifier's tokenizer.
        embedding: the identifier's table, its last row, for no token, zero. *Shape:*
            (identifier vocabulary + 1, dim)
    """

    table: torch.Tensor
    silent: torch.Tensor

    def __init__(
        self,
        vocabulary: Vocabulary,
        identifier: Tokenizer,
        embedding: torch.Tensor,
    ) -> None:
        super().__init__()
        self.identifier = identifier
        self.pad_id = len(embedding) - 1
        self.texts = np.array(vocabulary.texts, dtype=object)
        self.sizes = np.array([len(text) for text in vocabulary.texts], dtype=np.int64)
        table = _mean_embeddings(vocabulary.pieces, embedding.detach().cpu())
        unseen = [token for token, ids in enumerate(vocabulary.pieces) if not ids]
        silent = torch.tensor(unseen, dtype=torch.long)
        # Neither is saved: both follow from the identifier and the vocabulary.
        self.register_buffer("table", table.to(embedding.device), persistent=False)
        self.register_buffer("silent", silent.to(embedding.device), persistent=False)

    @property
    def vocab_size(self) -> int:
        """Return the number of generator tokens known."""
        return len(self.texts)

    def forward(
        self, expected: Expectation, mask: torch.Tensor, embedding: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, Integers]:
        """Return identifier embeddings and the weight of each, zero behind the last.

        Also the number of places of each sequence. A weight is the probability that
        something is written: 1 but where the generator may stop or write a space.

        Args:
            expected: of `table` and `silent`, for each position of the flattened batch.
            mask: 1 for positions that count, 0 for the others. *Shape:* (batch, length)
            embedding: the identifier's table. *Shape:* (identifier vocabulary + 1, dim)

        Returns:
            *Shape:* (batch, places, dim), (batch, places) and (batch,), places >= 1.

        Raises:
            ValueError: a position that counts is not a distribution, or the mask is
                neither 0 nor 1.
        """
        alignment = self.align(self._codes(expected, mask))
        # Only positions that do not count may still be no distributions.
        expected = _without_faults(expected)
        likeliest = expected.likeliest
        others = expected.mean - expected.chosen[:, None] * self.table[likeliest]
        position = alignment.position
        links = alignment.sum(torch.ones_like(position, dtype=others.dtype))
        # The product of the probabilities of the tokens under a place, by their
        # logarithms.
        smallest = torch.finfo(others.dtype).tiny
        log_chosen = expected.chosen.clamp_min(smallest).log()
        certainty = alignment.sum(log_chosen[position]).exp()
        own = certainty[:, None] * embedding[alignment.ids]
        mixed = own + alignment.sum(others[position]) / links[:, None]
        silence = alignment.sum(expected.silent[position])
        # Zeros that still have a (zero) gradient, when no position writes anything.
        anchor = 0 * expected.chosen.sum()
        shape = (len(mask), max(1, alignment.lengths.max()))
        index = (alignment.rows, alignment.columns)
        result = others.new_zeros(*shape, others.shape[1]) + anchor
        weights = others.new_zeros(shape).index_put(index, 1 - silence / links)
        return result.index_put(index, mixed), weights, alignment.lengths

    def _codes(self, expected: Expectation, mask: torch.Tensor) -> Integers:
        """Return what the CPU must know of each position, in a step's one transfer.

        Codes: the likeliest token; that token + vocab_size where it is silent but
        another may be written; `LEFT_OUT` where the mask is off; else a key of
        `_ERRORS`.
        """
        likeliest, flat = expected.likeliest, mask.flatten()
        unsure = torch.isin(likeliest, self.silent) & (
            expected.silent.detach() < SURELY_SILENT
        )
        codes = likeliest + self.vocab_size * unsure
        # Not by `bool`, for which NaN and -1 are True.
        without_on = torch.where(flat == 0, LEFT_OUT, BAD_MASK)
        codes = torch.where(flat == 1, codes, without_on)
        return codes.reshape(mask.shape).cpu().numpy()

    def align(self, codes: Integers) -> Alignment:
        """Cut the likeliest tokens' text, and find the positions under each cut.

        Args:
            codes: see `_codes`. *Shape:* (batch, length)

        Raises:
            ValueError: a code is a key of `_ERRORS`.
        """
        for code, rule in _ERRORS.items():
            if (codes == code).any():
                row, column = np.argwhere(codes == code)[0]
                raise ValueError(
                    f"{rule}; sequence {row} breaks this at position {column}"
                )
        tokens = codes % self.vocab_size
        sizes = np.where(codes < 0, 0, self.sizes[tokens])
        ids, rows, first, last = self._cut(tokens, sizes)
        silent = np.flatnonzero(codes.ravel() >= self.vocab_size)
        # A silent position is a place of its own, with nothing to read in it.
        ids = np.concatenate([ids, np.full(len(silent), self.pad_id)])
        rows = np.concatenate([rows, silent // codes.shape[1]])
        first = np.concatenate([first, silent])
        last = np.concatenate([last, silent])
        # Positions ascend over the batch, so their order is that of rows; a token comes
        # before the silence inside it.
        order = np.argsort(first, kind="stable")
        ids, rows, first, last = ids[order], rows[order], first[order], last[order]
        columns = np.arange(len(rows)) - np.searchsorted(rows, rows)
        place, position = links(first, last)
        # Silent positions inside a token are not under it.
        written = (sizes.ravel()[position] > 0) | (ids[place] == self.pad_id)
        parts = _to_device(
            [ids, rows, columns, place[written], position[written]], self.table.device
        )
        return Alignment(
            ids=parts[0],
            rows=parts[1],
            columns=parts[2],
            place=parts[3],
            position=parts[4],
            lengths=np.bincount(rows, minlength=len(codes)),
        )

    def _cut(
        self, tokens: Integers, sizes: Integers
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """Return the id, row, first and last position of each identifier token."""
        texts, owner = write_out(self.texts, tokens, sizes)
        ids, rows, span = cut(self.identifier, texts)
        if not len(owner):
            return (np.zeros(0, dtype=np.int64),) * 4
        # A token may span no character: it then belongs to the one where it stands.
        begin = np.minimum(span[:, 0], len(owner) - 1)
        end = np.maximum(span[:, 1] - 1, begin)
        return ids, rows, owner[begin], owner[end]


def _without_faults(expected: Expectation) -> Expectation:
    """Return zeros, whose gradient is zero, for rows that are not distributions."""
    is_fault = expected.likeliest < 0
    return Expectation(
        mean=expected.mean.masked_fill(is_fault[:, None], 0),
        chosen=expected.chosen.masked_fill(is_fault, 0),
        silent=expected.silent.masked_fill(is_fault, 0),
        likeliest=expected.likeliest.clamp_min(0),
    )


def _mean_embeddings(
    pieces: Sequence[Sequence[int]], embedding: torch.Tensor
) -> torch.Tensor:
    """Return the mean embedding of the identifier's tokens for each generator token.

    *Shape:* (generator vocabulary, dim)
    """
    pad_id = len(embedding) - 1
    width = min(MAX_PIECES, max(1, *map(len, pieces)))
    rows = torch.full((len(pieces), width), pad_id)
    for row, ids in zip(rows.numpy(), pieces, strict=True):
        kept = ids[:width]
        row[: len(kept)] = kept
    return embedding_bag(rows, embedding, mode="mean", padding_idx=pad_id)


def _to_device(
    parts: Sequence[Integers], device: torch.device
) -> Sequence[torch.Tensor]:
    """Move arrays to `device` in one copy that waits for nothing."""
    flat = torch.from_numpy(np.concatenate(parts))
    if device.type == "cuda":
        flat = flat.pin_memory().to(device, non_blocking=True)
    return flat.split([len(part) for part in parts])  # type: ignore[no-untyped-call, no-any-return]
