"""What training runs share: which rows each step reads, at which learning rate, and in
which number format.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import torch

from training.flags import add_tier_flag

__all__ = [
    "Clock",
    "adamw",
    "add_run_flags",
    "batches",
    "follow_gradients",
    "mixed_precision",
    "take_step",
]

# Batches whose rows are drawn together and sorted by length.
POOL = 32
# Fresh heads give large gradients at first, which would spoil pretrained layers.
WARMUP_SHARE = 0.06


def batches(
    weights: np.ndarray, lengths: np.ndarray, size: int, steps: int, seed: int
) -> Iterator[np.ndarray]:
    """Draw rows by weight, in batches of like length."""
    rng = np.random.default_rng(seed)
    chances = weights / weights.sum()
    for start in range(0, steps, POOL):
        count = min(POOL, steps - start)
        drawn = rng.choice(len(weights), size=count * size, p=chances)
        order = np.argsort(lengths[drawn], kind="stable")
        by_length = drawn[order].reshape(count, size)
        yield from by_length[rng.permutation(count)]


class Clock:
    """How far a run is, from 0 to 1: by its steps, or by its minutes where these run
    out first.
    """

    def __init__(self, steps: int, minutes: float) -> None:
        self.steps = steps
        self.seconds = 60 * minutes
        self.began = time.monotonic()
        self.step = 0

    @property
    def share(self) -> float:
        """Return how much of the run is done."""
        passed = time.monotonic() - self.began
        return max(self.step / self.steps, passed / self.seconds)

    def factor(self) -> float:
        """Return the share of the full learning rate to learn at now: it warms up, then
        falls to 0 on a line.
        """
        share = self.share
        rising = (share + 1e-4) / WARMUP_SHARE
        falling = (1 - share) / (1 - WARMUP_SHARE)
        return min(rising, max(0.0, falling))


def take_step(loss: torch.Tensor, updates: torch.optim.Optimizer, clock: Clock) -> None:
    """Go one step down a loss at the clock's learning rate, with the gradient cut to
    the norm 1, and move the clock on.
    """
    loss.backward()
    follow_gradients(updates, clock)
    updates.zero_grad()


def follow_gradients(updates: torch.optim.Optimizer, clock: Clock) -> None:
    """Step along the gradients, cut to the norm 1, which are not cleared."""
    factor = clock.factor()
    parameters = []
    for group in updates.param_groups:
        group["lr"] = group["initial_lr"] * factor
        parameters += group["params"]
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    updates.step()
    clock.step += 1


def adamw(groups: list[dict], device: torch.device) -> torch.optim.AdamW:
    """Make the optimizer of parameter groups, of whose full rates `Clock` takes a
    share.
    """
    with_initial = [{**group, "initial_lr": group["lr"]} for group in groups]
    return torch.optim.AdamW(with_initial, fused=device.type == "cuda")


def mixed_precision(device: torch.device) -> torch.autocast:
    """Compute in bfloat16 on a GPU; many CPUs compute it more slowly than float32."""
    has_gpu = device.type == "cuda"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_gpu)


def add_run_flags(
    parser: argparse.ArgumentParser,
    *,
    learning_rate: float,
    of_what: str,
    steps: int = 4000,
) -> None:
    """Add the flags of a run by steps or minutes.

    Args:
        parser: gets the flags.
        learning_rate: the default.
        of_what: what is trained at this rate.
        steps: the default.
    """
    add = parser.add_argument_group("run").add_argument
    add("--steps", type=int, default=steps)
    add(
        "--minutes",
        type=float,
        default=1e9,
        help="end sooner, with the rate brought to 0 in time",
    )
    add(
        "--learning_rate",
        type=float,
        default=learning_rate,
        help=f"of {of_what}",
    )
    add_tier_flag(add)
    add("--seed", type=int, default=13)
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
