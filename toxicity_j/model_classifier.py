"""Class logits from a sequence classifier of the Hub or of a folder: STA and FL are
both read from one.

Batches hold texts of one length, so nothing is padded and no text's score depends on
its neighbours; BERT-family models run all texts as one packed, unpadded sequence. Which
class is meant, and what becomes of its logit, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .batching import default_token_budget, run_batched
from .checkpoints import ModelRef, load_transformer, resolve_commit
from .cpu_linear import use_onednn_linear
from .cpu_packing import (
    can_be_padding_free,
    enable_padding_free,
    first_position,
    padding_free_logits,
)
from .devices import Device, Precision, resolve_device, to_device
from .model_interface import CountingEncoder, Mark, Progress, Scored
from .tokenization import (
    COLUMN_NAMES,
    TextEncoder,
    TokenColumns,
    count_tokens,
    load_tokenizer,
)

# Texts are truncated at this many tokens, as in the released scripts
# (s-nlp/pseudoparadetox: src/utils/evaluate.py; pan-webis-de/pan-code).
MAX_LENGTH = 512

# How transformers names a table of learned positions: BERT's family, BART's, GPT-2's.
_POSITION_TABLES = ("position_embeddings", "embed_positions", "wpe")


class Classifier:
    """A sequence classifier and its tokenizer. Safe to use from several threads.

    Attributes:
        revision: the commit of a Hub model where it is known, else the revision asked
            for; "" for a folder.
        dtype: the name of the layers' number format.
        labels: the name of each class by its index.
        multi_label: classes do not exclude each other.
        max_length: tokens at which texts are truncated, special tokens included.

    Args:
        model: see `ModelRef.parse`.
        role: what it is for, "style" or "fluency".
        device: see `resolve_device`.
        batch_size: most texts of a batch; as many as keep the device busy when None.
        dtype: of the layers, see `DTYPES`.
        max_length: tokens at which texts are truncated; the model's own limit when that
            is lower.
        tokenizer: a Hub id or folder whose tokenizer is used in place of the model's.
        truncate_raw: read texts as fairseq's evaluators do: drop what is over
            `max_length` wherever it falls, the closing special token too, and spell out
            a literal "<unk>".

    Raises:
        OSError: the model is missing on the Hub, gated, out of reach or damaged.
        ValueError: an option is not valid, the folder is missing or has no safetensors
            weights, or tensors are missing.
    """

    def __init__(
        self,
        model: str | ModelRef,
        *,
        role: str,
        device: Device = None,
        batch_size: int | None = None,
        dtype: str = "float32",
        max_length: int = MAX_LENGTH,
        tokenizer: str | ModelRef | None = None,
        truncate_raw: bool = False,
    ) -> None:
        if max_length < 1:
            raise ValueError(f"`max_length` must be at least 1; got {max_length}")
        self._argument = f"{role}_model"
        self._ref = ModelRef.parse(model, self._argument)
        self._role, self.batch_size, self.dtype = role, batch_size, dtype
        self.device = resolve_device(device)
        source = self._ref
        if tokenizer is not None:
            source = ModelRef.parse(tokenizer, f"{role}_tokenizer")
        own = load_tokenizer(
            source, role, self._argument, split_special_tokens=truncate_raw
        )
        self._networks: Precision[Any] = Precision(self._load, dtype)
        config = self.network.config
        self.labels: dict[int, str] = {}
        for index, label in config.id2label.items():
            self.labels[int(index)] = str(label)
        self.multi_label = config.problem_type == "multi_label_classification"
        self.revision = resolve_commit(self._ref)
        self.max_length = min(
            [max_length, own.model_max_length, *_table_sizes(self.network)]
        )
        self._encoder = TextEncoder(own, self.max_length, truncate_raw=truncate_raw)

    @property
    def network(self) -> Any:
        """The transformers model, in `dtype`."""
        return self._networks.network

    def score(
        self,
        texts: Sequence[str],
        *,
        is_borderline: Mark | None = None,
        progress: Progress = None,
    ) -> Scored:
        """Compute one row of logits per text. *Shape:* (n, labels), float32.

        Args:
            texts: n strings.
            is_borderline: see `Precision.guarded`; of logits, *Shape:* (n, labels) to
                (n,), bool.
            progress: a tqdm-like class.

        Raises:
            ValueError: a logit is not finite.
        """

        def run(network: Any, rows: np.ndarray) -> Scored:
            chosen = [texts[row] for row in rows]
            return self._run(network, chosen, progress)

        found = self._networks.guarded(len(texts), run, is_borderline)
        name = f"the {self._role} model {str(self._ref)!r}"
        return Scored.checked(found.values, found.truncated, texts, name)

    def label_index(self, label: str | int) -> int:
        """Return the index of a class by its name, or the index itself, checked.

        Raises:
            ValueError: the model has no such class; its labels are listed.
        """
        for index, name in self.labels.items():
            if name == label:
                return index
            if index == label and not isinstance(label, bool):
                return index
        expected = f"must be a label of {str(self._ref)!r}, one of {dict(self.labels)}"
        raise ValueError(f"`{self._role}_label` {expected}; got {label!r}")

    def _run(self, network: Any, texts: Sequence[str], progress: Progress) -> Scored:
        """Compute the logits by one of two ways to batch. *Shape:* (n, labels)."""
        padding_free = can_be_padding_free(network)
        batch_size = self.batch_size
        # Generative models without a padding token refuse a batch even where nothing is
        # padded.
        if not padding_free and network.config.pad_token_id is None:
            batch_size = 1
        logits_of = padding_free_logits if padding_free else _equal_length_logits

        def forward(batch: Sequence[TokenColumns]) -> torch.Tensor:
            return logits_of(network, batch).float()

        encode = CountingEncoder(self._encoder)
        rows = run_batched(
            texts,
            encode,
            forward,
            token_budget=default_token_budget(self.device),
            batch_size=batch_size,
            equal_lengths=not padding_free,
            length=count_tokens,
            progress=progress,
        )
        logits = rows.numpy().reshape(-1, len(self.labels))
        return Scored(logits, encode.truncated)

    def _load(self, dtype: torch.dtype) -> Any:
        from transformers import AutoModelForSequenceClassification

        network = load_transformer(
            AutoModelForSequenceClassification,
            self._ref,
            self._role,
            self._argument,
            device=self.device,
            dtype=torch.float32,
        )
        if can_be_padding_free(network):
            enable_padding_free(network, dtype)
            return network
        network = network.to(dtype)
        use_onednn_linear(network)
        return network


def _equal_length_logits(network: Any, batch: Sequence[TokenColumns]) -> torch.Tensor:
    """Compute logits of texts of one length. *Shape:* (batch, labels)."""
    # Equal lengths need neither padding nor a mask.
    columns = np.array(batch, dtype=np.int64).transpose(1, 0, 2)
    arrays = [np.ascontiguousarray(column) for column in columns]
    tensors = to_device(arrays, network.device)
    inputs = dict(zip(COLUMN_NAMES, tensors, strict=False))
    logits: torch.Tensor = network(**inputs).logits
    return logits


def _table_sizes(network: Any) -> list[int]:
    """Return the room of each of a model's tables of positions."""
    # None for relative positions, which have no end.
    sizes = []
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Embedding) and name.endswith(_POSITION_TABLES):
            sizes.append(module.num_embeddings - first_position(module))
    return sizes
