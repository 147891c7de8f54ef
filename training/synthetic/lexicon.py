"""The words that made examples are made of: lists of our own, and what clean sentences
hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random

from training.synthetic.spelling import bare
from training.synthetic.templates import FOLDER


def _read_lists() -> dict[str, str]:
    text = (FOLDER / "words.txt").read_text(encoding="utf-8")
    _, *lines = text.splitlines()
    lists = {}
    for line in lines:
        name, _, words = line.partition(": ")
        lists[name] = words
    return lists


LISTS = _read_lists()
FUNCTION_WORDS = frozenset(LISTS["function"].split())
# Words that only add force: a sentence says the same without them, and stays whole.
EXPLETIVES = frozenset(LISTS["expletives"].split())


def table(name: str) -> dict[str, list[str]]:
    """Read a list of word:other|other entries."""
    found = {}
    for entry in LISTS[name].split():
        word, _, others = entry.partition(":")
        phrases = others.replace("_", " ")
        found[word] = phrases.split("|")
    return found


def content_places(words: Sequence[str]) -> list[int]:
    """Find where the words stand that carry meaning."""
    places = []
    for place, word in enumerate(words):
        plain = bare(word)
        if len(plain) > 2 and plain not in FUNCTION_WORDS:
            places.append(place)
    return places


class Lexicon:
    """What clean sentences are made of.

    Attributes:
        words: content words of more than three letters, as often as they occur.
        known: all words that occur at least twice, in lower case.
        after: the words that follow a word, as often as they do.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        sentences = [text.lower().split() for text in texts]
        counts: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(sentence)
        # What occurs once is often misspelled.
        self.known = frozenset(word for word in counts if counts[word] > 1)
        self.words = _content_words(counts)
        self.after: dict[str, list[str]] = {}
        for sentence in sentences:
            for before, word in pairwise(sentence):
                if before in self.known:
                    self.after.setdefault(before, []).append(word)

    def follow(self, word: str, rng: Random) -> str:
        """Draw a word that was seen after `word`, or any word."""
        seen = self.after.get(word.lower())
        return rng.choice(seen or self.words)


def is_content_word(word: str) -> bool:
    """Return whether a word of a lexicon counts as one that carries meaning."""
    return word.isalpha() and len(word) > 3


def _content_words(counts: Counter[str]) -> list[str]:
    words: list[str] = []
    for word in sorted(counts):
        if is_content_word(word):
            words += [word] * counts[word]
    return words
