"""Forms of a word that are wrong after another word."""

from __future__ import annotations

from collections.abc import Callable, Set

from training.synthetic.lexicon import LISTS

__all__ = ["wrong_forms"]


_ENDINGS = ("s", "es", "ed", "d", "ing")


def _words(name: str) -> frozenset[str]:
    words = LISTS[name].split()
    return frozenset(words)


def _without_s(word: str) -> list[str]:
    if not word.endswith("s"):
        return []
    if word.endswith("es"):
        return [word[:-2], word[:-1]]
    return [word[:-1]]


def _inflected(word: str) -> list[str]:
    forms = [word + ending for ending in _ENDINGS]
    return [*forms, word[:-1] + "ing"]


def _in_the_plural(word: str) -> list[str]:
    if word.endswith("s"):
        return []
    return [word + "s", word + "es"]


def _in_the_singular(word: str) -> list[str]:
    if not word.endswith("s"):
        return []
    return [word[:-1]]


def _without_ing(word: str) -> list[str]:
    if not word.endswith("ing"):
        return []
    stem = word[:-3]
    return [stem, stem + "e"]


def _without_ed(word: str) -> list[str]:
    if not word.endswith("ed"):
        return []
    stem = word[:-2]
    return [stem, word[:-1], stem + "ing"]


# Words that ask for one form of the next word, and what makes wrong forms of it: "he
# goes" to "he go", "must see" to "must sees". The first list that holds a word counts.
_RULES: tuple[tuple[frozenset[str], Callable[[str], list[str]]], ...] = (
    (_words("take_s"), _without_s),
    (_words("take_base"), _inflected),
    (_words("take_one"), _in_the_plural),
    (_words("take_many"), _in_the_singular),
    (_words("take_ing"), _without_ing),
    (_words("take_ed"), _without_ed),
)


def wrong_forms(before: str, word: str, known: Set[str]) -> list[str]:
    """Return the forms of a word that are wrong after another, and that occur
    elsewhere.

    Args:
        before: the word before it.
        word: in lower case.
        known: forms that occur.
    """
    for asking, make in _RULES:
        if before in asking:
            forms = dict.fromkeys(make(word))
            return [form for form in forms if len(form) > 1 and form in known]
    return []
