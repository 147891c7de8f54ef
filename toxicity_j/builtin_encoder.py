"""The built-in encoder for users: texts in, calibrated STA, SIM and FL of each segment
out, in one pass.

It tokenizes, batches, runs `EncoderNetwork` and calibrates. How it was trained and how
far it can be trusted: MODEL_CARD.md. English only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .batching import default_token_budget, run_batched
from .builtin_network import ROLES, EncoderConfig, EncoderNetwork, Outputs
from .builtin_weights import find_weights, load_tensors, save_tensors
from .devices import Device, resolve_device, resolve_dtype
from .model_interface import Progress
from .rules import sigmoid
from .text import tokenize, truncate, windows

__all__ = ["WEIGHTS_FILE", "Encoder"]

WEIGHTS_FILE = "encoder.safetensors"

# Windows of a text over `max_length` overlap by half, so that no insult is cut in two.
_OVERLAP = 2

_Ids = tuple[list[int], list[int]]


class Encoder:
    """Toxicity, kept content and fluency of short English texts.

    Safe to use from several threads; pickles by its weights.

    Attributes:
        network: the transformer and its heads.
        tokenizer: turns text into ids, without truncation or padding of its own.
        truncated: distinct texts that were cut in the last call of `score`; style reads
            all of a long text all the same, in windows.
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
        """Return what is pickled: all but the lock."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled encoder."""
        self.__dict__.update(state)
        self._lock = threading.Lock()

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
            path: a file of `save_pretrained`, or a folder that holds `WEIGHTS_FILE`;
                the shipped weights when None.
            device: where it runs; see `resolve_device`.
            dtype: of the transformer's weights and states; the heads stay float32.

        Raises:
            FileNotFoundError: `path` does not exist.
            OSError: the shipped weights were not found.
            ValueError: `device` or `dtype` is not valid, or the file holds no encoder.
        """
        from tokenizers import Tokenizer

        place, kind = resolve_device(device), resolve_dtype(dtype)
        path = Path(path) if path is not None else find_weights(WEIGHTS_FILE)
        path = path / WEIGHTS_FILE if path.is_dir() else path
        state, metadata = load_tensors(path)
        if not {"config", "tokenizer"} <= metadata.keys():
            raise ValueError(
                f"`path` must be a file written by Encoder.save_pretrained; got {path}"
            )
        # Not on the meta device, on which the first embedding imports torch._dynamo for
        # two seconds.
        with torch.random.fork_rng(devices=[]):
            network = EncoderNetwork(EncoderConfig(**json.loads(metadata["config"])))
        network.load_state_dict(state, assign=True)
        network.body.to(kind)
        network.to(place).eval().requires_grad_(False)
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
        """Compute P(toxic) of each text, in [0, 1], lower is better. *Shape:* (n,),
        float64.

        A text over `config.max_length` tokens is read in overlapping windows, of which
        the most toxic one counts.
        """
        return self.score(
            texts, want=("style",), batch_size=batch_size, progress=progress
        )["style"]

    def score(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None = None,
        want: Sequence[str] = ROLES,
        *,
        batch_size: int | None = None,
        progress: Progress = None,
    ) -> dict[str, np.ndarray]:
        """Score each prediction, as the network says it: blank texts and copies are
        settled by `known_cases`.

        Args:
            predictions: n texts that are judged.
            sources: n texts that they rewrite; needed for "content". Without them
                fluency takes each text for its own source: all of its faults are its
                own.
            want: which of "style" (P(toxic), lower is better), "content" and "fluency"
                (higher is better).
            batch_size: most pairs per batch.
            progress: a tqdm-like class.

        Returns:
            float64 arrays in [0, 1] by the names in `want`. *Shape:* (n,)

        Raises:
            ValueError: `want` holds an unknown name, `sources` are missing, or lengths
                differ.
        """
        _check(predictions, sources, want)
        paired = "content" in want or "fluency" in want
        pairs = list(
            zip(
                predictions,
                sources if paired and sources is not None else predictions,
                strict=True,
            )
        )
        budget = default_token_budget(self.device)
        with self._lock:
            self.truncated = 0
            logits = run_batched(
                pairs,
                lambda items: self._encode(items, paired),
                lambda batch: self._forward(batch, want, paired),
                token_budget=budget,
                batch_size=batch_size,
                length=lambda item: len(item[0]) + len(item[1]),
                progress=progress,
            )
            scores = sigmoid(logits.numpy().reshape(-1, len(want)))
            found = {name: scores[:, i].copy() for i, name in enumerate(want)}
            if self.truncated and "style" in want:
                self._read_long_texts(predictions, found["style"], batch_size)
        return found

    def _encode(self, pairs: list[tuple[str, str]], paired: bool) -> list[_Ids]:
        """Return token ids of predictions and, for pairs, of sources."""
        limit = self.config.max_length
        predictions = tokenize(
            self.tokenizer, [prediction for prediction, _ in pairs], limit + 1
        )
        sources: list[list[int]] = [[] for _ in pairs]
        if paired:
            sources = tokenize(
                self.tokenizer, [source for _, source in pairs], limit + 1
            )
        self.truncated += sum(len(ids) > limit for ids in [*predictions, *sources])
        return [
            (truncate(a, limit), truncate(b, limit))
            for a, b in zip(predictions, sources, strict=True)
        ]

    def _forward(
        self, batch: list[_Ids], want: Sequence[str], paired: bool
    ) -> torch.Tensor:
        """Compute calibrated logits. *Shape:* (batch, len(want))."""
        predictions = [ids for ids, _ in batch]
        sources = [ids for _, ids in batch] if paired else None
        found = self.network(predictions, sources, want)
        return torch.stack(
            [calibrated(self.config, found, role) for role in want], dim=1
        )

    def _read_long_texts(
        self, texts: Sequence[str], p_toxic: np.ndarray, batch_size: int | None
    ) -> None:
        """Replace P(toxic) of the texts that were cut by the largest over all of their
        windows, in place.
        """
        size = self.config.max_length
        read: dict[str, float] = {}
        for i, text in enumerate(texts):
            # Equal texts are read once.
            if text in read:
                p_toxic[i] = read[text]
                continue
            if len(text) + 2 <= size:  # a token has at least one character
                continue
            ids = tokenize(self.tokenizer, [text])[0]
            if len(ids) <= size:
                continue
            inner, first, last = ids[1:-1], ids[0], ids[-1]
            pieces = [
                (first, *piece, last)
                for piece in windows(inner, size - 2, (size - 2) // _OVERLAP)
            ]
            logits = run_batched(
                pieces,
                lambda items: list(items),
                lambda batch: self._forward(
                    [(list(row), []) for row in batch], ("style",), False
                )[:, 0],
                token_budget=default_token_budget(self.device),
                batch_size=batch_size,
            )
            p_toxic[i] = read[text] = float(sigmoid(logits.numpy()).max())


def calibrated(config: EncoderConfig, found: Outputs, role: str) -> torch.Tensor:
    """Return the calibrated logit of a role. *Shape:* (n,)."""
    scale, shift = config.calibration[role]
    if role == "style":
        return scale * _given(found.style) + shift
    if role == "content":
        return scale * _given(found.content) + shift
    relative = config.likelihood_weight * _given(found.likelihood)
    return scale * _given(found.fluency) + relative + shift


def _given(logits: torch.Tensor | None) -> torch.Tensor:
    if logits is None:
        raise ValueError("`want` must name what the network was asked for")
    return logits


def _check(
    predictions: Sequence[str], sources: Sequence[str] | None, want: Sequence[str]
) -> None:
    unknown = [name for name in want if name not in ROLES]
    if unknown or not want:
        raise ValueError(f"`want` must name some of {ROLES}; got {tuple(want)}")
    if sources is None and "content" in want:
        raise ValueError(
            "`sources` must be given where `want` holds 'content'; got None"
        )
    if sources is not None and len(sources) != len(predictions):
        raise ValueError(
            f"`sources` must be as many as `predictions`; got {len(sources)} and"
            f" {len(predictions)}"
        )
