"""The network of XCOMET-lite and the arithmetic of its error spans; texts and loading
are in `model_xcomet`.

Follows Unbabel/COMET: comet/models/multitask/{xcomet_metric,unified_metric}.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

__all__ = ["PENALTIES", "WORST", "XcometNetwork", "span_costs"]

# xcomet_metric.py: no error, minor, major, critical; an error span costs by the class
# of its first token, 25 at most.
PENALTIES = (0, 1, 5, 10)
WORST = 25


class XcometNetwork(nn.Module):
    """The encoder under its three outputs, named as in the published weights."""

    def __init__(
        self, config: Any, word_layer: int, hidden_sizes: Sequence[int]
    ) -> None:
        from transformers import AutoModel

        super().__init__()
        self.word_layer = word_layer
        auto: Any = AutoModel
        self.encoder = nn.ModuleDict(
            {"model": auto.from_config(config, trust_remote_code=False)}
        )
        layers = config.num_hidden_layers + 1
        weights = [nn.Parameter(torch.zeros(1)) for _ in range(layers)]
        self.layerwise_attention: Any = nn.Module()
        self.layerwise_attention.scalar_parameters = nn.ParameterList(weights)
        self.layerwise_attention.gamma = nn.Parameter(torch.ones(1))
        # comet/modules/feedforward.py: linear, activation (Tanh by XCOMETMetric's
        # defaults), dropout, and a last linear to one number.
        steps: list[nn.Module] = []
        for before, after in pairwise([config.hidden_size, *hidden_sizes]):
            steps += [nn.Linear(before, after), nn.Tanh(), nn.Identity()]
        steps.append(nn.Linear(hidden_sizes[-1], 1))
        self.estimator = nn.ModuleDict({"ff": nn.Sequential(*steps)})
        self.hidden2tag = nn.Linear(config.hidden_size, len(PENALTIES))

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute regression and token logits, float32.

        *Shape:* (batch, length) to (batch,) and (batch, length, 4).
        """
        outputs = self.encoder["model"](
            input_ids=ids,
            attention_mask=mask,
            output_hidden_states=True,
        )
        states = outputs.hidden_states
        # comet/modules/layerwise_attention.py: a learned mixture of all layers.
        attention = self.layerwise_attention
        weights = torch.cat(list(attention.scalar_parameters))
        shares = torch.softmax(weights, dim=0)
        # The first token stands for the text; the others are not mixed.
        firsts = [state[:, 0] for state in states]
        mixed = sum(share * first for share, first in zip(shares, firsts, strict=True))
        regression = self.estimator["ff"](attention.gamma * mixed)[:, 0]
        logits = self.hidden2tag(states[self.word_layer])
        return regression.float(), logits.float()


def span_costs(
    shares: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute what a prediction's error spans cost, and how sure their classes are.

    A span costs by the class of its first token; one that is still open at the end
    costs nothing.

    Args:
        shares: of each class at each token. *Shape:* (batch, tokens, 4)
        lengths: tokens of each prediction. *Shape:* (batch,)

    Returns:
        The costs, and the least difference between the two likeliest classes of a
        token. *Shape:* (batch,) each
    """
    positions = torch.arange(shares.shape[1], device=shares.device)
    outside = positions >= lengths[:, None]
    top = shares.topk(2, dim=2)
    likeliest, second = top.values.unbind(2)
    # -1 is no class: padding neither starts a span nor closes one.
    classes = top.indices[:, :, 0].masked_fill(outside, -1)
    # Before the first token there is no error.
    first_column = torch.zeros_like(classes[:, :1])
    before = torch.cat([first_column, classes[:, :-1]], dim=1)
    starts = (classes > 0) & (before == 0)
    counted = starts & _some_follows(classes == 0)
    costs = torch.tensor(PENALTIES, device=shares.device)
    penalties = costs[classes.clamp_min(0)]
    differences = (likeliest - second).masked_fill(outside, torch.inf)
    return (penalties * counted).sum(1), differences.amin(1)


def _some_follows(marked: torch.Tensor) -> torch.Tensor:
    """Return where a marked token stands here or behind. *Shape:* as `marked`."""
    backwards = marked.flip(1)
    return backwards.cummax(1).values.flip(1)
