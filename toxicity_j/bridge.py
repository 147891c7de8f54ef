"""From a generator's tokens to the identifier's embeddings, so that the toxicity loss works with any vocabulary.

Each generator token is written as identifier tokens by its text. A position that the generator is sure of becomes the
very tokens of its text, an unsure one the expected embeddings. What stays approximate: a word that the generator cuts
keeps its cuts, where the identifier's tokenizer would join them (docs/training_with_the_loss.md has the sizes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import embedding, embedding_bag

CONVENTIONS = ("byte-level", "sentencepiece", "wordpiece", "words")
# Most identifier tokens that one generator token may stand for; longer ones (rows of dashes, addresses) lose the rest.
MAX_PIECES = 6
# Openings of a word that tokenizers rarely merge with what follows, to see how the rest of a word is cut.
_ANCHORS = ("zq", "qz", "xj", "7q", "jx")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Surface:
    """What a generator token writes: its text, and whether a space or the beginning of a word comes first."""

    text: str
    starts_word: bool


class VocabularyBridge(nn.Module):
    """Expected identifier embeddings from a generator's probabilities.

    Args:
        fresh: for each generator token, identifier ids of its text when no word goes on; empty for special tokens.
        joined: the same when the text before ends in a letter or digit.
        ends_in_word: whether the token's text ends in a letter or digit.
        pad_id: the identifier's id for no token, whose embedding is zero.
    """

    def __init__(
        self, fresh: Sequence[Sequence[int]], joined: Sequence[Sequence[int]], ends_in_word: Sequence[bool], pad_id: int
    ) -> None:
        super().__init__()
        width = max(1, *(len(ids) for ids in [*fresh, *joined]))
        pieces = torch.full((2, len(fresh), min(width, MAX_PIECES)), pad_id)
        for table, rows in zip(pieces, (fresh, joined), strict=True):
            for row, ids in zip(table, rows, strict=True):
                ids = ids[:MAX_PIECES]
                row[: len(ids)] = torch.tensor(ids, dtype=torch.long)
        self.pad_id = pad_id
        self.register_buffer("pieces", pieces, persistent=False)
        self.register_buffer("counts", (pieces != pad_id).sum(-1), persistent=False)
        self.register_buffer("ends_in_word", torch.tensor(ends_in_word), persistent=False)

    @property
    def vocab_size(self) -> int:
        """Generator tokens known to the bridge."""
        return self.pieces.shape[1]

    def forward(
        self, probabilities: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Identifier embeddings and their mask, padding behind.

        A position stands for as many identifier tokens as its likeliest generator token; other tokens with more have
        the mean of their remaining pieces in the last place.

        Args:
            probabilities: over the generator's vocabulary. *Shape:* (batch, length, vocab_size)
            mask: True for positions that count. *Shape:* (batch, length)
            weight: the identifier's embedding table, its last row zero. *Shape:* (identifier vocabulary + 1, dim)

        Returns:
            *Shape:* (batch, places, dim) and (batch, places), places >= 1.
        """
        likeliest = probabilities.detach().argmax(-1)
        variants = self._joined(likeliest, mask)
        counts = self.counts[variants, likeliest] * mask
        first = counts.cumsum(1) - counts
        batch, places = counts.shape[0], max(1, int(counts.sum(1).max()) if counts.numel() else 1)
        # Zeros that still have a (zero) gradient, when no position stands for anything.
        result = probabilities.new_zeros(batch, places, weight.shape[1]) + 0 * probabilities.flatten()[:1]
        for variant in range(2):
            for piece in range(self.pieces.shape[2]):
                for last in (False, True):
                    chosen = (variants == variant) & ((counts == piece + 1) if last else (counts > piece + 1))
                    row, position = chosen.nonzero(as_tuple=True)
                    if len(row):
                        table = self._table(variant, piece, last, weight)
                        place = first[row, position] + piece
                        result = result.index_put((row, place), probabilities[row, position] @ table)
        filled = torch.arange(places, device=counts.device) < counts.sum(1, keepdim=True)
        return result, filled

    def _joined(self, likeliest: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """1 where the text before a position ends inside a word, else 0. *Shape:* (batch, length)"""
        written = mask & (self.counts[0, likeliest] > 0)
        positions = torch.arange(likeliest.shape[1], device=likeliest.device).expand_as(likeliest)
        latest = torch.where(written, positions, -1).cummax(1).values
        before = torch.cat([torch.full_like(latest[:, :1], -1), latest[:, :-1]], dim=1)
        inside = self.ends_in_word[likeliest.gather(1, before.clamp_min(0))] & (before >= 0)
        return inside.long()

    def _table(self, variant: int, piece: int, last: bool, weight: torch.Tensor) -> torch.Tensor:
        """Each generator token's embedding in one place. *Shape:* (vocab_size, dim)"""
        if not last:
            return embedding(self.pieces[variant, :, piece], weight)
        rest = self.pieces[variant, :, piece:]
        return embedding_bag(rest, weight, mode="mean", padding_idx=self.pad_id)


def build_bridge(generator: Any, identifier: Tokenizer, pad_id: int, convention: str | None = None) -> VocabularyBridge:
    """The bridge from a generator's tokenizer to the identifier's.

    Args:
        generator: a transformers or `tokenizers` tokenizer, or token to id.
        identifier: the identifier's tokenizer.
        pad_id: the identifier's id for no token.
        convention: how the generator's tokens show spaces, one of `CONVENTIONS`; found from the tokens when None.

    Raises:
        TypeError: `generator` is none of those.
        ValueError: `convention` is unknown.
    """
    vocabulary, special = _vocabulary(generator)
    size = max(vocabulary.values()) + 1
    tokens: list[str | None] = [None] * size
    for token, place in vocabulary.items():
        tokens[place] = None if place in special else token
    own = identifier.get_vocab()
    if vocabulary == own:
        ids = [[] if token is None else [place] for place, token in enumerate(tokens)]
        return VocabularyBridge(ids, ids, [False] * size, pad_id)
    surfaces = _surfaces(tokens, convention)
    fresh = _pieces([f" {surface.text}" for surface in surfaces], identifier)
    joined = _continued([surface.text for surface in surfaces], fresh, identifier)
    joined = [new if token.starts_word else on for token, new, on in zip(surfaces, fresh, joined, strict=True)]
    return VocabularyBridge(fresh, joined, [surface.text[-1:].isalnum() for surface in surfaces], pad_id)


def find_convention(tokens: Sequence[str]) -> str:
    """How a vocabulary shows spaces: the mark that most of its tokens bear, or "words" when none does."""
    marks = {"byte-level": "Ġ", "sentencepiece": "▁", "wordpiece": "##"}
    counts = {name: sum(token.startswith(mark) for token in tokens) for name, mark in marks.items()}
    name = max(counts, key=lambda name: counts[name])
    return name if counts[name] else "words"


def surface(token: str, convention: str) -> Surface:
    """The text of a token.

    Args:
        token: as the vocabulary spells it.
        convention: one of `CONVENTIONS`.
    """
    if convention == "wordpiece":
        return Surface(token[2:], False) if token.startswith("##") else Surface(token, True)
    if convention == "words":
        return Surface(token.strip(), True)
    byte = _BYTE.fullmatch(token)
    if convention == "byte-level":
        text = bytes(_BYTE_OF[c] for c in token if c in _BYTE_OF).decode("utf-8", errors="ignore")
    elif byte:
        text = chr(int(byte[1], 16)) if int(byte[1], 16) < 128 else ""
    else:
        text = token.replace("▁", " ")
    return Surface(text.strip(), text[:1].isspace())


def _vocabulary(generator: Any) -> tuple[Mapping[str, int], set[int]]:
    """Token to id, and the ids of special tokens."""
    if isinstance(generator, Mapping):
        return generator, set()
    if isinstance(generator, Tokenizer):
        added = generator.get_added_tokens_decoder()
        return generator.get_vocab(), {place for place, token in added.items() if token.special}
    if hasattr(generator, "get_vocab"):
        return generator.get_vocab(), set(generator.all_special_ids)
    raise TypeError(f"`tokenizer` must be a tokenizer or a mapping from token to id; got {type(generator).__name__}")


def _surfaces(tokens: Sequence[str | None], convention: str | None) -> list[Surface]:
    known = [token for token in tokens if token is not None]
    convention = convention or find_convention(known)
    if convention not in CONVENTIONS:
        raise ValueError(f"`convention` must be one of {CONVENTIONS}; got {convention!r}")
    return [Surface("", False) if token is None else surface(token, convention) for token in tokens]


def _pieces(texts: Sequence[str], identifier: Tokenizer) -> list[list[int]]:
    return [
        encoding.ids if text.strip() else []
        for text, encoding in zip(texts, identifier.encode_batch(list(texts), add_special_tokens=False), strict=True)
    ]


def _continued(texts: Sequence[str], fresh: Sequence[list[int]], identifier: Tokenizer) -> list[list[int]]:
    """Identifier ids of each text inside a word: what follows an anchor, or as a new word where every anchor merges."""
    result, pending = list(fresh), [place for place, text in enumerate(texts) if text[:1].isalnum()]
    for anchor in _ANCHORS:
        words = [f" {anchor}{texts[place]}" for place in pending]
        encodings = identifier.encode_batch(words, add_special_tokens=False)
        border, merged = len(anchor) + 1, []
        for place, encoding in zip(pending, encodings, strict=True):
            if any(start < border < end for start, end in encoding.offsets):
                merged.append(place)
            else:
                pairs = zip(encoding.ids, encoding.offsets, strict=True)
                result[place] = [token for token, (start, _) in pairs if start >= border]
        pending = merged
    return result


def _byte_of_character() -> dict[str, int]:
    """GPT-2's spelling of bytes (openai/gpt-2, src/encoder.py, bytes_to_unicode), turned round."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}


_BYTE_OF = _byte_of_character()
