"""Rules that break a sentence in one place: words lost, cut off, doubled, moved or
joined, and stray marks.
"""

from __future__ import annotations

import re
from random import Random

from training.synthetic.lexicon import FUNCTION_WORDS, content_places
from training.synthetic.spelling import bare, drop_letter, swap_letters
from training.synthetic.word_edits import (
    Broken,
    Rule,
    Words,
    at_one_place,
    ending,
    places_of,
    put,
)

__all__ = ["ORDER_BREAKS"]

# What systems that delete rude words leave at the end of a sentence.
_LOOSE_ENDS = (
    "a",
    "the",
    "of",
    "and",
    "you",
    "to",
    "with",
    "is",
    "an",
    "your",
    "that",
    "very",
    ", you",
    ", a",
)
_STRAY_MARKS = (
    ",",
    ".",
    ";",
    "--",
    "***",
    "(",
    "' '",
    ", ,",
    "?",
    '"',
    "##",
    "<unk>",
    "&",
)
_LONG_WORD = re.compile(r"[A-Za-z]{5,}[.,!?]?")


def _after_function_words(words: Words) -> list[int]:
    places = [place for place in content_places(words) if place > 0]
    return [place for place in places if bare(words[place - 1]) in FUNCTION_WORDS]


def _leave_hole(words: Words, place: int, rng: Random) -> Broken:
    """Take out a word that the one before it calls for, as systems that delete rude
    words do.
    """
    marks = ending(words[place])
    return put(words, place, marks) if marks else put(words, place)


def _inner_function_words(words: Words) -> list[int]:
    places = places_of(words[:-1], FUNCTION_WORDS)
    return [place for place in places if place > 1]


def _cut_after(words: Words, place: int, rng: Random) -> Broken:
    return words[: place + 1]


def _dangling(words: Words, rng: Random) -> Broken:
    *others, last = words
    stem = last.rstrip(".!?")
    stop = ending(last, ".!?") or rng.choice(["", "."])
    tail = rng.choice(_LOOSE_ENDS)
    is_spaced = rng.random() < 0.4
    tail = f"{tail} {stop}" if is_spaced else f"{tail}{stop}"
    if stem:
        others.append(stem)
    return [*others, *tail.split()]


def _stray_word(words: Words, rng: Random) -> Broken:
    place = rng.randrange(1, len(words) + 1)
    word = rng.choice(sorted(FUNCTION_WORDS))
    return [*words[:place], word, *words[place:]]


def _doubled(words: Words, rng: Random) -> Broken:
    place = rng.randrange(len(words))
    copies = 1 if rng.random() < 0.8 else 3
    word = words[place].rstrip(".,!?")
    return [*words[:place], *[word] * copies, *words[place:]]


def _unlike_neighbors(words: Words) -> list[int]:
    if len(words) < 4:
        return []
    plain = [bare(word) for word in words]
    return [
        place for place in range(len(words) - 1) if plain[place] != plain[place + 1]
    ]


def _swap_with_next(words: Words, place: int, rng: Random) -> Broken:
    changed = list(words)
    changed[place], changed[place + 1] = words[place + 1], words[place]
    return changed


def _moved(words: Words, rng: Random) -> Broken:
    if len(words) < 5:
        return None
    place = rng.randrange(len(words))
    rest = put(words, place)
    targets = [target for target in range(len(rest) + 1) if abs(target - place) > 1]
    rest.insert(rng.choice(targets), words[place])
    return rest


def _punctuation(words: Words, rng: Random) -> Broken:
    place = rng.randrange(len(words))
    marks = rng.choice(_STRAY_MARKS).split()
    return [*words[:place], *marks, *words[place:]]


def _spacing(words: Words, rng: Random) -> Broken:
    place = rng.randrange(len(words))
    word = words[place]
    if len(word) > 4 and rng.random() < 0.5:
        cut = rng.randrange(1, len(word) - 1)
        return put(words, place, word[:cut], word[cut:])
    if place + 1 == len(words):
        return None
    joined = word + words[place + 1]
    return [*words[:place], joined, *words[place + 2 :]]


def _long_words(words: Words) -> list[int]:
    return [place for place, word in enumerate(words) if _LONG_WORD.fullmatch(word)]


def _misspell(words: Words, place: int, rng: Random) -> Broken:
    word = words[place]
    letter = rng.randrange(1, len(word) - 3)
    misspelled = rng.choice([swap_letters(word, letter), drop_letter(word, letter)])
    return put(words, place, misspelled)


def _salad(words: Words, rng: Random) -> Broken:
    if len(words) < 5:
        return None
    shuffled = list(words)
    rng.shuffle(shuffled)
    return shuffled


# Rule and weight, by kind.
ORDER_BREAKS: dict[str, tuple[Rule, int]] = {
    "hole": (at_one_place(_after_function_words, _leave_hole), 6),
    "cut_off": (at_one_place(_inner_function_words, _cut_after), 5),
    "dangling": (_dangling, 4),
    "stray_word": (_stray_word, 2),
    "doubled": (_doubled, 3),
    "swapped": (at_one_place(_unlike_neighbors, _swap_with_next), 4),
    "moved": (_moved, 2),
    "punctuation": (_punctuation, 2),
    "spacing": (_spacing, 1),
    "spelling": (at_one_place(_long_words, _misspell), 1),
    "salad": (_salad, 1),
}
