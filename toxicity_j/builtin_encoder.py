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
from .builtin_pieces import Piece, cut_pair, join_scores
from .columns import same_length
from .devices import Device, resolve_device, resolve_dtype
from .model_interface import Progress
from .rules import sigmoid
from .text import tokenize, truncate

__all__ = ["WEIGHTS_FILE", "Encoder"]

WEIGHTS_FILE = "encoder.safetensors"

# A prediction, and its source.
_Pair = tuple[str, str]
# Of a prediction, and of its source where one is read.
_Ids = tuple[Sequence[int], Sequence[int]]

_SENTENCE_ENDS = (".", "!", "?")


class Encoder:
    """Toxicity, kept content and fluency of short English texts.

    Safe to use from several threads; pickles by its weights.

    Attributes:
        network: the transformer and its heads.
        tokenizer: turns text into ids, without truncation or padding of its own.
    """

    def __init__(self, network: EncoderNetwork, tokenizer: Any) -> None:
        self.network = network
        self.tokenizer = tokenizer
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

        Where a side is over `config.max_length` tokens, the most toxic window of the
        prediction counts, and content and fluency are means over pieces of the pair:
        see `builtin_pieces`.

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
        pairs = list(zip(predictions, others, strict=True))
        long: set[_Pair] = set()
        with self._lock:
            logits = run_batched(
                pairs,
                partial(self._encode, paired=paired, long=long),
                partial(self._forward, want=want, paired=paired),
                token_budget=default_token_budget(self.device),
                batch_size=batch_size,
                length=_count_tokens,
                progress=progress,
            )
            scores = sigmoid(logits.numpy().reshape(-1, len(want)))
            found = {name: scores[:, i].copy() for i, name in enumerate(want)}
            rows = [i for i, pair in enumerate(pairs) if pair in long]
            for name in want:
                whole = self._read_long([pairs[i] for i in rows], name, batch_size)
                found[name][rows] = whole
        return found

    def _encode(self, pairs: list[_Pair], paired: bool, long: set[_Pair]) -> list[_Ids]:
        """Return the ids of pairs, cut to fit, and add long pairs to `long`."""
        limit = self.config.max_length
        encoded = self._tokenize(pairs, paired)
        # Counted in ids: an emoji becomes its name, so a short text may be long.
        for pair, ids in zip(pairs, encoded, strict=True):
            if max(map(len, ids)) > limit:
                long.add(pair)
        return [
            (truncate(own, limit), truncate(other, limit)) for own, other in encoded
        ]

    def _tokenize(
        self, pairs: list[_Pair], paired: bool
    ) -> list[tuple[list[int], list[int]]]:
        predictions = tokenize(self.tokenizer, [prediction for prediction, _ in pairs])
        sources: list[list[int]] = [[] for _ in pairs]
        if paired:
            sources = tokenize(self.tokenizer, [source for _, source in pairs])
        return list(zip(predictions, sources, strict=True))

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

    def _read_long(
        self, pairs: list[_Pair], role: str, batch_size: int | None
    ) -> np.ndarray:
        """Return one score of pairs of which a side does not fit. *Shape:* (n,)."""
        scores = run_batched(
            pairs,
            partial(self._cut, role=role),
            partial(self._read_pieces, role=role),
            token_budget=default_token_budget(self.device),
            batch_size=batch_size,
            length=_count_tokens_of_pieces,
        )
        return scores.numpy()

    def _cut(self, pairs: list[_Pair], role: str) -> list[list[Piece]]:
        # Each piece has special tokens of its own.
        size = self.config.max_length - 2
        ends = {self.tokenizer.token_to_id(mark) for mark in _SENTENCE_ENDS}
        return [
            cut_pair(role, prediction[1:-1], source[1:-1], size, ends)
            for prediction, source in self._tokenize(pairs, paired=role != "style")
        ]

    def _read_pieces(self, batch: list[list[Piece]], role: str) -> torch.Tensor:
        """Compute the scores of pairs from their pieces. *Shape:* (batch,)."""
        ((opening, closing), _), *_ = self._tokenize([("", "")], paired=False)
        items: list[_Ids] = [
            ((opening, *piece.prediction, closing), (opening, *piece.source, closing))
            for pieces in batch
            for piece in pieces
        ]
        # One pair alone may hold more than a batch.
        step = default_token_budget(self.device) // (2 * self.config.max_length)
        read = [torch.zeros(0)]
        for start in range(0, len(items), step):
            some = items[start : start + step]
            read.append(self._forward(some, (role,), role != "style")[:, 0].cpu())
        stops = np.cumsum([len(pieces) for pieces in batch])
        by_pair = np.split(sigmoid(torch.cat(read).numpy()), stops[:-1])
        scores = map(partial(join_scores, role), batch, by_pair)
        return torch.tensor(list(scores), dtype=torch.float64)


def _count_tokens(ids: _Ids) -> int:
    prediction, source = ids
    return len(prediction) + len(source)


def _count_tokens_of_pieces(pieces: list[Piece]) -> int:
    return sum(len(piece.prediction) + len(piece.source) for piece in pieces)


def _check(
    predictions: Sequence[str], sources: Sequence[str] | None, want: Sequence[str]
) -> None:
    unknown = [name for name in want if name not in ROLES]
    if unknown or not want:
        raise ValueError(f"`want` must name some of {ROLES}; got {tuple(want)}")
    if sources is None and "content" in want:
        raise ValueError("`sources` must be given for 'content'; got None")
    same_length(predictions=predictions, sources=sources)
