"""Padding-free inference: texts one after another in one sequence, through transformers' own BERT-like models.

Each text attends to itself alone, positions start anew with each text, and from the last layer's attention on only
first tokens are computed, because the heads of these models read nothing else. On a GPU one variable-length kernel
attends to all texts; on a CPU neighbours of equal length are attended to in one call.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from .cpu_linear import OneDNNLinear, prefers_onednn, use_onednn_linear
from .devices import to_device

logger = logging.getLogger("toxicity_j")

# The families whose layers are laid out as `encoder.layer[i].attention.{self,output}` and whose classification heads
# read the first token: transformers, models/{bert,roberta,xlm_roberta,camembert,electra}/modeling_*.py.
FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})

# The module's name is in it because `evaluate.load` may import several copies of this code into one process.
_ATTENTION = f"padding_free_{__name__.replace('.', '_')}"

_Kernel = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, int], torch.Tensor]


def packed_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Attend within each of the segments that lie one after another without padding.

    Args:
        query: *Shape:* (tokens, heads, dim); `key` and `value` alike.
        lengths: tokens of each segment, in their order; they sum to tokens. Sorted, they run fastest on a CPU.

    Returns:
        *Shape:* (tokens, heads, dim).
    """
    if query.is_cuda and not torch.is_grad_enabled():
        kernel = _varlen_kernel(query.device, query.dtype)
        if kernel is not None:
            return kernel(query, key, value, _offsets(tuple(lengths), query.device), max(lengths))
    return _grouped_attention(query, key, value, lengths)


def _grouped_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Attend in one call per run of segments of equal length. *Shape:* (tokens, heads, dim)."""
    outputs, start = [], 0
    for length, group in groupby(lengths):
        end = start + length * sum(1 for _ in group)
        q, k, v = (x[start:end].view(-1, length, *x.shape[1:]).transpose(1, 2) for x in (query, key, value))
        outputs.append(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(0, 1))
        start = end
    return torch.cat(outputs)


def varlen_kernel_name(device: torch.device, dtype: torch.dtype) -> str:
    """Return the name of the attention that packed batches use on a device."""
    kernel = _varlen_kernel(device, dtype) if device.type == "cuda" else None
    return "grouped scaled_dot_product_attention" if kernel is None else kernel.__name__.strip("_")


@functools.lru_cache(maxsize=8)
def _offsets(lengths: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return where segments start and end, copied once per batch for all layers. *Shape:* (segments + 1,), int32."""
    return to_device([np.cumsum([0, *lengths], dtype=np.int32)], device)[0]


@functools.cache
def _varlen_kernel(device: torch.device, dtype: torch.dtype) -> _Kernel | None:
    """Find the first kernel that gives the right numbers on this GPU; None when each one fails."""
    lengths = [1, 5, 3, 17]
    states = torch.linspace(-2, 2, sum(lengths) * 2 * 64, device=device).reshape(-1, 2, 64).sin().to(dtype)
    expected = _grouped_attention(states, states, states, lengths)
    for kernel in (_varlen_attn, _flash_attention, _efficient_attention):
        try:
            found = kernel(states, states, states, _offsets(tuple(lengths), device), max(lengths))
            if torch.allclose(found.float(), expected.float(), atol=2e-2 if dtype.itemsize == 2 else 1e-5):
                return kernel
            logger.info("%s differs from scaled_dot_product_attention on %s", kernel.__name__, device)
        except (RuntimeError, ImportError, AttributeError, TypeError, ValueError) as error:
            # Each kernel has its own limits: formats, processors, versions of torch.
            logger.info("%s does not run on %s in %s: %s", kernel.__name__, device, dtype, error)
    return None


def _varlen_attn(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int) -> torch.Tensor:
    """Attend by torch's public variable-length attention (torch >= 2.10, 16-bit formats)."""
    from torch.nn.attention.varlen import varlen_attn

    mixed = varlen_attn(q, k, v, offsets, offsets, most, most)
    return mixed if isinstance(mixed, torch.Tensor) else mixed[0]


def _flash_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """Attend by the kernel under `varlen_attn`, for versions of torch that lack the latter."""
    found = torch.ops.aten._flash_attention_forward(q, k, v, offsets, offsets, most, most, 0.0, False, False)
    mixed: torch.Tensor = found[0]
    return mixed


