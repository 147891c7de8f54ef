"""The built-in encoder for users: texts in, calibrated STA, SIM and FL of each out.

It tokenizes, batches, runs `EncoderNetwork` and calibrates. How it was trained and how
far it can be trusted: MODEL_CARD.md. English only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .batching import default_token_budget, run_batched
from .builtin_encoder_config import ROLES, EncoderConfig, calibrated
from .builtin_files import load_model, save_tensors
from .builtin_network import EncoderNetwork
from .columns import same_length
from .devices import Device, resolve_device, resolve_dtype
from .model_interface import Progress
from .rules import sigmoid
from .text import tokenize, truncate, windows

__all__ = ["WEIGHTS_FILE", "Encoder"]

WEIGHTS_FILE = "encoder.safetensors"

# Of a prediction, and of its source where one is read.
_Ids = tuple[Sequence[int], Sequence[int]]


class Encoder:
    """Toxicity, kept content and fluency of short English texts.

    Safe to use from several threads; pickles by its weights.

    Attributes:
        network: the transformer and its heads.
        tokenizer: turns text into ids, without truncation or padding of its own.
        truncated: distinct texts that were cut in the last call of `score`.
    """

    def __init__(self, network: EncoderNetwork, tokenizer: Any) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.truncated = 0
        self._lock = threading.Lock()

    @property
    def config(self) -> EncoderConfig:
        """Return the shape and the calibration."""
        return self.network.config

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return self.network.body.word_embeddings.weight.device

    def __getstate__(self) -> dict[str, Any]:
        # A lock cannot be pickled.
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        *,
        device: Device = None,
        dtype: str = "float32",
    ) -> Encoder:
        """Load an encoder for scoring.

        Args:
            path: a saved file or its folder; the shipped weights when None.
            device: where it runs; see `resolve_device`.
            dtype: of the transformer's weights and states; the heads stay float32.

        Raises:
            OSError: `path` does not exist, or the shipped weights were not found.
            ValueError: `device`, `dtype` or the file is not valid.
        """
        place, kind = resolve_device(device), resolve_dtype(dtype)
        encoder = load_model(path, WEIGHTS_FILE, "encoder", cls._from_parts)
        encoder.network.body.to(kind)
        encoder.network.to(place).eval().requires_grad_(False)
        return encoder

    @classmethod
    def _from_parts(
        cls, state: dict[str, torch.Tensor], metadata: dict[str, str]
    ) -> Encoder:
        """Build an encoder from what a file holds."""
        from tokenizers import Tokenizer

        config = EncoderConfig(**json.loads(metadata["config"]))
        network = EncoderNetwork(config)
        network.load_state_dict(state, assign=True)
        return cls(network, Tokenizer.from_str(metadata["tokenizer"]))

    def save_pretrained(self, path: str | Path, *, int8: bool = True) -> None:
        """Write weights, configuration and tokenizer to one safetensors file."""
        metadata = {
            "config": json.dumps(asdict(self.config)),
            "tokenizer": self.tokenizer.to_str(),
        }
        save_tensors(path, self.network.state_dict(), metadata, int8=int8)

    def p_toxic(
        self,
        texts: Sequence[str],
        *,
        batch_size: int | None = None,
        progress: Progress = None,
    ) -> np.ndarray:
        """Compute P(toxic) of each text, in [0, 1]. *Shape:* (n,), float64.

        Of a text over `config.max_length` tokens the most toxic window counts.
        """
        found = self.score(
            texts, want=("style",), batch_size=batch_size, progress=progress
        )
        return found["style"]

    def score(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None = None,
        want: Sequence[str] = ROLES,
        *,
        batch_size: int | None = None,
        progress: Progress = None,
    ) -> dict[str, np.ndarray]:
        """Score each prediction, as the network says it.

        Args:
            predictions: n texts that are judged.
            sources: n texts that they rewrite; needed for "content". Without them
                fluency takes each text for its own source.
            want: some of "style" (P(toxic)), "content" and "fluency".
            batch_size: most pairs per batch.
            progress: a tqdm-like class.

        Returns:
            float64 arrays in [0, 1] by the names in `want`. *Shape:* (n,)

        Raises:
            ValueError: `want` has an unknown name, `sources` are missing or too few.
        """
        _check(predictions, sources, want)
        paired = "content" in want or "fluency" in want
        others = predictions
        if paired and sources is not None:
            others = sources
        whole: dict[str, list[int]] = {}
        with self._lock:
            self.truncated = 0
            logits = run_batched(
                list(zip(predictions, others, strict=True)),
                partial(self._encode, paired=paired, whole=whole),
                partial(self._forward, want=want, paired=paired),
                token_budget=default_token_budget(self.device),
                batch_size=batch_size,
                length=_count_tokens,
                progress=progress,
            )
            scores = sigmoid(logits.numpy().reshape(-1, len(want)))
            found = {name: scores[:, i].copy() for i, name in enumerate(want)}
            if "style" in want:
                read = self._read_whole(whole, batch_size)
                for i, text in enumerate(predictions):
                    found["style"][i] = read.get(text, found["style"][i])
        return found

    def _encode(
        self, pairs: list[tuple[str, str]], paired: bool, whole: dict[str, list[int]]
    ) -> list[_Ids]:
        """Return the ids of texts; all ids of long predictions go to `whole`."""
        limit = self.config.max_length
        texts = [prediction for prediction, _ in pairs]
        predictions = tokenize(self.tokenizer, texts)
        sources: list[list[int]] = [[] for _ in pairs]
        if paired:
            sources = tokenize(self.tokenizer, [source for _, source in pairs])
        # Counted in ids: an emoji becomes its name, so a short text may be long.
        encoded = zip(texts, predictions, strict=True)
        whole.update({text: ids for text, ids in encoded if len(ids) > limit})
        self.truncated += sum(len(ids) > limit for ids in [*predictions, *sources])
        return [
            (truncate(own, limit), truncate(other, limit))
            for own, other in zip(predictions, sources, strict=True)
        ]

    def _forward(
        self, batch: list[_Ids], want: Sequence[str], paired: bool
    ) -> torch.Tensor:
        """Compute calibrated logits. *Shape:* (batch, len(want))."""
        predictions = [ids for ids, _ in batch]
        sources = None
        if paired:
            sources = [ids for _, ids in batch]
        found = self.network(predictions, sources, want)
        logits = [calibrated(self.config, found, role) for role in want]
        return torch.stack(logits, dim=1)

    def _read_whole(
        self, whole: dict[str, list[int]], batch_size: int | None
    ) -> dict[str, float]:
        """Return P(toxic) of texts given as ids, the largest over their windows."""
        # Each window has special tokens of its own.
        size = self.config.max_length - 2
        # Half of each is in the next too, so that no insult is cut in two.
        stride = size // 2
        read = {}
        for text, (opening, *inner, closing) in whole.items():
            pieces = windows(inner, size, stride)
            logits = run_batched(
                [((opening, *piece, closing), ()) for piece in pieces],
                list,
                partial(self._forward, want=("style",), paired=False),
                token_budget=default_token_budget(self.device),
                batch_size=batch_size,
                length=_count_tokens,
            )
            read[text] = float(sigmoid(logits.numpy()).max())
        return read


def _count_tokens(ids: _Ids) -> int:
    prediction, source = ids
    return len(prediction) + len(source)


def _check(
    predictions: Sequence[str], sources: Sequence[str] | None, want: Sequence[str]
) -> None:
    unknown = [name for name in want if name not in ROLES]
    if unknown or not want:
        raise ValueError(f"`want` must name some of {ROLES}; got {tuple(want)}")
    if sources is None and "content" in want:
        raise ValueError("`sources` must be given for 'content'; got None")
    same_length(predictions=predictions, sources=sources)
