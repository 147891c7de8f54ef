"""Attention for training: segments padded together for torch's fused kernels, which are
quick backwards too.

Gives what `toxicity_j.packed_attention.packed_attention` gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from toxicity_j.builtin_network import Layer
from toxicity_j.devices import to_device


def use_padded_attention(network: nn.Module) -> None:
    """Make the layers of `network` attend in one padded block; call it once, before
    training.
    """
    layout = _Layout()
    for module in network.modules():
        if isinstance(module, Layer):
            module.attention = layout.attend


class _Layout:
    """Where packed tokens lie in a padded block; kept while the layers of a stack ask
    for the same lengths.
    """

    def __init__(self) -> None:
        self._lengths: Sequence[int] | None = None
        self._places = self._present = torch.empty(0)

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        lengths: Sequence[int],
    ) -> torch.Tensor:
        """Mix the tokens of each segment. *Shape:* (tokens, heads, dim), in and out."""
        # The layers of a stack pass on one list, so its identity is enough.
        if lengths is not self._lengths:
            self._lay_out(lengths, query.device)
        count, longest = self._present.shape
        # One copy for all three.
        stacked = torch.stack([query, key, value], dim=1)
        shape = stacked.shape[1:]
        empty = stacked.new_zeros(count * longest, *shape)
        padded = empty.index_copy(0, self._places, stacked)
        blocks = padded.view(count, longest, *shape).permute(2, 0, 3, 1, 4)
        mask = self._present[:, None, None, :]
        mixed = scaled_dot_product_attention(*blocks.unbind(0), attn_mask=mask)
        flat = mixed.transpose(1, 2).flatten(0, 1)
        return flat[self._places]

    def _lay_out(self, lengths: Sequence[int], device: torch.device) -> None:
        present = np.arange(max(lengths)) < np.array(lengths)[:, None]
        # Found here, because a GPU asked for it would first have to finish.
        places = np.flatnonzero(present)
        self._present, self._places = to_device([present, places], device)
        self._lengths = lengths
