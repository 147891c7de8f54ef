"""Several processes, one a core: each trains on its own examples, and now and then they average their weights.

Local SGD (Stich 2019, https://arxiv.org/abs/1805.09767). Two processes of one thread do about a quarter more steps than
one process of two threads. Start them with `torchrun --nproc-per-node 2 -m training.encoder ...`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import distributed

AVERAGE_EVERY = 8  # steps


def start() -> int:
    """Joins the processes that torchrun started, if it did; returns this one's rank, 0 when it is alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return 0
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    return distributed.get_rank()


@torch.no_grad()
def average(parameters: Iterable[torch.Tensor]) -> None:
    """Gives each process the mean of all processes' parameters; does nothing in a single one."""
    if not distributed.is_initialized():
        return
    parameters = list(parameters)
    flat = torch.cat([parameter.flatten() for parameter in parameters])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for parameter, mean in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.copy_(mean.view_as(parameter))


def first_says(flag: bool) -> bool:
    """What the first process says, in each of them."""
    if not distributed.is_initialized():
        return flag
    said = torch.tensor(float(flag))
    distributed.broadcast(said, 0)
    return bool(said)
