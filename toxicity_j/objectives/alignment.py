"""From a generator's probabilities over its tokens to the identifier's embeddings, whatever the generator's vocabulary.

The likeliest tokens are written out and cut as the identifier cuts text, so certain outputs score exactly as their
text does (but for characters that a byte-level tokenizer cuts, which are left out). Each place then mixes two parts:
its token's embedding, weighted by the probability of the generator tokens under it; and the mean embedding of whatever
else the generator might write there, weighted by the probability of that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import embedding_bag

from ..text import normalize

CONVENTIONS = ("byte-level", "sentencepiece", "wordpiece", "words")
# Most pieces of one generator token that its mean counts; rows of dashes and addresses have more.
MAX_PIECES = 6
# Openings of a word that tokenizers rarely merge with what follows, to see how the rest of a word is cut.
_ANCHORS = ("zq", "qz", "xj", "7q", "jx")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Places:
    """Where the identifier's tokens come from, in a batch.

    Attributes:
        ids: the identifier's tokens. *Shape:* (places,)
        rows: the sequence of each. *Shape:* (places,)
        columns: its place in that sequence. *Shape:* (places,)
        place: for each (place, position) under it: which place. *Shape:* (links,)
        position: and which position of the flattened batch. *Shape:* (links,)
    """

    ids: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    place: torch.Tensor
    position: torch.Tensor


class VocabularyBridge(nn.Module):
    """Expected identifier embeddings from a generator's probabilities.

    Args:
        texts: what each generator token writes, with its leading space if it has one; "" for special tokens.
        pieces: the identifier's tokens for each of them, for the mean.
        identifier: the identifier's tokenizer.
        pad_id: the identifier's id for no token, whose embedding is zero.
        max_length: identifier tokens read of a text.
    """

    def __init__(
        self,
        texts: Sequence[str],
        pieces: Sequence[Sequence[int]],
        identifier: Tokenizer,
        pad_id: int,
        max_length: int,
    ) -> None:
        super().__init__()
        self.texts, self.identifier = list(texts), identifier
        self.pad_id, self.max_length = pad_id, max_length
        width = min(MAX_PIECES, max(1, *(len(ids) for ids in pieces)))
        rows = [[*ids[:width], *[pad_id] * (width - len(ids))] for ids in pieces]
        # The sparse matrix from generator tokens to the identifier's: row t has 1/n at each of t's n pieces.
        self.register_buffer("pieces", torch.tensor(rows), persistent=False)

    @property
    def vocab_size(self) -> int:
        """Generator tokens known to the bridge."""
        return len(self.texts)

    def forward(
        self, probabilities: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Identifier embeddings and their mask, padding behind.

        Args:
            probabilities: over the generator's vocabulary. *Shape:* (batch, length, vocab_size)
            mask: True for positions that count. *Shape:* (batch, length)
            weight: the identifier's embedding table, its last row zero. *Shape:* (identifier vocabulary + 1, dim)

        Returns:
            *Shape:* (batch, places, dim) and (batch, places), places >= 1.
        """
        likeliest = probabilities.detach().argmax(-1)
        places = self._places(likeliest, mask)
        means = embedding_bag(self.pieces, weight, mode="mean", padding_idx=self.pad_id)
        chosen = probabilities.gather(2, likeliest[..., None])
        others = (probabilities @ means - chosen * means[likeliest]).flatten(0, 1)[places.position]
        certainty = chosen.flatten()[places.position].clamp_min(torch.finfo(chosen.dtype).tiny).log()
        links = torch.bincount(places.place, minlength=len(places.ids)).to(weight.dtype)
        certainty = certainty.new_zeros(len(places.ids)).index_add(0, places.place, certainty).exp()
        mixed = others.new_zeros(len(places.ids), weight.shape[1]).index_add(0, places.place, others)
        mixed = certainty[:, None] * weight[places.ids] + mixed / links[:, None]
        length = int(places.columns.max()) + 1 if len(places.ids) else 1
        # Zeros that still have a (zero) gradient, when no position writes anything.
        result = probabilities.new_zeros(len(mask), length, weight.shape[1]) + 0 * probabilities.flatten()[:1]
        filled = torch.zeros(len(mask), length, dtype=torch.bool, device=mask.device)
        filled[places.rows, places.columns] = True
        return result.index_put((places.rows, places.columns), mixed), filled

    def _places(self, likeliest: torch.Tensor, mask: torch.Tensor) -> Places:
        """Writes out the likeliest tokens, cuts the text, and finds the positions under each cut."""
        length = likeliest.shape[1]
        written = [self._write(row, keep) for row, keep in zip(likeliest.tolist(), mask.tolist(), strict=True)]
        encodings = self.identifier.encode_batch([text for text, _ in written], add_special_tokens=False)
        ids, rows, columns, place, position = [], [], [], [], []
        for row, (encoding, (_, owners)) in enumerate(zip(encodings, written, strict=True)):
            spans = zip(encoding.ids[: self.max_length], encoding.offsets, strict=False)
            for column, (token, (start, end)) in enumerate(spans):
                under = sorted(set(owners[start:end]))
                place += [len(ids)] * len(under)
                position += [row * length + owner for owner in under]
                ids.append(token)
                rows.append(row)
                columns.append(column)
        return Places(
            *(torch.tensor(x, dtype=torch.long, device=mask.device) for x in (ids, rows, columns, place, position))
        )

    def _write(self, tokens: list[int], keep: list[bool]) -> tuple[str, list[int]]:
        """The text of the kept tokens, and for each character the position that wrote it."""
        text, owners = "", []
        for position, token in enumerate(tokens):
            piece = self.texts[token] if keep[position] else ""
            piece = piece if text else piece.lstrip()
            text += piece
            owners += [position] * len(piece)
        return text, owners


