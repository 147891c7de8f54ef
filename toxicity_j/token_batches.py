"""Which texts are scored together: equal ones once, and those of similar length under a
budget of tokens. Without torch, whose import the quick identifier saves.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

__all__ = ["deduplicate", "token_batches"]

Item = TypeVar("Item", bound=Hashable)


def deduplicate(items: Sequence[Item]) -> tuple[list[Item], np.ndarray]:
    """Return the distinct items by first appearance, and each item's index, (n,)."""
    indices: dict[Item, int] = {}
    inverse = np.empty(len(items), dtype=np.int64)
    for place, item in enumerate(items):
        inverse[place] = indices.setdefault(item, len(indices))
    return list(indices), inverse


def token_batches(
    lengths: Sequence[int],
    token_budget: int,
    batch_size: int | None = None,
    *,
    equal_lengths: bool = False,
) -> list[np.ndarray]:
    """Cut a corpus into batches of similar length.

    Args:
        lengths: tokens of each text.
        token_budget: most tokens of a batch, padding included (texts x longest); a
            longer text is a batch of its own.
        batch_size: most texts of a batch; no such limit when None.
        equal_lengths: no batch holds texts of different lengths, so none is padded.

    Returns:
        Arrays of indices, longest texts first: they need most memory.

    Raises:
        ValueError: `token_budget` or `batch_size` is below 1.
    """
    for name, value in (("token_budget", token_budget), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1; got {value}")
    values = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-values, kind="stable")
    most = len(order)
    if batch_size is not None:
        most = batch_size
    batches, start = [], 0
    while start < len(order):
        longest = max(1, int(values[order[start]]))
        size = max(1, token_budget // longest)
        batch = order[start : start + min(size, most)]
        if equal_lengths:
            batch = batch[values[batch] == values[batch[0]]]
        batches.append(batch)
        start += len(batch)
    return batches
