"""The quick toxicity identifier: embeddings -> means and maxima -> P(toxic).

The maxima are those of short convolutions over tokens: it sees few words at a time, so
threats without a rude word are beyond it. It needs torch and `tokenizers` only, and
scores thousands of texts per second on one core. `training` holds what trains one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import pad, relu

from .batching import run_batched
from .builtin_files import load_model, save_tensors
from .builtin_identifier_config import (
    CPU_TOKENS,
    MODEL_FILE,
    IdentifierConfig,
    check_size,
)
from .column_checks import checked_texts
from .devices import Device, resolve_device, to_device
from .model_interface import Progress
from .rules import sigmoid
from .text import tokenize, windows_of_all

__all__ = ["IdentifierConfig", "ToxicityIdentifier"]

# Tokens of one batch on a GPU; see `CPU_TOKENS`.
GPU_TOKENS = 262144


class ToxicityIdentifier(nn.Module):
    """P(toxic) of short English texts, calibrated, in [0, 1], lower is better.

    Args:
        config: the shape.
        tokenizer: turns text into ids below `config.vocab_size`; special tokens are
            never added.
    """

    def __init__(self, config: IdentifierConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.embedding = nn.Embedding(
            config.vocab_size + 1, config.dim, padding_idx=self.pad_id
        )
        self.convolutions = nn.ModuleList(
            nn.Linear(width * config.dim, config.channels) for width in config.widths
        )
        features = config.dim + config.channels * len(config.widths)
        sizes, dropout = [features, *config.hidden], config.dropout
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        for size, following in pairwise(sizes):
            layers += [nn.Linear(size, following), nn.ReLU(), nn.Dropout(dropout)]
        layers.append(nn.Linear(sizes[-1], 1))
        self.classifier = nn.Sequential(*layers)

    @property
    def pad_id(self) -> int:
        """Return the id that stands for no token."""
        return self.config.vocab_size

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logit of P(toxic).

        Args:
            ids: token ids. *Shape:* (batch, length), length >= 1
            mask: 1 for a token, 0 for padding behind them. *Shape:* (batch, length)

        Returns:
            *Shape:* (batch,)
        """
        return self.score_embeddings(self.embedding(ids), mask, dropout=self.training)

    def score_embeddings(
        self, embeddings: torch.Tensor, mask: torch.Tensor, *, dropout: bool = False
    ) -> torch.Tensor:
        """Return the logit of P(toxic) from embeddings of tokens, or expected ones.

        Args:
            embeddings: *Shape:* (batch, length, dim)
            mask: as in `forward`, or the probability that there is a token, by which
                embeddings are multiplied already. *Shape:* (batch, length)
            dropout: apply dropout, whatever the module's mode.

        Returns:
            *Shape:* (batch,)
        """
        weight = mask.to(embeddings.dtype).unsqueeze(-1)
        embeddings = embeddings * (weight > 0)
        counts = weight.sum(1).clamp_min(1)
        features = [embeddings.sum(1) / counts]
        length = embeddings.shape[1]
        # A window starts at each token; those at the end look past it, at zeros. So a
        # single token has windows too.
        beyond = max(self.config.widths, default=1) - 1
        extended = pad(embeddings, (0, 0, 0, beyond))
        convolutions = zip(self.config.widths, self.convolutions, strict=True)
        for width, convolution in convolutions:
            shifted = [extended[:, offset : offset + length] for offset in range(width)]
            activated = relu(convolution(torch.cat(shifted, dim=-1)))
            features.append((activated * weight).amax(1))
        states = torch.cat(features, dim=-1)
        for layer in self.classifier:
            states = _apply(layer, states, dropout)
        return states.squeeze(-1)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the first `config.max_length` ids of each text, normalized."""
        size = self.config.max_length
        return [ids[:size] for ids in self._encode_whole(texts)]

    def collate(
        self, ids: Sequence[Sequence[int]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return padded ids and their mask. *Shape:* (batch, length) each."""
        length = max([1, *map(len, ids)])
        padded = np.full((len(ids), length), self.pad_id, dtype=np.int64)
        for row, tokens in zip(padded, ids, strict=True):
            row[: len(tokens)] = tokens
        (batch,) = to_device([padded], self.embedding.weight.device)
        return batch, batch != self.pad_id

    def p_toxic(
        self,
        texts: Iterable[str],
        *,
        batch_size: int | None = None,
        progress: Progress = None,
    ) -> npt.NDArray[np.float64]:
        """Return P(toxic) of each text, in [0, 1], lower is better. *Shape:* (n,)

        Dropout is off whatever the module's mode, so threads may score while another
        trains. Of a text over `config.max_length` tokens the most toxic window counts.

        Args:
            texts: what is scored; a blank text gets the score of no tokens.
            batch_size: most texts per batch.
            progress: a tqdm-like class.

        Raises:
            TypeError: `texts` is not a list of strings.
            ValueError: a text holds a lone surrogate, or `batch_size` is below 1.
        """
        items = checked_texts(texts, "texts", may_be_empty=True)
        if batch_size is not None:
            check_size("batch_size", batch_size)
        if not items:
            return np.zeros(0)
        budget = GPU_TOKENS if self.embedding.weight.is_cuda else CPU_TOKENS
        logits = run_batched(
            items,
            self._encode_whole,
            self._logits,
            token_budget=budget,
            batch_size=batch_size,
            progress=progress,
        )
        # NumPy has no bfloat16.
        return sigmoid(logits.double().numpy())

    def _encode_whole(self, texts: Sequence[str]) -> list[list[int]]:
        return tokenize(self.tokenizer, texts, special_tokens=False)

    def _logits(self, ids: Sequence[list[int]]) -> torch.Tensor:
        """Return the logits of texts of any length. *Shape:* (batch,)"""
        size = self.config.max_length
        if max(map(len, ids)) <= size:
            return self._score_rows(ids)
        rows, row_owners = windows_of_all(ids, size, self.config.window_stride)
        step = max(1, CPU_TOKENS // size)
        batches = [rows[start : start + step] for start in range(0, len(rows), step)]
        logits = torch.cat([self._score_rows(batch) for batch in batches])
        owners = torch.tensor(row_owners, device=logits.device)
        lowest = logits.new_full((len(ids),), -torch.inf)
        return lowest.scatter_reduce(0, owners, logits, "amax")

    def _score_rows(self, ids: Sequence[list[int]]) -> torch.Tensor:
        batch, mask = self.collate(ids)
        return self.score_embeddings(self.embedding(batch), mask)

    def save_pretrained(self, folder: str | Path, *, int8: bool = False) -> Path:
        """Write configuration, tokenizer and weights to a file in `folder`.

        Equal models give byte-equal files.

        Args:
            folder: made when missing.
            int8: store the weights in a quarter of the space, as the shipped file does.
        """
        path = Path(folder) / MODEL_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        config, tokenizer = self.config.to_json(), self.tokenizer.to_str()
        metadata = {"config": config, "tokenizer": tokenizer}
        save_tensors(path, self.state_dict(), metadata, int8=int8)
        return path

    @classmethod
    def from_pretrained(
        cls, path: str | Path | None = None, *, device: Device = "cpu"
    ) -> ToxicityIdentifier:
        """Load a saved identifier, in eval mode.

        Args:
            path: a saved file or its folder; the shipped weights when None.
            device: where it runs; the best device of this machine when None.

        Raises:
            OSError: `path` does not exist, or the shipped weights were not found.
            TypeError: `path` is not a path.
            ValueError: `device` or the file is not valid.
        """
        resolved = resolve_device(device)
        model = load_model(path, MODEL_FILE, "identifier", cls._from_parts)
        return model.to(resolved).eval()

    @classmethod
    def _from_parts(
        cls, state: dict[str, torch.Tensor], metadata: dict[str, str]
    ) -> ToxicityIdentifier:
        """Build a model from what a file holds."""
        config = IdentifierConfig.from_json(metadata["config"])
        tokenizer = Tokenizer.from_str(metadata["tokenizer"])
        largest = max(tokenizer.get_vocab().values(), default=-1)
        rows = config.vocab_size
        if largest >= rows:
            raise ValueError(
                f"its tokenizer has id {largest}, its embedding {rows} rows"
            )
        model = cls(config, tokenizer)
        model.load_state_dict(state, assign=True)
        return model


def _apply(layer: nn.Module, states: torch.Tensor, dropout: bool) -> torch.Tensor:
    """Apply a layer; dropout as it is asked for, not as the module's mode has it."""
    if isinstance(layer, nn.Dropout):
        return torch.dropout(states, layer.p, dropout)
    result: torch.Tensor = layer(states)
    return result
