"""A differentiable toxicity loss for training generators: what the identifier expects
of their output distributions.

Add it to cross-entropy: `loss = cross_entropy +
ToxicityLoss(tokenizer=tokenizer)(logits, mask)`. The identifier is never trained by it.
A generator may learn to please the identifier alone, so judge its texts by another
model.
"""

from __future__ import annotations

import copy
import math
from numbers import Real
from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus

from ..builtin_identifier import ToxicityIdentifier
from .alignment import build_aligner
from .expectation import Expectation, expect

__all__ = ["FORMS", "KINDS", "REDUCTIONS", "ToxicityLoss"]

KINDS = ("expected", "log")
REDUCTIONS = ("mean", "sum", "none")
FORMS = ("logits", "probabilities", "ids")


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
            the logits.
        convention: how the generator's tokens show spaces (`vocabulary.CONVENTIONS`);
            found from the tokens when None.

    Raises:
        TypeError: `tokenizer` is none of those, or a number is not one.
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
        _check_choice("kind", kind, KINDS)
        _check_choice("reduction", reduction, REDUCTIONS)
        _check_number("weight", weight)
        _check_number("temperature", temperature)
        if weight < 0:
            raise ValueError(f"`weight` must be at least 0; got {weight}")
        if temperature <= 0:
            raise ValueError(f"`temperature` must be above 0; got {temperature}")
        self.identifier = copy.deepcopy(
            identifier or ToxicityIdentifier.from_pretrained()
        )
        # A loss that learns would be satisfied by anything.
        self.identifier.requires_grad_(False)
        self.identifier.eval()
        inner = self.identifier
        if tokenizer is None:
            tokenizer = inner.tokenizer
        self.aligner = build_aligner(
            tokenizer,
            inner.tokenizer,
            inner.embedding.weight,
            max_length=inner.config.max_length,
            convention=convention,
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
            mask: 1 for positions that count, 0 for padding or prompt; all count when
                None. *Shape:* (batch, length)
            form: "logits", "probabilities" or "ids".

        Returns:
            A scalar, or with `reduction="none"` one value per sequence. *Shape:* () or
            (batch,)

        Raises:
            TypeError: `inputs` or `mask` is not a tensor, or of a type that `form` does
                not have.
            ValueError: a shape is wrong or empty, an id is outside the vocabulary, a
                position that counts is not finite, `inputs` is on another device, or
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
        """Return the identifier's logit of P(toxic) for each sequence, as in `forward`.
        *Shape:* (batch,)
        """
        mask = self._check(inputs, mask, form)
        # Probabilities of 50,000 tokens need more than 16 bits.
        with torch.autocast(inputs.device.type, enabled=False):
            embedding = self.identifier.embedding.weight
            expected = self._expectation(inputs, mask, form)
            mixed, weights = self.aligner(expected, mask, embedding)
            return self.identifier.score_embeddings(mixed, weights)

    def _check(
        self, inputs: torch.Tensor, mask: torch.Tensor | None, form: str
    ) -> torch.Tensor:
        """Check the arguments of a call, and return the mask as booleans. *Shape:*
        (batch, length)
        """
        _check_choice("form", form, FORMS)
        if not isinstance(inputs, torch.Tensor):
            raise TypeError(f"`inputs` must be a tensor; got {type(inputs).__name__}")
        _check_shape(inputs, form)
        _check_dtype(inputs, form)
        size, device = self.aligner.vocab_size, self.aligner.table.device
        if form != "ids" and inputs.shape[-1] < size:
            raise ValueError(
                f"`inputs` must cover the tokenizer's {size} tokens; got"
                f" {inputs.shape[-1]}"
            )
        if inputs.device != device:
            raise ValueError(
                f"`inputs` must be on the loss's device, {device}; got {inputs.device}"
            )
        if mask is None:
            return torch.ones(inputs.shape[:2], dtype=torch.bool, device=device)
        if not isinstance(mask, torch.Tensor):
            raise TypeError(f"`mask` must be a tensor; got {type(mask).__name__}")
        if mask.shape != inputs.shape[:2]:
            raise ValueError(
                f"`mask` must have shape {tuple(inputs.shape[:2])}; got"
                f" {tuple(mask.shape)}"
            )
        return mask.to(device).bool()

    def _expectation(
        self, inputs: torch.Tensor, mask: torch.Tensor, form: str
    ) -> Expectation:
        """Return what each position of the flattened batch writes, in the identifier's
        precision.
        """
        table, silent = self.aligner.table, self.aligner.silent
        if form == "ids":
            ids = inputs.masked_fill(~mask, 0)  # labels hold -100 there
            return self._certain(ids.flatten().long())
        flat = inputs.flatten(0, 1)[:, : self.aligner.vocab_size]
        if form == "logits":
            if self.gumbel:
                # Of Gumbel noise, -log of exponential noise, the largest sum is a
                # sample of the softmax.
                noise = torch.empty_like(flat, dtype=table.dtype).exponential_()
                flat = flat - noise.log()
            return expect(
                flat, table, silent, temperature=self.temperature, hard=self.gumbel
            )
        flat = flat.to(table.dtype)
        chosen, likeliest = flat.max(1)
        # The largest of a row hides -inf, which only logits may hold.
        smallest = flat.detach().amin(1)
        finite = torch.isfinite(chosen) & torch.isfinite(smallest)
        return Expectation(
            mean=flat @ table,
            chosen=chosen,
            silent=flat.index_select(1, silent).sum(1),
            likeliest=torch.where(finite, likeliest, -1),
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


def _check_shape(inputs: torch.Tensor, form: str) -> None:
    shape = tuple(inputs.shape)
    dimensions = 3
    if form == "ids":
        dimensions = 2
    if len(shape) != dimensions:
        raise ValueError(
            f"`inputs` must have {dimensions} dimensions as {form}; got shape {shape}"
        )
    if 0 in shape[:2]:
        raise ValueError(
            f"`inputs` must hold a sequence and a position; got shape {shape}"
        )


def _check_dtype(inputs: torch.Tensor, form: str) -> None:
    is_integer = (
        not inputs.is_floating_point()
        and not inputs.is_complex()
        and inputs.dtype != torch.bool
    )
    if form == "ids" and not is_integer:
        raise TypeError(f"`inputs` must be integers as {form}; got {inputs.dtype}")
    if form != "ids" and not inputs.is_floating_point():
        raise TypeError(
            f"`inputs` must be floating-point numbers as {form}; got {inputs.dtype}"
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"`{name}` must be one of {choices}; got {value!r}")


def _check_number(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`{name}` must be a number; got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"`{name}` must be finite; got {value!r}")
