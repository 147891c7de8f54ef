"""Gradients of a step: on a GPU each task and width is recorded once and then replayed,
because starting its thousand kernels one by one takes longer than computing them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from toxicity_j.devices import to_device

__all__ = ["Batch", "Gradients"]

# Losses of rows of a task, padded to a width.
Losses = dict[str, torch.Tensor]
LossesOf = Callable[[str, torch.Tensor, int], Losses]
# Runs before a recording, in which libraries choose their kernels.
_WARM_UPS = 2


@dataclass(frozen=True)
class Batch:
    """The rows of a task that a step reads, and the width they are padded to."""

    task: str
    rows: np.ndarray
    width: int


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    rows: torch.Tensor
    losses: Losses


class Gradients:
    """Computes losses, and puts the gradients of their sum into the parameters.

    Args:
        losses_of: computes the losses of a batch.
        parameters: get the gradients.
    """

    def __init__(
        self, losses_of: LossesOf, parameters: Sequence[torch.nn.Parameter]
    ) -> None:
        self._losses_of = losses_of
        self._parameters = parameters
        self._device = parameters[0].device
        self._recordings: dict[tuple[str, int], _Recording] = {}
        # One memory for all recordings: none runs beside another.
        self._pool = None
        # A recording adds to the tensors that it met, so these stay; one that no loss
        # reaches is zero, not None.
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)

    def of_step(self, batches: Sequence[Batch]) -> Losses:
        """Compute the losses of a step's batches, summed by name, and the gradients."""
        if self._device.type == "cuda":
            # Streams and graphs belong to the current device.
            with torch.cuda.device(self._device):
                for batch in batches:
                    self._record_once(batch)
        # After recording, which leaves gradients behind.
        torch._foreach_zero_([parameter.grad for parameter in self._parameters])
        losses: Losses = {}
        for batch in batches:
            for name, loss in self._of_batch(batch).items():
                losses[name] = losses.get(name, 0) + loss
        return losses

    def _of_batch(self, batch: Batch) -> Losses:
        (rows,) = to_device([batch.rows], self._device)
        if self._device.type != "cuda":
            return self._add(batch.task, rows, batch.width)
        recording = self._recordings[batch.task, batch.width]
        recording.rows.copy_(rows)
        recording.graph.replay()
        return recording.losses

    def _add(self, task: str, rows: torch.Tensor, width: int) -> Losses:
        """Add the gradients of a batch to those that are there."""
        losses = self._losses_of(task, rows, width)
        sum(losses.values()).backward()
        return {name: loss.detach() for name, loss in losses.items()}

    def _record_once(self, batch: Batch) -> None:
        key = batch.task, batch.width
        if key in self._recordings:
            return
        (rows,) = to_device([batch.rows], self._device)
        # Recording wants a stream of its own, also before it starts.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._add(batch.task, rows, batch.width)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            losses = self._add(batch.task, rows, batch.width)
        self._pool = graph.pool()
        self._recordings[key] = _Recording(graph, rows, losses)