def _efficient_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """Attend by the memory-efficient kernel, which takes float32 and is what nested tensors use."""
    q, k, v = q[None], k[None], v[None]
    found = torch.ops.aten._efficient_attention_forward(q, k, v, None, offsets, offsets, most, most, 0.0, 0)
    mixed: torch.Tensor = found[0][0]
    return mixed


@dataclass(frozen=True)
class _Batch:
    """Where the texts of one forward pass lie."""

    lengths: Sequence[int]
    starts: torch.Tensor


_batch: ContextVar[_Batch] = ContextVar("batch")


def can_be_padding_free(model: Any) -> bool:
    """Return whether a transformers sequence classifier is one that `enable_padding_free` knows."""
    config = model.config
    return config.model_type in FAMILIES and not config.is_decoder and not config.chunk_size_feed_forward


def enable_padding_free(model: Any, dtype: torch.dtype) -> None:
    """Make a sequence classifier of `FAMILIES` take packed batches, by `padding_free_logits`, and nothing else.

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
    if prefers_onednn(model.device, dtype) and model.config.hidden_act == "gelu":
        for layer in layers:
            layer.intermediate.dense = OneDNNLinear(layer.intermediate.dense, gelu=True)
            layer.intermediate.intermediate_act_fn = torch.nn.Identity()
    use_onednn_linear(layers)
    last = layers[-1]
    last.attention.output.register_forward_pre_hook(_first_tokens)
    last.register_forward_hook(_one_token_per_text)


def padding_free_logits(model: Any, texts: Sequence[Sequence[Sequence[int]]]) -> torch.Tensor:
    """Compute logits of texts given as token ids, special tokens included; sorted by length is fastest.

    Args:
        model: a model that `enable_padding_free` has prepared.
        texts: for each text its columns, of which the first holds token ids. *Shape:* (n, columns, tokens)

    Returns:
        *Shape:* (n, labels)
    """
    ids = [columns[0] for columns in texts]
    lengths = [len(own) for own in ids]
    starts = np.cumsum([0, *lengths[:-1]])
    flat = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=sum(lengths))
    positions = _positions(flat, lengths, starts, model.base_model.embeddings.position_embeddings.padding_idx)
    tokens, places, firsts = to_device([flat, positions, starts], model.device)
    with _as_current(_Batch(lengths, firsts)):
        logits: torch.Tensor = model(input_ids=tokens[None], position_ids=places[None]).logits
    return logits


def _positions(flat: np.ndarray, lengths: Sequence[int], starts: np.ndarray, padding: int | None) -> np.ndarray:
    """Return positions that start anew with each text. *Shape:* (tokens,).

    In RoBERTa's family a token that equals the padding index, such as a literal "<pad>" in a text, is not counted and
    lies at that index
    (transformers, models/roberta/modeling_roberta.py: create_position_ids_from_input_ids).
    """
    if padding is None:
        from_zero: np.ndarray = np.arange(len(flat)) - np.repeat(starts, lengths)
        return from_zero
    counted = flat != padding
    before = np.concatenate([[0], np.cumsum(counted)])
    positions: np.ndarray = (before[1:] - np.repeat(before[starts], lengths)) * counted + padding
    return positions


def first_position(table: torch.nn.Embedding) -> int:
    """Return the position of a text's first token: 0, or in RoBERTa's family the one after the padding index."""
    return 0 if table.padding_idx is None else table.padding_idx + 1


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
    """Attend as transformers asks. *Shape:* (1, heads, tokens, dim) to (1, tokens, heads, dim)."""
    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
    return packed_attention(q, k, v, _batch.get().lengths)[None], None


def _first_tokens(module: Any, args: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Keep the first token of each text, before the last layer's attention is added up.

    *Shape:* (1, tokens, hidden) twice to (1, texts, hidden) twice.
    """
    starts = _batch.get().starts
    return tuple(states[:, starts] for states in args)


def _one_token_per_text(module: Any, args: Any, states: torch.Tensor) -> torch.Tensor:
    """Give heads texts of one token, after the last layer. *Shape:* (1, texts, hidden) to (texts, 1, hidden)."""
    return states.transpose(0, 1).float()
