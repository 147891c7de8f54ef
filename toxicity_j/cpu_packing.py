"""Padding-free inference: texts one after another in one sequence, through
transformers' own BERT-like models.

Each text attends to itself alone, positions start anew with each text, and from the
last layer's attention on only first tokens are computed, because the heads of these
models read nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch

from .cpu_linear import OneDNNLinear, prefers_onednn, use_onednn_linear
from .devices import to_device
from .packed_attention import packed_attention

__all__ = [
    "FAMILIES",
    "can_be_padding_free",
    "enable_padding_free",
    "first_position",
    "padding_free_logits",
]

# The families whose layers are laid out as `encoder.layer[i].attention.{self,output}`
# and whose classification heads read the first token: transformers,
# models/{bert,roberta,xlm_roberta,camembert,electra}/modeling_*.py.
FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})

# The module's name is in it because `evaluate.load` may import several copies of this
# code into one process.
_ATTENTION = f"padding_free_{__name__.replace('.', '_')}"


@dataclass(frozen=True)
class _Batch:
    """Where the texts of one forward pass lie."""

    lengths: Sequence[int]
    starts: torch.Tensor


_batch: ContextVar[_Batch] = ContextVar("batch")


def can_be_padding_free(model: Any) -> bool:
    """Return whether `enable_padding_free` knows a transformers classifier."""
    config = model.config
    return (
        config.model_type in FAMILIES
        and not config.is_decoder
        and not config.chunk_size_feed_forward
    )


def enable_padding_free(model: Any, dtype: torch.dtype) -> None:
    """Make a classifier of `FAMILIES` take packed batches, and nothing else.

    Args:
        model: in float32.
        dtype: of the layers, which do nearly all the work; embeddings and head stay
            float32.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(_ATTENTION, _attention)
    model.set_attn_implementation(_ATTENTION)
    layers = model.base_model.encoder.layer
    if dtype is not torch.float32:
        layers.to(dtype)
        layers[0].register_forward_pre_hook(functools.partial(_cast_states, dtype))
    if prefers_onednn(model.device, dtype) and model.config.hidden_act == "gelu":
        for layer in layers:
            middle = layer.intermediate
            middle.dense = OneDNNLinear(middle.dense, gelu=True)
            middle.intermediate_act_fn = torch.nn.Identity()
    use_onednn_linear(layers)
    # Heads read first tokens only, so the last layer need not compute the others.
    last = layers[-1]
    last.attention.output.register_forward_pre_hook(_first_tokens)
    last.register_forward_hook(_one_token_per_text)


def padding_free_logits(
    model: Any, texts: Sequence[Sequence[Sequence[int]]]
) -> torch.Tensor:
    """Compute logits of texts as token ids; sorted by length is fastest.

    Args:
        model: a model that `enable_padding_free` has prepared.
        texts: for each text its columns, of which the first holds token ids. *Shape:*
            (n, columns, tokens)

    Returns:
        *Shape:* (n, labels)
    """
    ids = [columns[0] for columns in texts]
    lengths = list(map(len, ids))
    starts = np.cumsum([0, *lengths[:-1]])
    flat = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=sum(lengths))
    table = model.base_model.embeddings.position_embeddings
    positions = _positions(flat, lengths, starts, table.padding_idx)
    tokens, places, firsts = to_device([flat, positions, starts], model.device)
    with _as_current(_Batch(lengths, firsts)):
        logits: torch.Tensor = model(
            input_ids=tokens[None], position_ids=places[None]
        ).logits
    return logits


def _positions(
    flat: np.ndarray, lengths: Sequence[int], starts: np.ndarray, padding: int | None
) -> np.ndarray:
    """Return positions that start anew with each text. *Shape:* (tokens,).

    In RoBERTa's family a token that equals the padding index, such as a literal "<pad>"
    in a text, is not counted and lies at that index
    (transformers, models/roberta/modeling_roberta.py:
    create_position_ids_from_input_ids).
    """
    if padding is None:
        from_zero: np.ndarray = np.arange(len(flat)) - np.repeat(starts, lengths)
        return from_zero
    counted = flat != padding
    before = np.concatenate([[0], np.cumsum(counted)])
    before_text = np.repeat(before[starts], lengths)
    positions: np.ndarray = (before[1:] - before_text) * counted + padding
    return positions


def first_position(table: torch.nn.Embedding) -> int:
    """Return a text's first position: 0, or in RoBERTa's family behind padding's."""
    if table.padding_idx is None:
        return 0
    return table.padding_idx + 1


@contextmanager
def _as_current(batch: _Batch) -> Iterator[None]:
    token = _batch.set(batch)
    try:
        yield
    finally:
        _batch.reset(token)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *args: Any,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as transformers asks. *Shape:* (1, tokens, heads, dim)."""
    mixed = packed_attention(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        _batch.get().lengths,
    )
    return mixed[None], None


def _cast_states(
    dtype: torch.dtype, module: Any, args: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Give the layers their number format; the embeddings before stay float32."""
    states, *others = args
    return (states.to(dtype), *others)


def _first_tokens(
    module: Any, args: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """Keep the first token of each text, before the last layer's attention is added up.

    *Shape:* (1, tokens, hidden) twice to (1, texts, hidden) twice.
    """
    starts = _batch.get().starts
    return tuple(states[:, starts] for states in args)


def _one_token_per_text(module: Any, args: Any, states: torch.Tensor) -> torch.Tensor:
    """Give heads texts of one token. *Shape:* (1, texts, d) to (texts, 1, d)."""
    return states.transpose(0, 1).float()
