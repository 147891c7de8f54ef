"""The quick toxicity identifier: tokens -> embeddings -> [mean; maxima of short convolutions] -> linear -> P(toxic).

It needs torch and `tokenizers` only, and scores thousands of texts a second on one core; `training/identifier.py`
trains it, with any pretrained tokenizer. It sees few words at a time: threats without a rude word are beyond it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import pad, relu

from .batching import resolve_device, run
from .builtin_weights import find_weights, load_tensors, save_tensors
from .text import normalize

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
        max_length: tokens read of a text; the rest is cut.
    """

    vocab_size: int
    dim: int = 64
    channels: int = 64
    widths: tuple[int, ...] = (2, 3, 4)
    hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.2
    max_length: int = 1024


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
        """The id that stands for no token."""
        return self.config.vocab_size

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The logit of P(toxic).

        Args:
            ids: token ids. *Shape:* (batch, length), length >= 1
            mask: 1 for a token, 0 for padding, which lies behind the tokens. *Shape:* (batch, length)

        Returns:
            *Shape:* (batch,)
        """
        return self.score_embeddings(self.embedding(ids), mask)

    def score_embeddings(self, embeddings: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The logit of P(toxic) from token embeddings, which may be expected ones (see `loss`).

        Args:
            embeddings: *Shape:* (batch, length, dim)
            mask: as in `forward`. *Shape:* (batch, length)

        Returns:
            *Shape:* (batch,)
        """
        weight = mask.to(embeddings.dtype).unsqueeze(-1)
        embeddings = embeddings * weight
        features = [embeddings.sum(1) / weight.sum(1).clamp_min(1)]
        length = embeddings.shape[1]
        # A window starts at each token; those at the end look past it, at zeros. So a single token has windows too.
        extended = pad(embeddings, (0, 0, 0, max(self.config.widths, default=1) - 1))
        for width, convolution in zip(self.config.widths, self.convolutions, strict=True):
            windows = torch.cat([extended[:, offset : offset + length] for offset in range(width)], dim=-1)
            features.append((relu(convolution(windows)) * weight).amax(1))
        return self.classifier(torch.cat(features, dim=-1)).squeeze(-1)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, normalised, cut to `config.max_length`; empty for a blank text."""
        encodings = self.tokenizer.encode_batch_fast([normalize(text) for text in texts], add_special_tokens=False)
        return [encoding.ids[: self.config.max_length] for encoding in encodings]

    def collate(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Padded ids and their mask on the model's device. *Shape:* (batch, length) each, length >= 1."""
        length = max(1, *(len(row) for row in ids)) if ids else 1
        padded = np.full((len(ids), length), self.pad_id, dtype=np.int64)
        for row, tokens in zip(padded, ids, strict=True):
            row[: len(tokens)] = tokens
        batch = torch.from_numpy(padded).to(self.embedding.weight.device)
        return batch, batch != self.pad_id

    def p_toxic(
        self, texts: Sequence[str], *, batch_size: int | None = None, progress: Callable[..., Any] | None = None
    ) -> np.ndarray:
        """P(toxic) of each text, float64, in [0, 1], lower is better. *Shape:* (n,)

        Dropout is off whatever the mode, so that scores do not depend on it; nor do they on batches or order.

        Args:
            texts: what is scored; a blank text gets the score of no tokens.
            batch_size: most texts in one batch.
            progress: a tqdm-like class.
        """
        training, budget = self.training, GPU_TOKENS if self.embedding.weight.is_cuda else CPU_TOKENS
        self.eval()

        def forward(ids: list[list[int]]) -> torch.Tensor:
            return self(*self.collate(ids))

        try:
            logits = run(texts, self.encode, forward, token_budget=budget, batch_size=batch_size, progress=progress)
        finally:
            self.train(training)
        return torch.sigmoid(logits.double()).numpy()

    def save_pretrained(self, folder: str | Path, *, int8: bool = False) -> Path:
        """Writes configuration, tokenizer and weights to one file in `folder`, and returns its path.

        Args:
            folder: made when missing.
            int8: store the weights in a quarter of the room, as the shipped file does.
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
        """Loads a saved identifier, in eval mode.

        Args:
            path: a folder of `save_pretrained`, or its file; the shipped weights when None.
            device: where it runs; the best one of this machine when None.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file holds no identifier, or `device` is not there.
        """
        path = find_weights(MODEL_FILE) if path is None else Path(path)
        path = path / MODEL_FILE if path.is_dir() else path
        state, metadata = load_tensors(path)
        if not {"config", "tokenizer"} <= metadata.keys():
            raise ValueError(f"`path` must be a file written by ToxicityIdentifier.save_pretrained; got {path}")
        settings = json.loads(metadata["config"])
        tuples = {name: tuple(settings[name]) for name in ("widths", "hidden")}
        config = IdentifierConfig(**{**settings, **tuples})
        with torch.random.fork_rng(devices=[]):  # the weights it starts from are random, and thrown away
            model = cls(config, Tokenizer.from_str(metadata["tokenizer"]))
        model.load_state_dict(state, assign=True)
        return model.to(resolve_device(device)).eval()