def build_bridge(
    generator: Any, identifier: Tokenizer, pad_id: int, *, max_length: int = 1024, convention: str | None = None
) -> VocabularyBridge:
    """The bridge from a generator's tokenizer to the identifier's.

    Args:
        generator: a transformers or `tokenizers` tokenizer, or token to id.
        identifier: the identifier's tokenizer.
        pad_id: the identifier's id for no token.
        max_length: identifier tokens read of a text.
        convention: how the generator's tokens show spaces, one of `CONVENTIONS`; found from the tokens when None.

    Raises:
        TypeError: `generator` is none of those.
        ValueError: `convention` is unknown.
    """
    vocabulary, special = _vocabulary(generator)
    known = [token for token, place in vocabulary.items() if place not in special]
    convention = convention or find_convention(known)
    if convention not in CONVENTIONS:
        raise ValueError(f"`convention` must be one of {CONVENTIONS}; got {convention!r}")
    texts = [""] * (max(vocabulary.values()) + 1)
    for token in known:
        texts[vocabulary[token]] = surface(token, convention)
    pieces = [[] if not text.strip() else ids for text, ids in zip(texts, _pieces(texts, identifier), strict=True)]
    own = identifier.get_vocab()
    for token in known:  # a token that both have stands for itself, though alone it might be cut
        if own.get(token) == vocabulary[token]:
            pieces[vocabulary[token]] = [own[token]]
    return VocabularyBridge(texts, pieces, identifier, pad_id, max_length)


def find_convention(tokens: Sequence[str]) -> str:
    """How a vocabulary shows spaces: the mark that most of its tokens bear, or "words" when none does."""
    marks = {"byte-level": "Ġ", "sentencepiece": "▁", "wordpiece": "##"}
    counts = {name: sum(token.startswith(mark) for token in tokens) for name, mark in marks.items()}
    name = max(counts, key=lambda name: counts[name])
    return name if counts[name] else "words"


def surface(token: str, convention: str) -> str:
    """What a token writes, normalised, after a space if it begins a word.

    Args:
        token: as the vocabulary spells it.
        convention: one of `CONVENTIONS`.
    """
    byte = _BYTE.fullmatch(token)
    if convention == "wordpiece":
        text = token[2:] if token.startswith("##") else f" {token}"
    elif convention == "words":
        text = f" {token}"
    elif convention == "byte-level":
        text = bytes(_BYTE_OF[c] for c in token if c in _BYTE_OF).decode("utf-8", errors="ignore")
    elif byte:
        text = chr(int(byte[1], 16)) if int(byte[1], 16) < 128 else ""
    else:
        text = token.replace("▁", " ")
    return " " * text[:1].isspace() + normalize(text)


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


def _pieces(texts: Sequence[str], identifier: Tokenizer) -> list[list[int]]:
    """Identifier tokens of each text, as inside a word where it has no leading space (unless every anchor merges)."""
    result = [encoding.ids for encoding in identifier.encode_batch(list(texts), add_special_tokens=False)]
    pending = [place for place, text in enumerate(texts) if text[:1].isalnum()]
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
