"""Forms of a word that are wrong after another word."""

from __future__ import annotations

from collections.abc import Callable, Set

from training.synthetic.lexicon import LISTS


def _words(name: str) -> frozenset[str]:
    return frozenset(LISTS[name].split())


def _without_s(word: str) -> list[str]:
    if not word.endswith("s"):
        return []
    shorter = word[:-1]
    return [word[:-2], shorter] if word.endswith("es") else [shorter]


def _inflected(word: str) -> list[str]:
    return [word + ending for ending in ("s", "es", "ed", "d", "ing")] + [word[:-1] + "ing"]


def _in_the_plural(word: str) -> list[str]:
    return [] if word.endswith("s") else [word + "s", word + "es"]


def _in_the_singular(word: str) -> list[str]:
    return [word[:-1]] if word.endswith("s") else []


def _without_ing(word: str) -> list[str]:
    return [word[:-3], word[:-3] + "e"] if word.endswith("ing") else []


def _without_ed(word: str) -> list[str]:
    return [word[:-2], word[:-1], word[:-2] + "ing"] if word.endswith("ed") else []


# Words that ask for one form of the next word, and what makes wrong forms of it: "he goes" to "he go", "must see" to
# "must sees". The first list that holds a word counts.
_RULES: tuple[tuple[frozenset[str], Callable[[str], list[str]]], ...] = (
    (_words("take_s"), _without_s),
    (_words("take_base"), _inflected),
    (_words("take_one"), _in_the_plural),
    (_words("take_many"), _in_the_singular),
    (_words("take_ing"), _without_ing),
    (_words("take_ed"), _without_ed),
)


def wrong_forms(before: str, word: str, known: Set[str]) -> list[str]:
    """Return the forms of a word that are wrong after another, and that occur elsewhere.

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
