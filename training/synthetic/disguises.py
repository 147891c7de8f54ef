"""Ways to write a sentence so that a filter overlooks it, and that are as common in
harmless text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from training.synthetic import spelling

__all__ = ["DISGUISES"]

# Takes a sentence that has letters, and writes it otherwise.
Disguise = Callable[[str, Random], str]

_LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
_LOOKALIKE = str.maketrans(
    {"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "i": "і", "y": "у", "x": "х"}
)
_GAPS = (" ", " ", ".", "-", "_", "*")
_MARKUP = (
    ("**", "**"),
    ("_", "_"),
    ("~", "~"),
    ("<b>", "</b>"),
    ('"', '"'),
    ("(", ")"),
)
_HASHTAG_WORDS, _JOINED_LETTERS = 7, 40


def _longest(words: Sequence[str]) -> int:
    """Find where the longest word stands, the first one of several."""
    lengths = [len(word) for word in words]
    return lengths.index(max(lengths))


def _letters_and_digits(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _leet(text: str, rng: Random) -> str:
    letters = rng.choice(["aeio", "aeiost", "ei", "io", "aeo"])
    chars = list(text)
    for index, char in enumerate(text):
        if char.lower() in letters:
            chars[index] = char.translate(_LEET)
    return "".join(chars)


def _spaced(text: str, rng: Random) -> str:
    words = text.split()
    gap = rng.choice(_GAPS)
    if gap == " ":
        return "   ".join(map(" ".join, words))
    place = _longest(words)
    words[place] = gap.join(words[place])
    return " ".join(words)


def _masked(text: str, rng: Random) -> str:
    words = text.split()
    lengths = [len(spelling.bare(word)) for word in words]
    places = [place for place, length in enumerate(lengths) if length > 3] or [0]
    count = rng.choice([1, 1, 2])
    for place in rng.sample(places, min(len(places), count)):
        words[place] = spelling.obfuscate_word(words[place], rng)
    return " ".join(words)


def _typing_error(text: str, rng: Random) -> str:
    words = text.split()
    # Of several longest words, any.
    ranks = [(len(word), rng.random()) for word in words]
    place = ranks.index(max(ranks))
    word = words[place]
    if len(word) < 4:
        return text
    index = rng.randrange(1, len(word) - 2)
    swapped = spelling.swap_letters(word, index)
    doubled = spelling.with_letter(word, index, 2 * word[index])
    dropped = spelling.drop_letter(word, index)
    words[place] = rng.choice([swapped, doubled, dropped])
    return " ".join(words)


def _stretched(text: str, rng: Random) -> str:
    words = text.split()
    place = _longest(words)
    word = words[place]
    vowels = [index for index, char in enumerate(word) if char in "aeiouy"]
    index = rng.choice(vowels or [len(word) - 1])
    times = rng.randint(3, 6)
    words[place] = spelling.with_letter(word, index, word[index] * times)
    return " ".join(words)


def _hashtag(text: str, rng: Random) -> str:
    words = list(filter(None, map(_letters_and_digits, text.split())))
    capitalized = map(spelling.capitalized, words[:_HASHTAG_WORDS])
    return "#" + "".join(capitalized)


def _joined(text: str, rng: Random) -> str:
    joined = _letters_and_digits(text.lower())
    return joined[:_JOINED_LETTERS]


def _marked_up(text: str, rng: Random) -> str:
    words = text.split()
    place = rng.randrange(len(words))
    before, after = rng.choice(_MARKUP)
    word = words[place].rstrip(".,!?")
    words[place] = before + word + after
    return " ".join(words)


def _lookalike(text: str, rng: Random) -> str:
    chars = list(text)
    for index, char in enumerate(text):
        if rng.random() < 0.6:
            chars[index] = char.translate(_LOOKALIKE)
    return "".join(chars)


def _upper(text: str, rng: Random) -> str:
    return text.upper()


def _alternating(text: str, rng: Random) -> str:
    chars = list(map(str.lower, text))
    chars[1::2] = map(str.upper, text[1::2])
    return "".join(chars)


def _handle(text: str, rng: Random) -> str:
    words = text.rstrip(".!?").split()
    place = _longest(words)
    before = rng.choice(["@", "", "x", "the"])
    after = rng.choice(["1", "99", "_", "x", "123"])
    words[place] = before + words[place] + after
    return " ".join(words)


# Rule and weight, by name.
DISGUISES: dict[str, tuple[Disguise, int]] = {
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
