"""Tokens cut in two at random, so that a word scores alike however it is cut."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

__all__ = ["TokenSplitter"]


class TokenSplitter:
    """Replace some tokens by two that spell the same.

    The toxicity loss sees a generator's cuts, and obfuscations cut anywhere. After
    MaxMatch-Dropout (Hiraoka 2022, https://aclanthology.org/2022.coling-1.430).

    Args:
        vocabulary: token to id of a WordPiece tokenizer.
        share: of the tokens that can be split, in [0, 1].
    """

    def __init__(self, vocabulary: dict[str, int], share: float = 0.04) -> None:
        self.share = share
        self._splits: dict[int, list[tuple[int, int]]] = {}
        for token, number in vocabulary.items():
            self._splits[number] = _splits(token, vocabulary)

    def __call__(self, ids: Sequence[int], rng: Random) -> list[int]:
        """Return the ids, some of them replaced by two."""
        result: list[int] = []
        for number in ids:
            # Drawn for every token, so that a vocabulary does not shift the draws.
            is_drawn = rng.random() < self.share
            splits = self._splits.get(number)
            if is_drawn and splits:
                result += rng.choice(splits)
            else:
                result.append(number)
        return result


def _splits(token: str, vocabulary: dict[str, int]) -> list[tuple[int, int]]:
    """Return the pairs of ids that spell a token."""
    found = []
    for cut in _cuts(token):
        first = vocabulary.get(token[:cut])
        rest = vocabulary.get(f"##{token[cut:]}")
        if first is not None and rest is not None:
            found.append((first, rest))
    return found


def _cuts(token: str) -> range:
    """Say after which characters a token may be cut: words and continuations only, not
    special tokens.
    """
    # Behind the two marks and one character at least.
    if token.startswith("##"):
        return range(3, len(token))
    if token.isalpha():
        return range(1, len(token))
    return range(0)
