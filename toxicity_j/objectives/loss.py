"""A differentiable toxicity loss for training generators.

It is what the identifier expects of a generator's output distributions.

Add it to cross-entropy: `loss = cross_entropy +
ToxicityLoss(tokenizer=tokenizer)(logits, mask)`. The identifier is never trained by it.
A generator may learn to please the identifier alone, so judge its texts by another
model.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus

from ..builtin_identifier import ToxicityIdentifier
from ..checks import check_choice, check_flag, check_number
from ..text import window_starts
from .alignment import TokenAligner
from .cuts import Integers
from .expectation import NEGATIVE, NOT_FINITE, Expectation, expect
from .inputs import FORMS, check_inputs, checked_mask
from .vocabulary import Vocabulary

__all__ = ["FORMS", "KINDS", "REDUCTIONS", "ToxicityLoss"]

KINDS = ("expected", "log")
REDUCTIONS = ("mean", "sum", "none")
# How far below 0 rounding may take a probability.
_ROUNDING = 1e-6


class ToxicityLoss(nn.Module):
    """Toxicity of a generator's output, lower is better.

    Args:
        identifier: whose judgement counts, copied and frozen; the shipped one when
            None.
        tokenizer: the generator's: a transformers or `tokenizers` tokenizer, or token
            to id; the identifier's own when None.
        kind: "expected" for P(toxic), in [0, 1], or "log" for -log P(non-toxic), at
            least 0.
        reduction: "mean" or "sum" over sequences, or "none".
        weight: what the result is multiplied by, at least 0.
        temperature: what logits are divided by before the softmax, above 0.
        gumbel: sample one token per position, with the gradient of the soft sample
            (straight-through, Jang et al. 2017, https://arxiv.org/abs/1611.01144), so
            that the identifier reads text rather than mixtures. Keeps one more copy of
            the logits. Of probabilities the logarithms are the logits; ids are certain.
        convention: how the generator's tokens show spaces (`vocabulary.CONVENTIONS`);
            found from the tokens when None.

    Raises:
        TypeError: `tokenizer` is none of those, a number is not one, or another option
            is not a string.
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        identifier: ToxicityIdentifier | None = None,
        tokenizer: Any = None,
        *,
        kind: str = "log",
        reduction: str = "mean",
        weight: float = 1.0,
        temperature: float = 1.0,
        gumbel: bool = False,
        convention: str | None = None,
    ) -> None:
        super().__init__()
        check_choice("`kind`", kind, KINDS)
        check_choice("`reduction`", reduction, REDUCTIONS)
        check_number("`weight`", weight, 0)
        check_number("`temperature`", temperature)
        if temperature <= 0:
            raise ValueError(f"`temperature` must be above 0; got {temperature}")
        check_flag("`gumbel`", gumbel)
        if identifier is not None and not isinstance(identifier, ToxicityIdentifier):
            raise TypeError(
                f"`identifier` must be a ToxicityIdentifier; got {identifier!r:.100}"
            )
        # A copy, because freezing the caller's own would end its training.
        inner = copy.deepcopy(identifier or ToxicityIdentifier.from_pretrained())
        # A loss that learns would be satisfied by anything.
        inner.requires_grad_(False)
        self.identifier = inner.eval()
        if tokenizer is None:
            tokenizer = inner.tokenizer
        self.aligner = TokenAligner(
            Vocabulary.of(tokenizer, inner.tokenizer, convention),
            inner.tokenizer,
            inner.embedding.weight,
        )
        self.kind, self.reduction, self.weight = kind, reduction, weight
        self.temperature, self.gumbel = temperature, gumbel

    def train(self, mode: bool = True) -> ToxicityLoss:
        """Set the mode as any module does, but keep the identifier in eval mode."""
        super().train(mode)
        self.identifier.eval()
        return self

    def forward(
        self,
        inputs: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        form: str = "logits",
    ) -> torch.Tensor:
        """Return the loss.

        Args:
            inputs: logits or probabilities, or with `form="ids"` token ids. *Shape:*
                (batch, length, vocabulary), or (batch, length) for ids. A vocabulary
                wider than the tokenizer's (padded for speed) is cut to it.
            mask: 1 or True for positions that count, 0 or False for padding or prompt,
                which may hold anything; all count when None. *Shape:* (batch, length)
            form: "logits", "probabilities" or "ids". That probabilities sum to 1 is not
                checked.

        Returns:
            A scalar, or with `reduction="none"` one value per sequence. *Shape:* () or
            (batch,)

        Raises:
            TypeError: `inputs` or `mask` is not a dense tensor, or of a type that
                `form` does not have, or `form` is not a string.
            ValueError: a shape is wrong or empty, an id is outside the vocabulary, a
                position that counts is not finite or holds a negative probability,
                `mask` holds anything but 0 and 1, `inputs` is on another device, or
                `form` is unknown.
        """
        logits = self.toxicity_logits(inputs, mask, form=form)
        # -log(1 - sigmoid(z)) = softplus(z), without the cancellation.
        losses = softplus(logits)
        if self.kind == "expected":
            losses = torch.sigmoid(logits)
        losses = losses * self.weight
        if self.reduction == "mean":
            return losses.mean()
        if self.reduction == "sum":
            return losses.sum()
        return losses

    def toxicity_logits(
        self,
        inputs: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        form: str = "logits",
    ) -> torch.Tensor:
        """Return the identifier's logit of P(toxic) per sequence. *Shape:* (batch,)

        Arguments and errors are those of `forward`.
        """
        size, device = self.aligner.vocab_size, self.aligner.table.device
        inputs = check_inputs(inputs, form, size, device)
        mask = checked_mask(mask, inputs)
        # Probabilities of 50,000 tokens need more than 16 bits.
        with torch.autocast(inputs.device.type, enabled=False):
            embedding = self.identifier.embedding.weight
            expected = self._expectation(inputs, mask, form)
            mixed, weights, lengths = self.aligner(expected, mask, embedding)
            return self._score(mixed, weights, lengths)

    def _score(
        self, mixed: torch.Tensor, weights: torch.Tensor, lengths: Integers
    ) -> torch.Tensor:
        """Return the logit of each sequence, of a long one its most toxic window's.

        Arguments are what the aligner returns. *Shape:* (batch,)
        """
        config = self.identifier.config
        size = config.max_length
        if mixed.shape[1] <= size:
            return self.identifier.score_embeddings(mixed, weights)
        windows = [
            (row, start)
            for row, length in enumerate(lengths)
            for start in window_starts(length, size, config.window_stride)
        ]
        rows, starts = torch.tensor(windows, device=mixed.device).unbind(1)
        columns = starts[:, None] + torch.arange(size, device=mixed.device)
        index = (rows[:, None], columns)
        logits = self.identifier.score_embeddings(mixed[index], weights[index])
        lowest = logits.new_full((len(mixed),), -torch.inf)
        return lowest.scatter_reduce(0, rows, logits, "amax")

    def _expectation(
        self, inputs: torch.Tensor, mask: torch.Tensor, form: str
    ) -> Expectation:
        """Return what each position of the flattened batch writes."""
        if form == "ids":
            ids = inputs.long().masked_fill(mask != 1, 0)  # labels hold -100 there
            return self._certain(ids.flatten())
        flat = inputs.flatten(0, 1)
        if form == "logits":
            return self._of_logits(flat)
        # In the identifier's precision from here on.
        table = self.aligner.table
        return self._of_probabilities(flat[:, : len(table)].to(table.dtype))

    def _of_logits(self, logits: torch.Tensor) -> Expectation:
        """Return what a softmax expects, or one sample of it."""
        table, silent = self.aligner.table, self.aligner.silent
        if self.gumbel:
            # The largest sum of a logit and Gumbel noise, which is -log of exponential
            # noise, is a sample of the softmax.
            noise = torch.empty_like(logits, dtype=table.dtype).exponential_()
            logits = logits - noise.log()
        return expect(
            logits, table, silent, temperature=self.temperature, hard=self.gumbel
        )

    def _of_probabilities(self, probabilities: torch.Tensor) -> Expectation:
        """Return what probabilities expect, or one sample of them."""
        if self.gumbel:
            expected = self._of_logits(_log(probabilities))
        else:
            chosen, likeliest = probabilities.max(1)
            expected = Expectation(
                mean=probabilities @ self.aligner.table,
                chosen=chosen,
                silent=probabilities.index_select(1, self.aligner.silent).sum(1),
                likeliest=likeliest,
            )
        # The largest of a row hides -inf, which only logits may hold.
        smallest = probabilities.detach().amin(1)
        is_finite = torch.isfinite(expected.chosen) & torch.isfinite(smallest)
        likeliest = torch.where(smallest < -_ROUNDING, NEGATIVE, expected.likeliest)
        return expected._replace(
            likeliest=torch.where(is_finite, likeliest, NOT_FINITE)
        )

    def _certain(self, ids: torch.Tensor) -> Expectation:
        """Return the expectation of known tokens."""
        size, table = self.aligner.vocab_size, self.aligner.table
        outside = (ids < 0) | (ids >= size)
        if bool(outside.any()):
            raise ValueError(
                f"`inputs` must be ids in [0, {size}); got {int(ids.min())} to"
                f" {int(ids.max())}"
            )
        is_silent = torch.isin(ids, self.aligner.silent)
        return Expectation(
            mean=table[ids],
            chosen=torch.ones(len(ids), dtype=table.dtype, device=table.device),
            silent=is_silent.to(table.dtype),
            likeliest=ids,
        )


def _log(probabilities: torch.Tensor) -> torch.Tensor:
    """Return logarithms, with a gradient of 0 where a probability is 0."""
    # At 0 the gradient of the logarithm would be NaN in the end.
    is_possible = probabilities > 0
    logarithms = torch.where(is_possible, probabilities, 1).log()
    return logarithms.masked_fill(~is_possible, -torch.inf)
