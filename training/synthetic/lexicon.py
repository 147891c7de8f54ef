"""The words that made examples are made of: lists of our own, and what sound sentences hold."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from training.synthetic.spelling import bare

LISTS = dict(
    line.split(": ", 1) for line in (Path(__file__).parent / "texts" / "words.txt").read_text("utf-8").splitlines()[1:]
)
FUNCTION_WORDS = frozenset(LISTS["function"].split())
# Words that only add force: a sentence says the same without them, and stays whole.
EXPLETIVES = frozenset(LISTS["expletives"].split())


def table(name: str) -> dict[str, list[str]]:
    """Read a list of word:other|other entries."""
    entries = (entry.partition(":") for entry in LISTS[name].split())
    return {word: others.replace("_", " ").split("|") for word, _, others in entries}


def content_places(words: Sequence[str]) -> list[int]:
    """Find where the words stand that carry meaning."""
    return [i for i, word in enumerate(words) if len(bare(word)) > 2 and bare(word) not in FUNCTION_WORDS]


class Lexicon:
    """What sound sentences are made of.

    Attributes:
        words: content words of more than three letters, as often as they occur.
        known: all words that occur at least twice, in lower case.
        after: the words that follow a word, as often as they do.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        sentences = [text.lower().split() for text in texts]
        counts = Counter(word for sentence in sentences for word in sentence)
        self.words = sorted(w for w, n in counts.items() for _ in range(n) if w.isalpha() and len(w) > 3)
        self.known = frozenset(word for word, count in counts.items() if count > 1)
        self.after: dict[str, list[str]] = defaultdict(list)
        for sentence in sentences:
            for before, word in zip(sentence, sentence[1:], strict=False):
                if before in self.known:
                    self.after[before].append(word)
        self.after.default_factory = None

    def follow(self, word: str, rng: random.Random) -> str:
        """Draw a word that was seen after `word`, or any word."""
        return rng.choice(self.after.get(word.lower()) or self.words)
