"""Spelling noise that says nothing about toxicity, meaning or fluency, and the ways in
which people mask rude words.

Each function takes its own `random.Random`; equal seeds give equal texts.
"""

from __future__ import annotations

import re
from collections.abc import Set
from random import Random

_CLITIC = re.compile(r"(?i)\b(\w+?)(n't|'(?:s|m|re|ve|ll|d))\b")
_PUNCTUATION = re.compile(r"([.,!?;:])(?=\s|$)")
_SPACED = re.compile(
    r"\s+([.,!?;:](?=\s|$)|n't\b|'(?:s|m|re|ve|ll|d|t)\b)", re.IGNORECASE
)
_BARE = re.compile(r"[^\w'*@$#-]+")
# Written as people write them to get past a filter (the forms of Gröndahl et al. 2018
# and of leet spelling).
_STOPS = (".", " .", "!", " !")
_LOOKALIKES = {
    "a": "@4",
    "e": "3",
    "i": "1!",
    "o": "0",
    "s": "$5",
    "u": "v",
    "t": "7",
    "l": "1",
}


def bare(word: str) -> str:
    """Return a word in lower case without the punctuation around it."""
    return _BARE.sub("", word).lower()


def tokenized(text: str) -> str:
    """Put spaces before punctuation and clitics, as in "i don 't know ." (one of two
    usual forms).
    """
    text = _CLITIC.sub(_split_clitic, text)
    text = _PUNCTUATION.sub(r" \1 ", text)
    return " ".join(text.split())


def _split_clitic(match: re.Match[str]) -> str:
    word, clitic = match.groups()
    if clitic.lower() == "n't":
        return f"{word}n 't"
    return f"{word} {clitic}"


def joined(text: str) -> str:
    """Undo `tokenized`, nearly."""
    text = re.sub(r"n 't\b", "n't", text)
    text = _SPACED.sub(r"\1", text)
    return re.sub(r"n '\s?t\b", "n't", text)


def respell(text: str, rng: Random) -> str:
    """Add noise that says nothing about toxicity, meaning or fluency: case, spaces, the
    final stop, apostrophes.
    """
    text = _respaced(text, rng.random())
    text = _recased(text, rng.random())
    draw = rng.random()
    if draw < 0.3:
        text = text.rstrip(" .") or text
    elif draw < 0.4 and text[-1:].isalnum():
        text += rng.choice(_STOPS)
    if rng.random() < 0.06:
        text = text.replace("'", "")
    return text


def _respaced(text: str, draw: float) -> str:
    if draw < 0.25:
        return tokenized(text)
    if draw < 0.6:
        return joined(text)
    return text


def _recased(text: str, draw: float) -> str:
    if draw < 0.5:
        return text.lower()
    if draw < 0.7:
        return capitalized(text)
    if draw > 0.99:
        return text.upper()
    return text


def obfuscate_word(word: str, rng: Random) -> str:
    """Write a rude word as people do to get past a filter: masked, leet, spaced,
    stretched or misspelled.
    """
    kind = rng.randrange(len(_DISGUISES))
    if len(word) < 3:
        return word
    inner = rng.randrange(1, len(word) - 1)
    return _DISGUISES[kind](word, inner, rng)


def capitalized(text: str) -> str:
    """Put the first letter in upper case, and leave the others as they are."""
    return text[:1].upper() + text[1:]


def with_stop(text: str) -> str:
    """End a sentence with a stop, unless it ends with a mark of its own."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?")) else text + "."


def with_letter(word: str, index: int, new: str) -> str:
    """Put something in place of a letter."""
    return word[:index] + new + word[index + 1 :]


def swap_letters(word: str, index: int) -> str:
    """Exchange a letter and the next one."""
    letters = list(word)
    letters[index : index + 2] = word[index + 1], word[index]
    return "".join(letters)


def drop_letter(word: str, index: int) -> str:
    """Leave a letter out."""
    return with_letter(word, index, "")


def _mask_letter(word: str, inner: int, rng: Random) -> str:
    mask = rng.choice("*#-._")
    return with_letter(word, inner, mask)


def _mask_inside(word: str, inner: int, rng: Random) -> str:
    mask = rng.choice("**#")
    masks = mask * (len(word) - 2)
    return word[0] + masks + word[-1]


def _mask_all(word: str, inner: int, rng: Random) -> str:
    return word[0] + "*" * (len(word) - 1)


def _space_out(word: str, inner: int, rng: Random) -> str:
    gap = rng.choice([" ", ".", "-"])
    return gap.join(word)


def _stretch(word: str, inner: int, rng: Random) -> str:
    times = rng.randint(2, 5)
    return with_letter(word, inner, word[inner] * times)


def _swap(word: str, inner: int, rng: Random) -> str:
    return swap_letters(word, inner)


def _drop(word: str, inner: int, rng: Random) -> str:
    return drop_letter(word, inner)


def _leet(word: str, inner: int, rng: Random) -> str:
    letters = list(word)
    for index, char in enumerate(word):
        if char in _LOOKALIKES and rng.random() < 0.6:
            letters[index] = rng.choice(_LOOKALIKES[char])
    return "".join(letters)


# Each takes a word, the place of a letter inside it, and a generator.
_DISGUISES = (
    _mask_letter,
    _mask_inside,
    _mask_all,
    _space_out,
    _stretch,
    _swap,
    _drop,
    _leet,
)


def obfuscate(text: str, rude: Set[str], rng: Random) -> str:
    """Obfuscate the rude words of a text; without any, at times another word, so that a
    mask alone means nothing.
    """
    words = text.split()
    places = [place for place, word in enumerate(words) if bare(word) in rude]
    if not places and words and rng.random() < 0.15:
        place = rng.randrange(len(words))
        places.append(place)
    for place in places:
        words[place] = obfuscate_word(words[place], rng)
    return " ".join(words)
