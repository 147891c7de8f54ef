"""Ways to write a sentence so that a filter overlooks it, and that are as common in harmless text."""

from __future__ import annotations

import random
from collections.abc import Callable

from training.synthetic import spelling

_LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
_LOOKALIKE = str.maketrans({"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "i": "і", "y": "у", "x": "х"})


def _leet(text: str, rng: random.Random) -> str:
    letters = rng.choice(["aeio", "aeiost", "ei", "io", "aeo"])
    changed = (char.translate(_LEET) if char.lower() in letters else char for char in text)
    return "".join(changed)


def _spaced(text: str, rng: random.Random) -> str:
    words = text.split()
    gap = rng.choice([" ", " ", ".", "-", "_", "*"])
    if gap == " ":
        return "   ".join(" ".join(word) for word in words)
    place = max(range(len(words)), key=lambda index: len(words[index]))
    words[place] = gap.join(words[place])
    return " ".join(words)


def _masked(text: str, rng: random.Random) -> str:
    words = text.split()
    places = [index for index, word in enumerate(words) if len(spelling.bare(word)) > 3] or [0]
    for place in rng.sample(places, min(len(places), rng.choice([1, 1, 2]))):
        words[place] = spelling.obfuscate_word(words[place], rng)
    return " ".join(words)


def _typing_error(text: str, rng: random.Random) -> str:
    words = text.split()
    place = max(range(len(words)), key=lambda index: (len(words[index]), rng.random()))
    word = words[place]
    if len(word) < 4:
        return text
    at = rng.randrange(1, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    doubled = word[:at] + word[at] + word[at:]
    dropped = word[:at] + word[at + 1 :]
    words[place] = rng.choice([swapped, doubled, dropped])
    return " ".join(words)


def _stretched(text: str, rng: random.Random) -> str:
    words = text.split()
    place = max(range(len(words)), key=lambda index: len(words[index]))
    word = words[place]
    vowels = [index for index, char in enumerate(word) if char in "aeiouy"] or [len(word) - 1]
    at = rng.choice(vowels)
    words[place] = word[:at] + word[at] * rng.randint(3, 6) + word[at + 1 :]
    return " ".join(words)


def _hashtag(text: str, rng: random.Random) -> str:
    words = [word for word in ("".join(filter(str.isalnum, part)) for part in text.split()) if word]
    return "#" + "".join(word[:1].upper() + word[1:] for word in words[:7])


def _joined(text: str, rng: random.Random) -> str:
    return "".join(filter(str.isalnum, text.lower()))[:40]


def _marked_up(text: str, rng: random.Random) -> str:
    words = text.split()
    place = rng.randrange(len(words))
    before, after = rng.choice([("**", "**"), ("_", "_"), ("~", "~"), ("<b>", "</b>"), ('"', '"'), ("(", ")")])
    words[place] = before + words[place].rstrip(".,!?") + after
    return " ".join(words)


def _lookalike(text: str, rng: random.Random) -> str:
    return "".join(char.translate(_LOOKALIKE) if rng.random() < 0.6 else char for char in text)


def _upper(text: str, rng: random.Random) -> str:
    return text.upper()


def _alternating(text: str, rng: random.Random) -> str:
    return "".join(char.upper() if index % 2 else char.lower() for index, char in enumerate(text))


def _handle(text: str, rng: random.Random) -> str:
    words = text.rstrip(".!?").split()
    place = max(range(len(words)), key=lambda index: len(words[index]))
    words[place] = rng.choice(["@", "", "x", "the"]) + words[place] + rng.choice(["1", "99", "_", "x", "123"])
    return " ".join(words)


# Rule and weight, by name.
DISGUISES: dict[str, tuple[Callable[[str, random.Random], str], int]] = {
    "leet": (_leet, 3),
    "spaced": (_spaced, 2),
    "masked": (_masked, 3),
    "typing_error": (_typing_error, 3),
    "stretched": (_stretched, 2),
    "hashtag": (_hashtag, 2),
    "joined": (_joined, 1),
    "marked_up": (_marked_up, 1),
    "lookalike": (_lookalike, 1),
    "upper": (_upper, 2),
    "alternating": (_alternating, 1),
    "handle": (_handle, 1),
}
