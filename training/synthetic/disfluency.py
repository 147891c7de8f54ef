"""Sentences broken on purpose, for the fluency score: (text, fluency in [0, 1]), and
which of their words are wrong.

Each function takes its own `random.Random`; equal seeds give equal texts. The labels
are judgments of the authors, graded by how much is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher
from random import Random

from training.synthetic.lexicon import (
    FUNCTION_WORDS,
    LISTS,
    Lexicon,
    content_places,
    table,
)
from training.synthetic.spelling import bare
from training.synthetic.word_edits import Words, places_of
from training.synthetic.word_forms import wrong_forms

__all__ = ["disfluent", "flaws", "wander_from"]

# Changes a list of words in place, and returns what is left of the fluency.
Break = Callable[[Words, Random, Lexicon], float]

_PREPOSITIONS = LISTS["prepositions"].split()
_AGREEMENT = table("agreement")


def flaws(clean: str, broken: str) -> list[bool]:
    """Mark each word of `broken` that is wrong: not in `clean` there, or next to what
    is missing.
    """
    words = broken.lower().split()
    wrong = _wrong_places(clean.lower().split(), words)
    return [place in wrong for place in range(len(words))]


def _wrong_places(clean: Words, broken: Words) -> set[int]:
    """Find where words of `broken` stand that `clean` has not, or, where words are
    missing, the word after the gap.
    """
    wrong: set[int] = set()
    matcher = SequenceMatcher(None, clean, broken, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        if kind == "delete" and broken:
            # At the end there is no word after the gap: the last one counts.
            wrong.add(min(start, len(broken) - 1))
        elif kind != "equal":
            wrong.update(range(start, end))
    return wrong


def _drop(words: Words, rng: Random, lexicon: Lexicon) -> float:
    places = [place for place, word in enumerate(words) if bare(word)]
    if not places:
        return _swap(words, rng, lexicon)
    place = rng.choice(places)
    lost = words.pop(place)
    if bare(lost) in FUNCTION_WORDS:
        return 0.35
    return 0.5


def _swap(words: Words, rng: Random, lexicon: Lexicon) -> float:
    place = rng.randrange(len(words) - 1)
    word = words.pop(place)
    words.insert(place + 1, word)
    return 0.3


def _repeat(words: Words, rng: Random, lexicon: Lexicon) -> float:
    place = rng.randrange(len(words))
    size = rng.randint(1, 3)
    times = rng.choice([1, 1, 1, 2, 4])
    repeated = words[place : place + size]
    words[place:place] = repeated * times
    if times > 1:
        return 0.12
    return 0.35


def _agreement(words: Words, rng: Random, lexicon: Lexicon) -> float:
    places = places_of(words, _AGREEMENT)
    if not places:
        return _swap(words, rng, lexicon)
    place = rng.choice(places)
    word = bare(words[place])
    words[place] = rng.choice(_AGREEMENT[word])
    return 0.4


def _inflect(words: Words, rng: Random, lexicon: Lexicon) -> float:
    found: list[tuple[int, str]] = []
    for place in range(1, len(words)):
        before = bare(words[place - 1])
        word = words[place].lower()
        if len(word) > 2:
            forms = wrong_forms(before, word, lexicon.known)
            found += [(place, form) for form in forms]
    if not found:
        return _agreement(words, rng, lexicon)
    place, form = rng.choice(found)
    words[place] = form
    return 0.42


def _infill(words: Words, rng: Random, lexicon: Lexicon) -> float:
    # The first word has none before it to follow.
    places = [place for place in content_places(words) if place > 0]
    places = places or [len(words) - 1]
    most = rng.choice([1, 1, 2, 3])
    count = min(len(places), most)
    for place in rng.sample(places, count):
        before = words[place - 1]
        words[place] = lexicon.follow(before, rng)
    return 0.6 * 0.8 ** (count - 1)


def _wander(words: Words, rng: Random, lexicon: Lexicon) -> float:
    wander_from(words, rng, lexicon)
    return 0.25


def wander_from(words: Words, rng: Random, lexicon: Lexicon) -> int:
    """Keep the first words and go on from word to word, as a weak language model does;
    return how many were kept.
    """
    half = len(words) // 2
    kept = rng.randint(1, max(1, half))
    length = len(words) + rng.randint(-3, 3)
    length = max(kept + 2, length)
    del words[kept:]
    while len(words) < length:
        words.append(lexicon.follow(words[-1], rng))
    return kept


def _truncate(words: Words, rng: Random, lexicon: Lexicon) -> float:
    half = len(words) // 2
    keep = rng.randint(max(2, half), len(words) - 1)
    del words[keep:]
    # A sentence that ends in "the" is broken; one that ends in a noun may be whole.
    if bare(words[-1]) in FUNCTION_WORDS:
        return 0.2
    return 0.5


def _mangle(words: Words, rng: Random, lexicon: Lexicon) -> float:
    most = rng.choice([1, 1, 2])
    count = min(len(words), most)
    for place in rng.sample(range(len(words)), count):
        word = bare(words[place])
        other = rng.choice(lexicon.words)
        words[place] = _mangled(word, other, rng)
    return 0.25


def _mangled(word: str, other: str, rng: Random) -> str:
    """Cut a word and mix it with another, as decoders of word pieces do at times."""
    last = len(word) - 1
    cut = rng.randint(1, max(1, last))
    start, end = word[:cut], word[cut:]
    forms = [
        start + other[-3:],
        end or "'",
        "##" + end,
        start,
        "'" + other[:2],
        "<unk>",
    ]
    return rng.choice(forms)


def _preposition(words: Words, rng: Random, lexicon: Lexicon) -> float:
    places = places_of(words, _PREPOSITIONS)
    if not places:
        place = rng.randrange(len(words) + 1)
        words.insert(place, rng.choice(sorted(FUNCTION_WORDS)))
        return 0.35
    place = rng.choice(places)
    words[place] = rng.choice(_PREPOSITIONS)
    return 0.5


def _foreign(words: Words, rng: Random, lexicon: Lexicon) -> float:
    count = max(1, len(words) // 6)
    for place in rng.sample(range(len(words)), count):
        words[place] = rng.choice(lexicon.words)
    return 0.3


def _salad(words: Words, rng: Random, lexicon: Lexicon) -> float:
    rng.shuffle(words)
    return 0.04


# How often each is drawn.
_BREAKS: tuple[tuple[Break, int], ...] = (
    (_drop, 4),
    (_swap, 3),
    (_repeat, 2),
    (_agreement, 2),
    (_inflect, 5),
    (_truncate, 2),
    (_mangle, 2),
    (_preposition, 2),
    (_foreign, 2),
    (_infill, 3),
    (_wander, 2),
    (_salad, 1),
)
_FUNCTIONS, _WEIGHTS = zip(*_BREAKS, strict=True)
_SOUND, _LEAST = 0.93, 0.02


def disfluent(text: str, rng: Random, lexicon: Lexicon) -> tuple[str, float]:
    """Break a sentence one to four times; return it and its fluency. Too short a text
    comes back whole.

    Args:
        text: a clean sentence.
        rng: decides what breaks.
        lexicon: words to put in foreign places.
    """
    words = text.split()
    times = rng.choice([1, 1, 1, 2, 2, 3, 4])
    label = _SOUND
    for turn in range(times):
        if len(words) < 4:
            break
        break_words = rng.choices(_FUNCTIONS, _WEIGHTS)[0]
        left = break_words(words, rng, lexicon)
        # The first break decides; each further one halves what is left, and more.
        label = label * 0.5 * left if turn else left
    broken = " ".join(words)
    if broken == text:
        return text, _SOUND
    return broken, max(label, _LEAST)
