"""Rules that break a sentence in one place: words lost, cut off, doubled, moved or
joined, and stray marks.
"""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

from training.synthetic.lexicon import FUNCTION_WORDS, content_places
from training.synthetic.spelling import bare, drop_letter, swap_letters
from training.synthetic.word_edits import (
    Broken,
    Rule,
    Words,
    at_one_place,
    ending,
    insert,
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
    # A system that deletes rude words leaves the article before them.
    before = places_of(words, FUNCTION_WORDS)
    return [place for place in content_places(words) if place - 1 in before]


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
    tail = rng.choice(_LOOSE_ENDS).split()
    is_spaced = rng.random() < 0.4
    if is_spaced and stop:
        tail.append(stop)
    else:
        tail[-1] += stop
    if stem:
        others.append(stem)
    return [*others, *tail]


def _stray_word(words: Words, rng: Random) -> Broken:
    place = rng.randrange(1, len(words) + 1)
    word = rng.choice(sorted(FUNCTION_WORDS))
    return insert(words, place, word)


def _doubled(words: Words, rng: Random) -> Broken:
    place = rng.randrange(len(words))
    copies = 1 if rng.random() < 0.8 else 3
    word = words[place].rstrip(".,!?")
    return insert(words, place, *[word] * copies)


def _unlike_neighbors(words: Words) -> list[int]:
    if len(words) < 4:
        return []
    neighbors = pairwise(map(bare, words))
    return [place for place, (one, two) in enumerate(neighbors) if one != two]


def _swap_with_next(words: Words, place: int, rng: Random) -> Broken:
    rest = list(words)
    word = rest.pop(place)
    return insert(rest, place + 1, word)


def _moved(words: Words, rng: Random) -> Broken:
    if len(words) < 5:
        return None
    place = rng.randrange(len(words))
    rest = put(words, place)
    # Next to its place a word would be swapped, which is another kind.
    is_near = range(place - 1, place + 2)
    targets = [target for target in range(len(words)) if target not in is_near]
    return insert(rest, rng.choice(targets), words[place])


def _punctuation(words: Words, rng: Random) -> Broken:
    place = rng.randrange(len(words))
    marks = rng.choice(_STRAY_MARKS).split()
    return insert(words, place, *marks)


def _spacing(words: Words, rng: Random) -> Broken:
    place = rng.randrange(len(words))
    word = words[place]
    if len(word) > 4 and rng.random() < 0.5:
        cut = rng.randrange(1, len(word) - 1)
        return put(words, place, word[:cut], word[cut:])
    if place + 1 == len(words):
        return None
    rest = list(words)
    following = rest.pop(place + 1)
    return put(rest, place, word + following)


def _long_words(words: Words) -> list[int]:
    return [place for place, word in enumerate(words) if _LONG_WORD.fullmatch(word)]


def _misspell(words: Words, place: int, rng: Random) -> Broken:
    word = words[place]
    letter = rng.randrange(1, len(word) - 3)
    swapped = swap_letters(word, letter)
    dropped = drop_letter(word, letter)
    misspelled = rng.choice([swapped, dropped])
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
