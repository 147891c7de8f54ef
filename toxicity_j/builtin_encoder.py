"""The built-in encoder for users: texts in, calibrated STA, SIM and FL of each out.

It tokenizes, batches, runs `EncoderNetwork` and calibrates. How it was trained and how
far it can be trusted: MODEL_CARD.md. English only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
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
from .builtin_pieces import LongPair, Piece, join_scores
from .column_checks import checked_texts
from .columns import same_length
from .devices import Device, resolve_device, resolve_dtype
from .locks import Lock
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
        marks = map(tokenizer.token_to_id, _SENTENCE_ENDS)
        self._sentence_ends = {mark for mark in marks if mark is not None}
        self._lock = Lock()

    @property
    def config(self) -> EncoderConfig:
        """Return the shape and the calibration."""
        return self.network.config

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return self.network.body.word_embeddings.weight.device

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
            TypeError: `path` is not a path.
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
        texts: Iterable[str],
        *,
        batch_size: int | None = None,
        progress: Progress = None,
    ) -> np.ndarray:
        """Compute P(toxic) of each text, in [0, 1]. *Shape:* (n,), float64.

        Of a text over `config.max_length` tokens the most toxic window counts.

        Raises:
            TypeError: `texts` is not a list of strings.
            ValueError: a text holds a lone surrogate, or `batch_size` is below 1.
        """
        items = checked_texts(texts, "texts", may_be_empty=True)
        found = self._score(items, None, ("style",), batch_size, progress)
        return found["style"]

    def score(
        self,
        predictions: Iterable[str],
        sources: Iterable[str] | None = None,
        want: Sequence[str] = ROLES,
        *,
        batch_size: int | None = None,
        progress: Progress = None,
    ) -> dict[str, np.ndarray]:
        """Compute calibrated scores, before known cases and a protocol's saturation.

        A pair of which a side is over `config.max_length` tokens is read in pieces; see
        `builtin_pieces`.

        Args:
            predictions: n texts that are judged.
            sources: n texts that they rewrite; needed for "content". Without them
                fluency takes each text for its own source.
            want: some of "style" (P(toxic)), "content" and "fluency".
            batch_size: most pairs, or pieces of them, per batch.
            progress: a tqdm-like class.

        Returns:
            float64 arrays in [0, 1] by the names in `want`. *Shape:* (n,)

        Raises:
            TypeError: a column does not consist of strings.
            ValueError: `want` has an unknown name or one twice, `sources` are missing
                or of another length than `predictions`, a text holds a lone surrogate,
                or `batch_size` is below 1.
        """
        _check_want(want)
        judged = checked_texts(predictions, "predictions", may_be_empty=True)
        rewritten = None
        if sources is not None:
            rewritten = checked_texts(sources, "sources", may_be_empty=True)
        elif "content" in want:
            raise ValueError("`sources` must be given for 'content'; got None")
        same_length(predictions=judged, sources=rewritten)
        return self._score(judged, rewritten, want, batch_size, progress)

    def _score(
        self,
        predictions: list[str],
        sources: list[str] | None,
        want: Sequence[str],
        batch_size: int | None,
        progress: Progress,
    ) -> dict[str, np.ndarray]:
        """Compute the scores of checked texts."""
        paired = "content" in want or "fluency" in want
        others = predictions
        if paired and sources is not None:
            others = sources
        pairs = list(zip(predictions, others, strict=True))
        long: dict[_Pair, LongPair] = {}
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
            whole = [long[pairs[i]] for i in rows]
            for name in want:
                found[name][rows] = self._read_long(whole, name, batch_size)
        return found

    def _encode(
        self, pairs: list[_Pair], paired: bool, long: dict[_Pair, LongPair]
    ) -> list[_Ids]:
        """Return the ids of pairs.

        Those that do not fit are added to `long`, and of each no more is returned than
        its special tokens: it is read later.
        """
        limit = self.config.max_length
        predictions = tokenize(self.tokenizer, [prediction for prediction, _ in pairs])
        sources: list[list[int]] = [[] for _ in pairs]
        if paired:
            sources = tokenize(self.tokenizer, [source for _, source in pairs])
        encoded: list[_Ids] = []
        for pair, prediction, source in zip(pairs, predictions, sources, strict=True):
            # Counted in ids: an emoji becomes its name, so a short text may be long.
            if max(len(prediction), len(source)) > limit:
                long[pair] = self._long_pair(prediction, source)
                encoded.append((truncate(prediction, 2), truncate(source, 2)))
            else:
                encoded.append((prediction, source))
        return encoded

    def _long_pair(self, prediction: list[int], source: list[int]) -> LongPair:
        return LongPair(
            tuple(prediction[1:-1]),
            tuple(source[1:-1]),
            # Each piece has special tokens of its own.
            self.config.max_length - 2,
            self._sentence_ends,
        )

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
        self, pairs: list[LongPair], role: str, batch_size: int | None
    ) -> list[float]:
        """Return one score of each pair, from those of its pieces."""
        cut = [pair.pieces(role) for pair in pairs]
        logits = run_batched(
            [piece for pieces in cut for piece in pieces],
            self._with_special_tokens,
            partial(self._forward, want=(role,), paired=role != "style"),
            token_budget=default_token_budget(self.device),
            batch_size=batch_size,
            length=_count_tokens,
        )
        stops = np.cumsum([len(pieces) for pieces in cut], dtype=int)
        by_pair = np.split(sigmoid(logits.numpy().ravel()), stops)
        # Behind the last stop nothing is left.
        return list(map(partial(join_scores, role), cut, by_pair[:-1]))

    def _with_special_tokens(self, pieces: list[Piece]) -> list[_Ids]:
        ((opening, closing),) = tokenize(self.tokenizer, [""])
        return [
            ((opening, *piece.prediction, closing), (opening, *piece.source, closing))
            for piece in pieces
        ]


def _count_tokens(ids: _Ids) -> int:
    prediction, source = ids
    return len(prediction) + len(source)


def _check_want(want: Sequence[str]) -> None:
    unknown = [name for name in want if name not in ROLES]
    if unknown or not want:
        raise ValueError(f"`want` must name some of {ROLES}; got {tuple(want)}")
    if len(set(want)) < len(want):
        raise ValueError(f"`want` must name each role once; got {tuple(want)}")
