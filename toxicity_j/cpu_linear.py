"""Linear layers by oneDNN, for inference on a CPU.

PyTorch sends float32 matrix products to MKL, which leaves half of some AMD processors
idle, and lays bfloat16 weights out anew at each call (docs/speed.md). The operators
used here are those that torch.compile puts in place of `torch.nn.Linear`:
torch/_inductor/fx_passes/mkldnn_fusion.py. They are private: where this torch lacks
them, or a short trial shows that they are slower here, `torch.nn.Linear` stays. Results
differ in rounding only.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable

import torch
from torch import nn

logger = logging.getLogger("toxicity_j")

_OPERATORS = (
    "_reorder_linear_weight",
    "_linear_pointwise",
    "_is_mkldnn_bf16_supported",
)
# The trial: rows and width of its product, and its rounds. About 50 ms per number
# format on one core.
_TRIAL_ROWS, _TRIAL_WIDTH, _TRIAL_ROUNDS = 256, 768, 6
# oneDNN is out above this ratio of times, seen in each of so many trials. Where both
# are about equal, noise must not decide: a choice that flickers would make rounding
# differ from process to process.
_CLEARLY_SLOWER, _MOST_TRIALS = 1.5, 3


class OneDNNLinear(nn.Module):
    """Compute a linear layer, optionally followed by the exact GELU.

    Args:
        linear: a layer for which `can_use_onednn` holds.
        gelu: apply GELU to the result, in the same pass over memory.
    """

    def __init__(self, linear: nn.Linear, *, gelu: bool = False) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self.bias: torch.Tensor | None = None
        if linear.bias is not None:
            self.bias = linear.bias.detach()
        # Name of the operation that follows, its numbers, its variant ("none": not the
        # approximation by tanh).
        self.then: tuple[str, list[float], str] = ("none", [], "")
        if gelu:
            self.then = ("gelu", [], "none")

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Apply the layer. *Shape:* (..., in) to (..., out)."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            states, self.weight, self.bias, *self.then
        )
        return product


def can_use_onednn(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether this torch and this machine can, in `dtype`."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS):
        return False
    if dtype is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype is torch.float32


@functools.cache
def onednn_is_faster(dtype: torch.dtype, threads: int) -> bool:
    """Time both kinds of layer, once per process, number format and thread count."""
    # The user's random generator stays as it is. nn.utils.skip_init would import SymPy
    # for half a second.
    with torch.random.fork_rng(devices=[]):
        linear = nn.Linear(_TRIAL_WIDTH, _TRIAL_WIDTH, dtype=dtype)
    for parameter in linear.parameters():
        nn.init.constant_(parameter, 0.01)
    try:
        onednn = OneDNNLinear(linear)
        ratio = min(_ratios_of_times(onednn, linear, dtype))
    except RuntimeError as error:
        logger.info(
            "oneDNN's linear layers do not run here, torch.nn.Linear is used: %s", error
        )
        return False
    logger.debug(
        "oneDNN takes %.2f of the time of torch.nn.Linear in %s on %d threads",
        ratio,
        dtype,
        threads,
    )
    return ratio < _CLEARLY_SLOWER


def use_onednn_linear(network: nn.Module) -> None:
    """Replace each `torch.nn.Linear` that a `OneDNNLinear` speeds up, for inference."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Linear and prefers_onednn(
                child.weight.device, child.weight.dtype
            ):
                setattr(parent, name, OneDNNLinear(child))


def prefers_onednn(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether oneDNN can and should replace `torch.nn.Linear` on a device."""
    return can_use_onednn(device, dtype) and onednn_is_faster(
        dtype, torch.get_num_threads()
    )


@torch.inference_mode()
def _ratios_of_times(
    one: Callable[[torch.Tensor], torch.Tensor],
    two: Callable[[torch.Tensor], torch.Tensor],
    dtype: torch.dtype,
) -> list[float]:
    """Return the ratio of two layers' times, per trial."""
    # The first trial that is not clearly slower is the last one needed.
    states = torch.ones(_TRIAL_ROWS, _TRIAL_WIDTH, dtype=dtype)
    for layer in (one, two):
        layer(states)
    ratios: list[float] = []
    while len(ratios) < _MOST_TRIALS and all(
        ratio >= _CLEARLY_SLOWER for ratio in ratios
    ):
        times = [
            (_seconds(one, states), _seconds(two, states)) for _ in range(_TRIAL_ROUNDS)
        ]
        first, second = zip(*times, strict=True)
        # The least time is the one that other programs disturbed least.
        ratios.append(min(first) / min(second))
    return ratios


def _seconds(
    layer: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor
) -> float:
    """Return the seconds that this process has had."""
    # Not the clock's, which counts the time in which other programs have the core.
    start = time.process_time()
    layer(states)
    return time.process_time() - start
