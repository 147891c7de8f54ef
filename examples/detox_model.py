"""A small seq2seq transformer with a pointer to source tokens, its tokenizer, and its
outputs, for detox_training.
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

PAD, START, END = 0, 1, 2
MAX_TOKENS = 32
VOCABULARY = 2000


class Detoxifier(nn.Module):
    """One layer of encoder and one of decoder, with a pointer to source tokens.

    The pointer is See et al.'s (2017, https://arxiv.org/abs/1704.04368).
    """

    def __init__(self, vocab_size: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim, padding_idx=PAD)
        self.positions = nn.Embedding(MAX_TOKENS + 1, dim)
        nn.init.normal_(self.embedding.weight, std=dim**-0.5)
        shape = {
            "d_model": dim,
            "nhead": 4,
            "dim_feedforward": 2 * dim,
            "batch_first": True,
            "dropout": 0.0,
        }
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**shape), 1, enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**shape), 1)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.gate = nn.Linear(dim, 1)
        # Copying in order is a good start: states of equal positions and tokens are
        # alike.
        nn.init.eye_(self.query.weight)
        nn.init.eye_(self.key.weight)
        nn.init.constant_(self.gate.bias, 1.0)

    def encode(self, sources: torch.Tensor) -> torch.Tensor:
        """Return states of source tokens. *Shape:* (batch, length) -> (batch, length,
        dim)
        """
        return self.encoder(self._embed(sources), src_key_padding_mask=sources == PAD)

    def forward(
        self, sources: torch.Tensor, memory: torch.Tensor, written: torch.Tensor
    ) -> torch.Tensor:
        """Return log-probabilities of each next token. *Shape:* (batch, written,
        vocabulary)
        """
        return self._log_probabilities(
            sources, memory, self._decode(sources, memory, written)
        )

    def _decode(
        self, sources: torch.Tensor, memory: torch.Tensor, written: torch.Tensor
    ) -> torch.Tensor:
        length = written.shape[1]
        ahead = torch.ones(length, length, dtype=torch.bool).triu(1)
        return self.decoder(
            self._embed(written),
            memory,
            tgt_mask=ahead,
            memory_key_padding_mask=sources == PAD,
        )

    @torch.inference_mode()
    def generate(self, sources: torch.Tensor, *, sample: bool = False) -> torch.Tensor:
        """Return greedy or sampled outputs without the start, padded behind the end.
        *Shape:* (batch, MAX_TOKENS)
        """
        memory, written = self.encode(sources), torch.full((len(sources), 1), START)
        ended = torch.zeros(len(sources), dtype=torch.bool)
        for _ in range(MAX_TOKENS):
            state = self._last_state(sources, memory, written)
            following = self._log_probabilities(sources, memory, state)[:, 0]
            token = _draw(following.exp()) if sample else following.argmax(-1)
            token = token.masked_fill(ended, PAD)
            written = torch.cat([written, token[:, None]], dim=1)
            ended |= token == END
            if ended.all():
                break
        return nn.functional.pad(
            written[:, 1:], (0, MAX_TOKENS + 1 - written.shape[1]), value=PAD
        )

    def _last_state(
        self, sources: torch.Tensor, memory: torch.Tensor, written: torch.Tensor
    ) -> torch.Tensor:
        """Return what `_decode` gives for the last position, without the others. With
        one layer nothing else of them is needed than their embeddings.
        """
        layer = self.decoder.layers[0]
        before = self._embed(written)
        state = before[:, -1:]
        attended, _ = layer.self_attn(state, before, before, need_weights=False)
        state = layer.norm1(state + attended)
        attended, _ = layer.multihead_attn(
            state,
            memory,
            memory,
            key_padding_mask=sources == PAD,
            need_weights=False,
        )
        state = layer.norm2(state + attended)
        inner = layer.activation(layer.linear1(state))
        return layer.norm3(state + layer.linear2(inner))

    def _log_probabilities(
        self, sources: torch.Tensor, memory: torch.Tensor, states: torch.Tensor
    ) -> torch.Tensor:
        own = torch.softmax(states @ self.embedding.weight.T, dim=-1)
        affinity = (
            self.query(states)
            @ self.key(memory).transpose(1, 2)
            / memory.shape[-1] ** 0.5
        )
        pointed = torch.softmax(
            affinity.masked_fill((sources == PAD)[:, None], -1e9), dim=-1
        )
        gate = torch.sigmoid(self.gate(states))
        columns = sources[:, None].expand_as(pointed)
        mixed = ((1 - gate) * own).scatter_add(2, columns, gate * pointed)
        return mixed.clamp_min(1e-9).log()

    def _embed(self, ids: torch.Tensor) -> torch.Tensor:
        scale = self.embedding.embedding_dim**0.5
        return self.embedding(ids) * scale + self.positions(torch.arange(ids.shape[1]))


def _draw(probabilities: torch.Tensor) -> torch.Tensor:
    """Draw a column of each row. *Shape:* (rows, columns) -> (rows,)

    By the inverse of the cumulated distribution: torch.multinomial draws a number per
    column, which took half of the time of sampling.
    """
    cumulated = probabilities.cumsum(-1)
    point = torch.rand(len(cumulated), 1) * cumulated[:, -1:]
    last = probabilities.shape[1] - 1
    return torch.searchsorted(cumulated, point, right=True)[:, 0].clamp_max(last)


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """Train a byte-level BPE of the generator's own, so that the loss has two
    vocabularies to align.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def as_tensor(rows: list[list[int]]) -> torch.Tensor:
    """Return rows of ids, padded behind. *Shape:* (rows, length)"""
    length = max(map(len, rows))
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


def decode(tokenizer: Tokenizer, ids: torch.Tensor) -> list[str]:
    """Return the text of each row up to its end."""
    texts = []
    for row in ids.tolist():
        end = row.index(END) if END in row else len(row)
        texts.append(tokenizer.decode(row[:end]).strip())
    return texts


def rewrite(model: Detoxifier, tokenizer: Tokenizer, sources: list[str]) -> list[str]:
    """Return greedy rewrites."""
    model.eval()
    texts: list[str] = []
    for start in range(0, len(sources), 128):
        rows = [
            encoding.ids[:MAX_TOKENS]
            for encoding in tokenizer.encode_batch(sources[start : start + 128])
        ]
        texts += decode(tokenizer, model.generate(as_tensor(rows)))
    return texts
