"""SIM by a plain transformer: cosine of its pooled outputs (RUSSE 2022), or a one-logit regression over the pair
(BLEURT).

Two classes with `similarity(first, second)`, one score a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .batching import default_token_budget, resolve_device, resolve_dtype, run
from .model_embedding import paired_cosine, unavailable

# tokenizer(..., max_length=512) of the released scripts.
MAX_LENGTH = 512


def load_transformer(auto: Any, model: str, role: str, option: str, device: torch.device, dtype: torch.dtype) -> Any:
    """A model of the Hub or of a folder, for inference: safetensors only, no code of its authors'.

    Args:
        auto: one of transformers' Auto classes.
        model: a Hub id, optionally `@revision`, or a folder.
        role: what it is for, for the message.
        option: the argument that replaces it, for the message.
        device: where it runs.
        dtype: of its weights.

    Raises:
        OSError: the model is missing, gated or out of reach.
    """
    name, revision = split_revision(model)
    try:
        loaded = auto.from_pretrained(
            name, revision=revision, use_safetensors=True, trust_remote_code=False, dtype=dtype
        )
    except (OSError, ValueError) as error:
        raise OSError(unavailable(model, role, option, error)) from error
    return loaded.to(device).eval()


def split_revision(model: str) -> tuple[str, str]:
    """A model's name and its revision ("main" when none is given); a folder's name is left whole."""
    name, _, revision = (model, "", "") if Path(model).is_dir() else model.partition("@")
    return name, revision or "main"


class Transformer:
    """A transformer and its tokenizer, run over texts or pairs of texts.

    Args:
        auto: one of transformers' Auto classes.
        model: a Hub id, optionally `@revision`, or a folder.
        device: see `resolve_device`.
        batch_size: most texts of a batch.
        dtype: of the weights.

    Raises:
        OSError: the model is missing, gated or out of reach.
    """

    def __init__(self, auto: Any, model: str, device: str | None, batch_size: int | None, dtype: str):
        from transformers import AutoTokenizer

        self.device = resolve_device(device)
        self.model = load_transformer(
            auto, model, "content similarity", "content_model", self.device, resolve_dtype(dtype)
        )
        name, revision = split_revision(model)
        self.tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
        positions = getattr(self.model.config, "max_position_embeddings", MAX_LENGTH)
        self.limit = min(MAX_LENGTH, self.tokenizer.model_max_length, positions)
        self.batch_size = batch_size
        self.progress = None
        self.revision = getattr(self.model.config, "_commit_hash", None) or revision
        self.truncated = 0

    def run(self, items: Sequence[str | tuple[str, str]], output: str) -> np.ndarray:
        """The named output for each text or pair, float32. *Shape:* (n, width)."""
        self.truncated = 0

        def forward(batch: list[tuple[int, ...]]) -> torch.Tensor:
            columns = {name: [list(row[place]) for row in batch] for place, name in enumerate(names)}
            inputs = self.tokenizer.pad(columns, return_tensors="pt").to(self.device)
            return getattr(self.model(**inputs), output).float()

        names = self._encode(items[:1])[0]
        rows = run(
            items,
            lambda texts: self._encode(texts)[1],
            forward,
            token_budget=default_token_budget(self.device),
            batch_size=self.batch_size,
            length=lambda row: len(row[0]),
            progress=self.progress,
        )
        return rows.numpy()

    def _encode(self, items: Sequence[str | tuple[str, str]]) -> tuple[list[str], list[tuple]]:
        """Names of the tokenizer's columns, and each item's row of them, cut to the model's length."""
        columns = zip(*items, strict=True) if isinstance(items[0], tuple) else [items]
        encoded = self.tokenizer(*(list(column) for column in columns), truncation=True, max_length=self.limit)
        names = list(encoded)
        self.truncated += sum(bool(encoding.overflowing) for encoding in encoded.encodings or [])
        return names, list(zip(*(encoded[name] for name in names), strict=True))


class PooledEmbedding(Transformer):
    """Cosine of pooled outputs, not clipped at 0: in [-1, 1], higher is better. Arguments and errors as
    `Transformer`.
    """

    def __init__(self, model: str, *, device: str | None = None, batch_size: int | None = None, dtype: str = "float32"):
        from transformers import AutoModel

        super().__init__(AutoModel, model, device, batch_size, dtype)

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        """One cosine a pair, *Shape:* (n,)."""
        return paired_cosine(lambda texts: self.run(texts, "pooler_output"), first, second)


class Regression(Transformer):
    """The sigmoid of a pair classifier's one logit, in [0, 1], higher is better. Arguments and errors as `Transformer`.

    A model of several classes gives the softmax of its class 0, as in s-nlp/pseudoparadetox: src/utils/evaluate.py.
    """

    def __init__(self, model: str, *, device: str | None = None, batch_size: int | None = None, dtype: str = "float32"):
        from transformers import AutoModelForSequenceClassification

        super().__init__(AutoModelForSequenceClassification, model, device, batch_size, dtype)

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        """One score a pair, `first` read before `second`. *Shape:* (n,)."""
        pairs = list(zip(first, second, strict=True))
        logits = torch.from_numpy(self.run(pairs, "logits")).double()
        scores = torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)
        return scores[:, 0].numpy()
