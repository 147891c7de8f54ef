"""The quick toxicity identifier: tokens -> embeddings -> [mean; maxima of short convolutions] -> linear -> P(toxic).

It needs torch and `tokenizers` only, and scores thousands of texts per second on one core. It sees few words at a
time, so threats without a rude word are beyond it. `training` holds the code that trains one, with any tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import pad, relu

from .batching import run_batched
from .builtin_weights import find_weights, load_tensors, save_tensors
from .columns import texts as checked_texts
from .devices import resolve_device
from .rules import sigmoid
from .text import normalize, windows

# Of a folder written by `save_pretrained`.
MODEL_FILE = "identifier.safetensors"
# Tokens of one batch on a CPU: the model is small, so what a batch costs besides its tokens weighs more than caches do.
CPU_TOKENS = 8192
GPU_TOKENS = 262144


@dataclass(frozen=True)
class IdentifierConfig:
    """The shape of an identifier.

    Attributes:
        vocab_size: tokens of the tokenizer; one more row of the embedding, zero, is for padding.
        dim: size of a token's embedding.
        channels: filters of each convolution.
        widths: tokens under each convolution (Kim 2014, https://aclanthology.org/D14-1181, has 3, 4, 5); empty for a
            plain bag of embeddings.
        hidden: sizes of the hidden linear layers.
        dropout: share of features dropped while training, in [0, 1).
        max_length: tokens read at once; longer texts are read in windows, and the largest P(toxic) counts.

    Raises:
        ValueError: a value is out of its range.
    """

    vocab_size: int
    dim: int = 64
    channels: int = 64
    widths: tuple[int, ...] = (2, 3, 4)
    hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.2
    max_length: int = 1024

    def __post_init__(self) -> None:
        sizes = {"vocab_size": self.vocab_size, "dim": self.dim, "channels": self.channels}
        sizes |= {"max_length": self.max_length}
        for name, value in sizes.items():
            _check_size(name, value)
        for name, values in (("widths", self.widths), ("hidden", self.hidden)):
            for value in values:
                _check_size(name, value)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1); got {self.dropout!r}")


class ToxicityIdentifier(nn.Module):
    """P(toxic) of short English texts, calibrated, in [0, 1], lower is better.

    Args:
        config: the shape.
        tokenizer: turns text into ids below `config.vocab_size`; special tokens are never added.
    """

    def __init__(self, config: IdentifierConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.embedding = nn.Embedding(config.vocab_size + 1, config.dim, padding_idx=config.vocab_size)
        self.convolutions = nn.ModuleList(nn.Linear(width * config.dim, config.channels) for width in config.widths)
        sizes = [config.dim + config.channels * len(config.widths), *config.hidden]
        layers: list[nn.Module] = [nn.Dropout(config.dropout)]
        for size, following in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [nn.Linear(size, following), nn.ReLU(), nn.Dropout(config.dropout)]
        self.classifier = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

    @property
    def pad_id(self) -> int:
        """Return the id that stands for no token."""
        return self.config.vocab_size

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logit of P(toxic).

        Args:
            ids: token ids. *Shape:* (batch, length), length >= 1
            mask: 1 for a token, 0 for padding, which lies behind the tokens. *Shape:* (batch, length)

        Returns:
            *Shape:* (batch,)
        """
        return self.score_embeddings(self.embedding(ids), mask, dropout=self.training)

    def score_embeddings(self, embeddings: torch.Tensor, mask: torch.Tensor, *, dropout: bool = False) -> torch.Tensor:
        """Return the logit of P(toxic) from token embeddings, which may be expected ones (see `ToxicityLoss`).

        Args:
            embeddings: *Shape:* (batch, length, dim)
            mask: as in `forward`, or weights in [0, 1] by which embeddings are multiplied already: the probability
                that there is a token. *Shape:* (batch, length)
            dropout: apply dropout, whatever the module's mode.

        Returns:
            *Shape:* (batch,)
        """
        weight = mask.to(embeddings.dtype).unsqueeze(-1)
        embeddings = embeddings * (weight > 0)
        features = [embeddings.sum(1) / weight.sum(1).clamp_min(1)]
        length = embeddings.shape[1]
        # A window starts at each token; those at the end look past it, at zeros. So a single token has windows too.
        extended = pad(embeddings, (0, 0, 0, max(self.config.widths, default=1) - 1))
        for width, convolution in zip(self.config.widths, self.convolutions, strict=True):
            under = torch.cat([extended[:, offset : offset + length] for offset in range(width)], dim=-1)
            features.append((relu(convolution(under)) * weight).amax(1))
        states = torch.cat(features, dim=-1)
        for layer in self.classifier:
            states = torch.dropout(states, layer.p, dropout) if isinstance(layer, nn.Dropout) else layer(states)
        return states.squeeze(-1)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the first `config.max_length` token ids of each text, normalized; none for a blank text."""
        return [ids[: self.config.max_length] for ids in self._encode_whole(texts)]

    def collate(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return padded ids and their mask on the model's device. *Shape:* (batch, length) each, length >= 1."""
        length = max((len(row) for row in ids), default=1) or 1
        padded = np.full((len(ids), length), self.pad_id, dtype=np.int64)
        for row, tokens in zip(padded, ids, strict=True):
            row[: len(tokens)] = tokens
        batch = torch.from_numpy(padded).to(self.embedding.weight.device)
        return batch, batch != self.pad_id

    def p_toxic(
        self, texts: Iterable[str], *, batch_size: int | None = None, progress: Callable[..., Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return P(toxic) of each text, float64, in [0, 1], lower is better. *Shape:* (n,)

        Dropout is off whatever the module's mode, so threads may score while another trains. No score depends on the
        batches or the order. A text longer than `config.max_length` tokens is read in overlapping windows, and the
        largest P(toxic) counts.

        Args:
            texts: what is scored; a blank text gets the score of no tokens.
            batch_size: most texts per batch.
            progress: a tqdm-like class.

        Raises:
            TypeError: `texts` is not a list of strings.
            ValueError: a text holds a lone surrogate, or `batch_size` is below 1.
        """
        items = _list_of_texts(texts)
        if batch_size is not None:
            _check_size("batch_size", batch_size)
        if not items:
            return np.zeros(0)
        budget = GPU_TOKENS if self.embedding.weight.is_cuda else CPU_TOKENS
        logits = run_batched(
            items, self._encode_whole, self._logits, token_budget=budget, batch_size=batch_size, progress=progress
        )
        return sigmoid(logits.numpy())

    def _encode_whole(self, texts: Sequence[str]) -> list[list[int]]:
        """Return all token ids of each text, normalized."""
        encodings = self.tokenizer.encode_batch_fast([normalize(text) for text in texts], add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _logits(self, ids: Sequence[list[int]]) -> torch.Tensor:
        """Return the logit of each text, of any length, without dropout. *Shape:* (batch,)"""
        size = self.config.max_length
        if max(map(len, ids)) <= size:
            return self._score_rows(ids)
        pieces = [windows(row, size, max(1, size * 3 // 4)) for row in ids]
        rows = [piece for row in pieces for piece in row]
        owners = torch.tensor([index for index, row in enumerate(pieces) for _ in row])
        step = max(1, CPU_TOKENS // size)
        chunks = [self._score_rows(rows[start : start + step]) for start in range(0, len(rows), step)]
        logits = torch.cat(chunks)
        return logits.new_full((len(ids),), -torch.inf).scatter_reduce(0, owners.to(logits.device), logits, "amax")

    def _score_rows(self, ids: Sequence[list[int]]) -> torch.Tensor:
        batch, mask = self.collate(ids)
        return self.score_embeddings(self.embedding(batch), mask)

    def save_pretrained(self, folder: str | Path, *, int8: bool = False) -> Path:
        """Write configuration, tokenizer and weights to one file in `folder`, and return its path.

        Equal models give byte-equal files.

        Args:
            folder: made when missing.
            int8: store the weights in a quarter of the space, as the shipped file does.
        """
        path = Path(folder) / MODEL_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"config": json.dumps(asdict(self.config)), "tokenizer": self.tokenizer.to_str()}
        save_tensors(path, self.state_dict(), metadata, int8=int8)
        return path

    @classmethod
    def from_pretrained(
        cls, path: str | Path | None = None, *, device: str | torch.device | None = "cpu"
    ) -> ToxicityIdentifier:
        """Load a saved identifier, in eval mode.

        Args:
            path: a folder written by `save_pretrained`, or its file; the shipped weights when None.
            device: where it runs; the best device of this machine when None.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged or does not hold an identifier, or `device` is not there.
        """
        resolved = resolve_device(device)
        path = find_weights(MODEL_FILE) if path is None else Path(path)
        path = path / MODEL_FILE if path.is_dir() else path
        state, metadata = load_tensors(path)
        if not {"config", "tokenizer"} <= metadata.keys():
            raise ValueError(f"`path` must be a file written by ToxicityIdentifier.save_pretrained; got {path}")
        try:
            model = cls._from_parts(state, metadata)
        except Exception as error:  # tokenizers raises bare Exception
            raise ValueError(f"`path` must hold a whole identifier; {path} does not ({error})") from error
        return model.to(resolved).eval()

    @classmethod
    def _from_parts(cls, state: dict[str, torch.Tensor], metadata: dict[str, str]) -> ToxicityIdentifier:
        """Build a model from what a file holds; the errors are those of the parts."""
        settings = json.loads(metadata["config"])
        for name in ("widths", "hidden"):
            settings[name] = tuple(settings[name])
        config, tokenizer = IdentifierConfig(**settings), Tokenizer.from_str(metadata["tokenizer"])
        largest = max(tokenizer.get_vocab().values(), default=-1)
        if largest >= config.vocab_size:
            raise ValueError(f"its tokenizer has id {largest}, its embedding {config.vocab_size} rows")
        # Not on the meta device, whose first use imports for two seconds.
        with torch.random.fork_rng(devices=[]):
            model = cls(config, tokenizer)
        model.load_state_dict(state, assign=True)
        return model


def is_identifier(path: str | Path) -> bool:
    """Return whether `path` is a folder written by `ToxicityIdentifier.save_pretrained`, or its file."""
    path = Path(path)
    return (path / MODEL_FILE).is_file() or (path.name == MODEL_FILE and path.is_file())


def _list_of_texts(texts: Iterable[str]) -> list[str]:
    """Check the texts; unlike a column of the metric they may be none at all."""
    if isinstance(texts, list | tuple) and not texts:
        return []
    return checked_texts(texts, "texts")


def _check_size(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be an integer; got {value!r}")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1; got {value}")
