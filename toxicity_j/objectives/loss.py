"""A differentiable toxicity loss for training generators: what the identifier expects of their output distributions.

Add it to cross-entropy: `loss = cross_entropy + ToxicityLoss(tokenizer=tokenizer)(logits, mask)`. The identifier is
never trained by it. A generator may learn to please the identifier alone, so judge its texts by another model.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gumbel_softmax, one_hot, softplus

from ..builtin_identifier import ToxicityIdentifier
from .alignment import build_bridge

KINDS = ("expected", "log")
REDUCTIONS = ("mean", "sum", "none")
FORMS = ("logits", "probabilities", "ids")


class ToxicityLoss(nn.Module):
    """Toxicity of a generator's output, lower is better.

    Args:
        identifier: whose judgement counts, copied and frozen; the shipped one when None.
        tokenizer: the generator's: a transformers or `tokenizers` tokenizer, or token to id; the identifier's own when
            None.
        kind: "expected" for P(toxic), in [0, 1], or "log" for -log P(non-toxic), at least 0.
        reduction: "mean" or "sum" over sequences, or "none".
        weight: what the result is multiplied by, at least 0.
        temperature: what logits are divided by before the softmax, above 0.
        gumbel: sample one token a position, with the gradient of the soft sample (straight-through, Jang et al. 2017,
            https://arxiv.org/abs/1611.01144), so that the identifier reads text rather than mixtures.
        convention: how the generator's tokens show spaces (`bridge.CONVENTIONS`); found from the tokens when None.

    Raises:
        TypeError: `tokenizer` is none of those.
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
        if not weight >= 0:
            raise ValueError(f"`weight` must be at least 0; got {weight}")
        if not temperature > 0:
            raise ValueError(f"`temperature` must be above 0; got {temperature}")
        self.identifier = copy.deepcopy(identifier or ToxicityIdentifier.from_pretrained())
        self.identifier.requires_grad_(False)
        self.identifier.eval()
        tokenizer = self.identifier.tokenizer if tokenizer is None else tokenizer
        inner, length = self.identifier, self.identifier.config.max_length
        self.bridge = build_bridge(tokenizer, inner.tokenizer, inner.pad_id, max_length=length, convention=convention)
        self.kind, self.reduction, self.weight = kind, reduction, weight
        self.temperature, self.gumbel = temperature, gumbel

    def train(self, mode: bool = True) -> ToxicityLoss:
        """As any module's, but the identifier stays in eval mode: its dropout would be noise in the loss."""
        super().train(mode)
        self.identifier.eval()
        return self

    def forward(self, inputs: torch.Tensor, mask: torch.Tensor | None = None, *, form: str = "logits") -> torch.Tensor:
        """The loss.

        Args:
            inputs: logits or probabilities, or with `form="ids"` token ids. *Shape:* (batch, length, vocabulary), or
                (batch, length) for ids. A vocabulary wider than the tokenizer's (padded for speed) is cut to it.
            mask: 1 for positions that count, 0 for padding or prompt; all count when None. *Shape:* (batch, length)
            form: "logits", "probabilities" or "ids".

        Returns:
            A scalar, or with `reduction="none"` one value a sequence. *Shape:* () or (batch,)

        Raises:
            ValueError: a shape is wrong, an id is outside the vocabulary, or `form` is unknown.
        """
        with torch.autocast(inputs.device.type, enabled=False):
            logits = self.toxicity_logits(inputs, mask, form=form)
            # -log(1 - sigmoid(z)) = softplus(z), without the cancellation.
            losses = (torch.sigmoid(logits) if self.kind == "expected" else softplus(logits)) * self.weight
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def toxicity_logits(
        self, inputs: torch.Tensor, mask: torch.Tensor | None = None, *, form: str = "logits"
    ) -> torch.Tensor:
        """The identifier's logit of P(toxic) for each sequence, as in `forward`. *Shape:* (batch,)"""
        _check_choice("form", form, FORMS)
        dimensions = 2 if form == "ids" else 3
        if inputs.dim() != dimensions:
            raise ValueError(f"`inputs` must have {dimensions} dimensions as {form}; got shape {tuple(inputs.shape)}")
        mask = torch.ones(inputs.shape[:2], device=inputs.device) if mask is None else mask
        if mask.shape != inputs.shape[:2]:
            raise ValueError(f"`mask` must have shape {tuple(inputs.shape[:2])}; got {tuple(mask.shape)}")
        probabilities = self._probabilities(inputs, mask.bool(), form)
        weight = self.identifier.embedding.weight
        return self.identifier.score_embeddings(*self.bridge(probabilities.to(weight.dtype), mask.bool(), weight))

    def _probabilities(self, inputs: torch.Tensor, mask: torch.Tensor, form: str) -> torch.Tensor:
        """Over the tokenizer's vocabulary, in the identifier's precision. *Shape:* (batch, length, vocabulary)"""
        size, dtype = self.bridge.vocab_size, self.identifier.embedding.weight.dtype
        if form == "ids":
            ids = inputs.masked_fill(~mask, 0)  # labels hold -100 there
            if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= size):
                raise ValueError(f"`inputs` must be ids in [0, {size}); got {int(ids.min())} to {int(ids.max())}")
            return one_hot(ids, size).to(dtype)
        if inputs.shape[-1] < size:
            raise ValueError(f"`inputs` must cover the tokenizer's {size} tokens; got {inputs.shape[-1]}")
        inputs = inputs[..., :size].to(dtype)
        if form == "probabilities":
            return inputs
        if self.gumbel:
            return gumbel_softmax(inputs, tau=self.temperature, hard=True)
        return torch.softmax(inputs / self.temperature, dim=-1)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {choices}; got {value!r}")
