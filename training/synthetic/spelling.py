"""Spelling noise that says nothing about toxicity, meaning or fluency, and the ways in which people mask rude words.

Each function takes its own `random.Random`; equal seeds give equal texts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Set

_CLITIC = re.compile(r"(?i)\b(\w+?)(n't|'(?:s|m|re|ve|ll|d))\b")
_PUNCTUATION = re.compile(r"([.,!?;:])(?=\s|$)")
_SPACED = re.compile(r"\s+([.,!?;:](?=\s|$)|n't\b|'(?:s|m|re|ve|ll|d|t)\b)", re.IGNORECASE)
_BARE = re.compile(r"[^\w'*@$#-]+")
# Written as people write them to get past a filter (the forms of Gröndahl et al. 2018 and of leet spelling).
_LOOKALIKES = {"a": "@4", "e": "3", "i": "1!", "o": "0", "s": "$5", "u": "v", "t": "7", "l": "1"}


def bare(word: str) -> str:
    """Return a word in lower case without the punctuation around it."""
    return _BARE.sub("", word).lower()


def tokenized(text: str) -> str:
    """Put spaces before punctuation and clitics, as in "i don 't know ." (one of two usual forms)."""
    text = _CLITIC.sub(lambda m: f"{m[1]}n 't" if m[2].lower() == "n't" else f"{m[1]} {m[2]}", text)
    return " ".join(_PUNCTUATION.sub(r" \1 ", text).split())


def joined(text: str) -> str:
    """Undo `tokenized`, nearly."""
    return re.sub(r"n '\s?t\b", "n't", _SPACED.sub(r"\1", re.sub(r"n 't\b", "n't", text)))


def respell(text: str, rng: random.Random) -> str:
    """Add noise that says nothing about toxicity, meaning or fluency: case, spaces, the final stop, apostrophes."""
    draw = rng.random()
    text = tokenized(text) if draw < 0.25 else joined(text) if draw < 0.6 else text
    draw = rng.random()
    if draw < 0.5:
        text = text.lower()
    elif draw < 0.7:
        text = text[:1].upper() + text[1:]
    elif draw > 0.99:
        text = text.upper()
    draw = rng.random()
    if draw < 0.3:
        text = text.rstrip(" .") or text
    elif draw < 0.4 and text[-1:].isalnum():
        text += rng.choice([".", " .", "!", " !"])
    return text.replace("'", "") if rng.random() < 0.06 else text


def obfuscate_word(word: str, rng: random.Random) -> str:
    """Write a rude word as people do to get past a filter: masked, leet, spaced, stretched or misspelled."""
    kind = rng.randrange(8)
    if len(word) < 3:
        return word
    inner = rng.randrange(1, len(word) - 1)
    if kind == 0:
        return word[:inner] + rng.choice("*#-._") + word[inner + 1 :]
    if kind == 1:
        return word[0] + rng.choice("**#") * (len(word) - 2) + word[-1]
    if kind == 2:
        return word[0] + "*" * (len(word) - 1)
    if kind == 3:
        return rng.choice([" ", ".", "-"]).join(word)
    if kind == 4:
        return word[:inner] + word[inner] * rng.randint(2, 5) + word[inner + 1 :]
    if kind == 5:
        return word[:inner] + word[inner + 1] + word[inner] + word[inner + 2 :]
    if kind == 6:
        return word[:inner] + word[inner + 1 :]
    return "".join(rng.choice(_LOOKALIKES[c]) if c in _LOOKALIKES and rng.random() < 0.6 else c for c in word)


def obfuscate(text: str, rude: Set[str], rng: random.Random) -> str:
    """Obfuscate the rude words of a text; without any, at times another word, so that a mask alone means nothing."""
    words = text.split()
    places = [i for i, word in enumerate(words) if bare(word) in rude]
    if not places and words and rng.random() < 0.15:
        places = [rng.randrange(len(words))]
    for i in places:
        words[i] = obfuscate_word(words[i], rng)
    return " ".join(words)
