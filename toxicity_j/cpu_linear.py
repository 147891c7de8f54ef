"""Linear layers by oneDNN, for inference on a CPU.

PyTorch sends float32 matrix products to MKL, which on AMD processors leaves half of the machine idle (docs/speed.md has
the figures), and lays bfloat16 weights out anew at each call. The operators used here are those that torch.compile puts
in place of `torch.nn.Linear`: torch/_inductor/fx_passes/mkldnn_fusion.py. The results differ in rounding only.
"""

from __future__ import annotations

import torch
from torch import nn


class Linear(nn.Module):
    """What `linear` computes, optionally followed by the exact GELU; weights laid out once.

    Args:
        linear: a layer for which `can_quicken` holds.
        gelu: apply GELU to the result, in the same pass over memory.
    """

    def __init__(self, linear: nn.Linear, *, gelu: bool = False) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self.bias = None if linear.bias is None else linear.bias.detach()
        # Name of the operation that follows, its numbers, its variant ("none": not the approximation by tanh).
        self.then = ("gelu", [], "none") if gelu else ("none", [], "")

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """*Shape:* (..., in) to (..., out)."""
        return torch.ops.mkldnn._linear_pointwise(states, self.weight, self.bias, *self.then)


def can_quicken(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether oneDNN has this machine's instructions for matrix products in `dtype`."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return dtype is torch.float32 or (dtype is torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def quicken(network: nn.Module) -> None:
    """Puts a `Linear` in place of each `torch.nn.Linear` that it can replace, in a network for inference alone."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Linear and can_quicken(child.weight.device, child.weight.dtype):
                setattr(parent, name, Linear(child))
