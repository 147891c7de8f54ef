"""SIM by a plain transformer: the cosine of its pooled outputs (RUSSE 2022), or a
one-logit regression over the pair (BLEURT).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .batching import default_token_budget, run_batched
from .checkpoints import ModelRef, load_transformer, resolve_commit
from .devices import Device, pad_right, resolve_device, resolve_dtype, to_device
from .model_embedding import paired_cosine
from .model_interface import CountingEncoder, Progress, Scored
from .tokenization import (
    COLUMN_NAMES,
    TextEncoder,
    TokenColumns,
    count_tokens,
    load_tokenizer,
)

# tokenizer(..., max_length=512) of the released scripts.
MAX_LENGTH = 512


class PairTransformer:
    """A transformer and its tokenizer, run over texts or pairs of texts.

    Attributes:
        revision: the commit of a Hub model; "" for a folder.
        dtype: the name of its number format.

    Args:
        auto: one of transformers' Auto classes.
        model: see `ModelRef.parse`.
        device: see `resolve_device`.
        batch_size: most texts of a batch.
        dtype: of the weights.

    Raises:
        OSError: the model is missing, gated, out of reach or damaged.
        ValueError: the folder has no safetensors weights, or tensors are missing.
    """

    def __init__(
        self,
        auto: Any,
        model: str | ModelRef,
        *,
        device: Device = None,
        batch_size: int | None = None,
        dtype: str = "float32",
    ) -> None:
        ref = ModelRef.parse(model, "content_model")
        self.name = f"the content model {str(ref)!r}"
        self.device, self.batch_size = resolve_device(device), batch_size
        self.dtype = dtype
        self.network = load_transformer(
            auto,
            ref,
            "content similarity",
            "content_model",
            device=self.device,
            dtype=resolve_dtype(dtype),
        )
        tokenizer = load_tokenizer(ref, "content similarity", "content_model")
        positions = getattr(self.network.config, "max_position_embeddings", MAX_LENGTH)
        self.padding = {
            "input_ids": tokenizer.pad_token_id or 0,
            "token_type_ids": tokenizer.pad_token_type_id,
        }
        # transformers gives a huge `model_max_length` where the tokenizer states none.
        max_length = min(MAX_LENGTH, tokenizer.model_max_length, positions)
        self._encoder = TextEncoder(tokenizer, max_length)
        self.revision = resolve_commit(ref)

    def run(
        self, items: Sequence[str | tuple[str, str]], output: str, progress: Progress
    ) -> Scored:
        """Compute the named output of each item, float32. *Shape:* (n, width)."""

        def forward(batch: Sequence[TokenColumns]) -> torch.Tensor:
            outputs = self.network(**self._padded(batch))
            values: torch.Tensor = getattr(outputs, output)
            return values.float()

        encode = CountingEncoder(self._encoder)
        rows = run_batched(
            items,
            encode,
            forward,
            token_budget=default_token_budget(self.device),
            batch_size=self.batch_size,
            length=count_tokens,
            progress=progress,
        )
        return Scored.checked(rows.numpy(), encode.truncated, items, self.name)

    def _padded(self, batch: Sequence[TokenColumns]) -> dict[str, torch.Tensor]:
        """Pad a batch on the right, with a mask. *Shape:* (batch, tokens) each."""
        arrays = {}
        for name, *rows in zip(COLUMN_NAMES, *batch, strict=False):
            arrays[name], mask = pad_right(rows, self.padding[name])
        arrays["attention_mask"] = mask
        tensors = to_device(list(arrays.values()), self.device)
        return dict(zip(arrays, tensors, strict=True))


class PooledEmbedding(PairTransformer):
    """Cosine of pooled outputs, in [-1, 1]. Arguments as `PairTransformer`."""

    def __init__(self, model: str | ModelRef, **options: Any) -> None:
        from transformers import AutoModel

        super().__init__(AutoModel, model, **options)

    def score(
        self, first: Sequence[str], second: Sequence[str], *, progress: Progress = None
    ) -> Scored:
        """Compute one cosine per pair. *Shape:* (n,)."""

        def embed(texts: list[str]) -> Scored:
            return self.run(texts, "pooler_output", progress)

        return paired_cosine(embed, first, second, self.name)


class PairRegressor(PairTransformer):
    """Sigmoid of one logit per pair, in [0, 1]. Arguments as `PairTransformer`.

    A model of several classes gives the softmax of its class 0, as in
    s-nlp/pseudoparadetox: src/utils/evaluate.py.
    """

    def __init__(self, model: str | ModelRef, **options: Any) -> None:
        from transformers import AutoModelForSequenceClassification

        super().__init__(AutoModelForSequenceClassification, model, **options)

    def score(
        self, first: Sequence[str], second: Sequence[str], *, progress: Progress = None
    ) -> Scored:
        """Compute one score per pair, `first` read before `second`. *Shape:* (n,)."""
        pairs = list(zip(first, second, strict=True))
        found = self.run(pairs, "logits", progress)
        logits = torch.from_numpy(found.values).double()
        # In float64, so that the last bits do not depend on the batch.
        scores = torch.softmax(logits, dim=1)
        if logits.shape[1] == 1:
            scores = torch.sigmoid(logits)
        return Scored(scores[:, 0].numpy(), found.truncated)
