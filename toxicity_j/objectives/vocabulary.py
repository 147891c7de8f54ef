"""What each token of a generator writes, and how the identifier would cut it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Encoding, Tokenizer, decoders

from ..checks import check_choice, check_whole
from ..text import normalize

# How tokens show spaces, and the decoder that undoes it. Beside these, "words" are
# whole words without any mark.
_DECODERS = {
    "byte-level": decoders.ByteLevel(),
    "sentencepiece": decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
        ]
    ),
    "wordpiece": decoders.WordPiece(cleanup=False),
}
CONVENTIONS = (*_DECODERS, "words")
_MARKS = {"byte-level": "Ġ", "sentencepiece": "▁", "wordpiece": "##"}
# Openings of a word that tokenizers rarely merge with what follows, to see how the rest
# of a word is cut.
_ANCHORS = ("zq", "qz", "xj", "7q", "jx")
# What decoders write for bytes that are no whole character.
_CUT_CHARACTER = "\ufffd"


@dataclass(frozen=True)
class Vocabulary:
    """A generator's tokens by id.

    Attributes:
        texts: what each token writes, with its leading space if it has one; "" for
            special tokens.
        pieces: the identifier's tokens for each of them; none for a token that is not
            seen.
    """

    texts: Sequence[str]
    pieces: Sequence[Sequence[int]]

    @classmethod
    def of(
        cls, generator: Any, identifier: Tokenizer, convention: str | None = None
    ) -> Vocabulary:
        """Read a generator's tokenizer.

        Args:
            generator: a transformers or `tokenizers` tokenizer, or token to id.
            identifier: the identifier's tokenizer.
            convention: how the generator's tokens show spaces, one of `CONVENTIONS`;
                found from the tokens when None.

        Raises:
            TypeError: `generator` is none of those, or `convention` is not a string.
            ValueError: `convention` is unknown.
        """
        ids, special = _ids(generator)
        known = {token: index for token, index in ids.items() if index not in special}
        convention = convention or find_convention(list(known))
        check_choice("`convention`", convention, CONVENTIONS)
        size = max(ids.values(), default=-1) + 1
        texts = [""] * size
        for token, index in known.items():
            texts[index] = surface(token, convention)
        pieces = _pieces(texts, identifier)
        own = identifier.get_vocab()
        for token, index in known.items():
            # A token that both have stands for itself, though alone it might be cut.
            if own.get(token) == index and texts[index].strip():
                pieces[index] = [index]
        return cls(texts, pieces)


def find_convention(tokens: Sequence[str]) -> str:
    """Return how a vocabulary shows spaces: the mark most tokens bear, or "words"."""
    counts = {
        name: sum(token.startswith(mark) for token in tokens)
        for name, mark in _MARKS.items()
    }
    name = max(counts, key=counts.__getitem__)
    if counts[name] == 0:
        return "words"
    return name


def surface(token: str, convention: str) -> str:
    """Return what a token writes, normalized, after a space if it begins a word.

    Args:
        token: as the vocabulary spells it.
        convention: one of `CONVENTIONS`.
    """
    # No decoder knows such a vocabulary.
    if convention == "words":
        text = f" {token}"
    else:
        # Decoders drop the space before the first token, so another one is put there.
        decoded = _DECODERS[convention].decode(["x", token])
        text = decoded[1:].replace(_CUT_CHARACTER, "")
    if text[:1].isspace():
        return " " + normalize(text)
    return normalize(text)


def _ids(generator: Any) -> tuple[Mapping[str, int], set[int]]:
    """Return token to id, and the ids of special tokens."""
    if isinstance(generator, Mapping):
        _check_mapping(generator)
        return generator, set()
    # Before `get_vocab` is asked for, which it has as well, without saying which tokens
    # are special.
    if isinstance(generator, Tokenizer):
        added = generator.get_added_tokens_decoder()
        return generator.get_vocab(), _flagged(added)
    if hasattr(generator, "get_vocab"):
        # Tokens of chats (Llama 3's <|eot_id|>) have a flag only; the unknown token of
        # a tokenizer written in Python may have a role only.
        added = generator.added_tokens_decoder
        special = set(generator.all_special_ids) | _flagged(added)
        return generator.get_vocab(), special
    raise TypeError(
        "`tokenizer` must be a tokenizer or a mapping from token to id; got"
        f" {type(generator).__name__}"
    )


def _flagged(added: Mapping[int, AddedToken]) -> set[int]:
    """Return the ids of added tokens that are flagged as special."""
    return {index for index, token in added.items() if token.special}


def _check_mapping(generator: Mapping[Any, Any]) -> None:
    """Check that each token, a string, has an id of its own, from 0 on."""
    if not generator:
        raise ValueError("`tokenizer` must hold at least one token; got none")
    for token, index in generator.items():
        if not isinstance(token, str):
            raise TypeError(f"`tokenizer` must map strings to ids; got {token!r:.100}")
        check_whole(f"`tokenizer[{token!r}]`", index, 0)
    if len(set(generator.values())) < len(generator):
        raise ValueError("`tokenizer` must give each token an id of its own")


def _pieces(texts: Sequence[str], identifier: Tokenizer) -> list[list[int]]:
    """Return identifier tokens of each text; without a leading space, as within a word.

    A text that merges with every anchor is cut as if alone.
    """
    encodings = identifier.encode_batch(list(texts), add_special_tokens=False)
    result: list[list[int]] = [[] for _ in texts]
    for index, encoding in enumerate(encodings):
        if texts[index].strip():
            result[index] = encoding.ids
    pending = [index for index, text in enumerate(texts) if text[:1].isalnum()]
    for anchor in _ANCHORS:
        words = [f" {anchor}{texts[index]}" for index in pending]
        encodings = identifier.encode_batch(words, add_special_tokens=False)
        border, merged = len(anchor) + 1, []
        for index, encoding in zip(pending, encodings, strict=True):
            if any(start < border < end for start, end in encoding.offsets):
                merged.append(index)
            else:
                result[index] = _from(border, encoding)
        pending = merged
    return result


def _from(border: int, encoding: Encoding) -> list[int]:
    """Return the tokens of an encoded text that begin at a character or behind it."""
    pairs = zip(encoding.ids, encoding.offsets, strict=True)
    return [token for token, (start, _) in pairs if start >= border]
