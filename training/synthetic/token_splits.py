"""Tokens cut in two at random, so that a word scores alike however it is cut."""

from __future__ import annotations

import random
from collections.abc import Sequence


class TokenSplitter:
    """Replace some tokens by two that spell the same.

    The toxicity loss sees a generator's cuts, and obfuscations cut anywhere. After MaxMatch-Dropout (Hiraoka 2022,
    https://aclanthology.org/2022.coling-1.430).

    Args:
        vocabulary: token to id of a WordPiece tokenizer.
        share: of the tokens that can be split, in [0, 1].
    """

    def __init__(self, vocabulary: dict[str, int], share: float = 0.04) -> None:
        self.share = share
        self._splits: list[list[tuple[int, int]]] = [[] for _ in range(max(vocabulary.values()) + 1)]
        for token, number in vocabulary.items():
            for cut in _cuts(token):
                first, rest = vocabulary.get(token[:cut]), vocabulary.get(f"##{token[cut:]}")
                if first is not None and rest is not None:
                    self._splits[number].append((first, rest))

    def __call__(self, ids: Sequence[int], rng: random.Random) -> list[int]:
        """Return the ids, some of them replaced by two."""
        result: list[int] = []
        for number in ids:
            splits = self._splits[number] if rng.random() < self.share else []
            result.extend(rng.choice(splits) if splits else [number])
        return result


def _cuts(token: str) -> range:
    """Say after which characters a token may be cut: words and continuations only, not special tokens."""
    if token.startswith("##"):
        return range(3, len(token))
    return range(1, len(token)) if token.isalpha() else range(0)
