"""Sequences one after another in place of a padded batch, through the forward of transformers' own BERT-like models.

The model sees one long sequence; each text attends to itself alone, positions start anew with each text, and from the
last layer's attention on only first tokens are computed, for the heads of these models read nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .batching import packed_attention
from .cpu_linear import Linear, can_quicken, quicken

# The families whose layers are laid out as `encoder.layer[i].attention.{self,output}` and whose classification heads
# read the first token: transformers, models/{bert,roberta,xlm_roberta,camembert,electra}/modeling_*.py.
FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})

# The module's name is in it because `evaluate.load` may import several copies of this code into one process.
_ATTENTION = f"packed_{__name__.replace('.', '_')}"


@dataclass(frozen=True)
class _Batch:
    """Where the texts of one forward pass lie."""

    lengths: Sequence[int]
    starts: torch.Tensor


_batch: ContextVar[_Batch] = ContextVar("batch")


def can_pack(model: Any) -> bool:
    """Whether a transformers sequence classifier is one that `pack` knows."""
    config = model.config
    return config.model_type in FAMILIES and not config.is_decoder and not config.chunk_size_feed_forward


def pack(model: Any, dtype: torch.dtype) -> None:
    """Makes a sequence classifier of `FAMILIES` take packed batches, by `packed_logits`, and nothing else.

    Args:
        model: in float32.
        dtype: of the layers, which do nearly all the work; embeddings and head stay float32.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(_ATTENTION, _attention)
    model.set_attn_implementation(_ATTENTION)
    layers = model.base_model.encoder.layer
    if dtype is not torch.float32:
        layers.to(dtype)
        layers[0].register_forward_pre_hook(lambda module, args: (args[0].to(dtype), *args[1:]))
    if can_quicken(model.device, dtype) and model.config.hidden_act == "gelu":
        for layer in layers:
            layer.intermediate.dense = Linear(layer.intermediate.dense, gelu=True)
            layer.intermediate.intermediate_act_fn = torch.nn.Identity()
    quicken(layers)
    last = layers[-1]
    last.attention.output.register_forward_pre_hook(_first_tokens)
    last.register_forward_hook(_one_token_a_text)


def packed_logits(model: Any, ids: Sequence[np.ndarray]) -> torch.Tensor:
    """Logits of texts given as token ids, special tokens included; sorted by length is fastest.

    Args:
        model: a model that `pack` has prepared.
        ids: n arrays, the first column of each token ids. *Shape:* (tokens, columns)

    Returns:
        *Shape:* (n, labels)
    """
    lengths = [len(x) for x in ids]
    starts = np.cumsum([0, *lengths[:-1]])
    flat = np.concatenate([x[:, 0] for x in ids])
    positions = _positions(flat, lengths, starts, model.base_model.embeddings.position_embeddings.padding_idx)
    flat, positions, starts = to_device([flat, positions, starts], model.device)
    with _as_current(_Batch(lengths, starts)):
        return model(input_ids=flat[None], position_ids=positions[None]).logits


def _positions(flat: np.ndarray, lengths: Sequence[int], starts: np.ndarray, padding: int | None) -> np.ndarray:
    """Positions that start anew with each text. *Shape:* (tokens,).

    In RoBERTa's kin a token that equals the padding index, such as a literal "<pad>" in a text, is not counted and
    lies at that index
    (transformers, models/roberta/modeling_roberta.py: create_position_ids_from_input_ids).
    """
    if padding is None:
        return np.arange(len(flat)) - np.repeat(starts, lengths)
    counted = flat != padding
    before = np.concatenate([[0], np.cumsum(counted)])
    return (before[1:] - np.repeat(before[starts], lengths)) * counted + padding


def first_position(table: torch.nn.Embedding) -> int:
    """The position of a text's first token: 0, or in RoBERTa's kin the one after the padding index."""
    return 0 if table.padding_idx is None else table.padding_idx + 1


def to_device(arrays: Sequence[np.ndarray], device: torch.device) -> list[torch.Tensor]:
    """Arrays as tensors on a device; copies to a GPU do not wait for it."""
    tensors = [torch.from_numpy(array) for array in arrays]
    if device.type == "cuda":
        return [tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors]
    return [tensor.to(device) for tensor in tensors]


@contextmanager
def _as_current(batch: _Batch) -> Iterator[None]:
    token = _batch.set(batch)
    try:
        yield
    finally:
        _batch.reset(token)


def _attention(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **kwargs: Any
) -> tuple[torch.Tensor, None]:
    """What transformers calls for attention. *Shape:* (1, heads, tokens, dim) to (1, tokens, heads, dim)."""
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
    return packed_attention(q, k, v, _batch.get().lengths)[None], None


def _first_tokens(module: Any, args: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Before the last layer's attention is added up: (1, tokens, hidden) twice to (1, texts, hidden) twice."""
    starts = _batch.get().starts
    return tuple(states[:, starts] for states in args)


def _one_token_a_text(module: Any, args: Any, states: torch.Tensor) -> torch.Tensor:
    """After the last layer: (1, texts, hidden) to (texts, 1, hidden), which heads take for texts of one token."""
    return states.transpose(0, 1).float()
