"""Sentences broken on purpose, for the fluency score: (text, fluency in [0, 1]), and which of their words are wrong.

Each function takes its own `random.Random`; equal seeds give equal texts. The labels are judgements of the authors,
graded by how much is broken.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from difflib import SequenceMatcher

from training.synthetic.lexicon import FUNCTION_WORDS, LISTS, Lexicon, content_places, table
from training.synthetic.spelling import bare
from training.synthetic.word_forms import wrong_forms

_PREPOSITIONS = LISTS["prepositions"].split()
_AGREEMENT = table("agreement")


def flaws(clean: str, broken: str) -> list[bool]:
    """Mark each word of `broken` that is wrong: not in `clean` there, or next to what is missing."""
    one, two = clean.lower().split(), broken.lower().split()
    marks = [False] * len(two)
    for kind, _, _, start, end in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if kind == "delete" and two:
            marks[min(start, len(two) - 1)] = True
        elif kind != "equal":
            marks[start:end] = [True] * (end - start)
    return marks


def _drop(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i, word in enumerate(words) if bare(word)]
    if not places:
        return _swap(words, rng, lexicon)
    return 0.35 if bare(words.pop(rng.choice(places))) in FUNCTION_WORDS else 0.5


def _swap(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    i = rng.randrange(len(words) - 1)
    words[i], words[i + 1] = words[i + 1], words[i]
    return 0.3


def _repeat(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    i = rng.randrange(len(words))
    size = rng.randint(1, 3)
    times = rng.choice([1, 1, 1, 2, 4])
    words[i:i] = words[i : i + size] * times
    return 0.35 if times == 1 else 0.12


def _agreement(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i, word in enumerate(words) if bare(word) in _AGREEMENT]
    if not places:
        return _swap(words, rng, lexicon)
    i = rng.choice(places)
    words[i] = rng.choice(_AGREEMENT[bare(words[i])])
    return 0.4


def _inflect(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    found: list[tuple[int, str]] = []
    for place in range(1, len(words)):
        if len(words[place]) > 2:
            forms = wrong_forms(bare(words[place - 1]), words[place].lower(), lexicon.known)
            found += [(place, form) for form in forms]
    if not found:
        return _agreement(words, rng, lexicon)
    place, form = rng.choice(found)
    words[place] = form
    return 0.42


def _infill(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i in content_places(words) if i] or [len(words) - 1]
    chosen = rng.sample(places, min(len(places), rng.choice([1, 1, 2, 3])))
    for i in chosen:
        words[i] = lexicon.follow(words[i - 1], rng)
    return 0.6 * 0.8 ** (len(chosen) - 1)


def _wander(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    wander_from(words, rng, lexicon)
    return 0.25


def wander_from(words: list[str], rng: random.Random, lexicon: Lexicon) -> int:
    """Keep the first words and go on from word to word, as a weak language model does; return how many were kept."""
    kept = rng.randint(1, max(1, len(words) // 2))
    length = max(kept + 2, len(words) + rng.randint(-3, 3))
    del words[kept:]
    while len(words) < length:
        words.append(lexicon.follow(words[-1], rng))
    return kept


def _truncate(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    keep = rng.randint(max(2, len(words) // 2), len(words) - 1)
    del words[keep:]
    return 0.2 if bare(words[-1]) in FUNCTION_WORDS else 0.5


def _mangle(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    for i in rng.sample(range(len(words)), min(len(words), rng.choice([1, 1, 2]))):
        words[i] = _mangled(bare(words[i]), rng.choice(lexicon.words), rng)
    return 0.25


def _mangled(word: str, other: str, rng: random.Random) -> str:
    """Cut a word and mix it with another, as decoders of word pieces do at times."""
    cut = rng.randint(1, max(1, len(word) - 1))
    start, end = word[:cut], word[cut:]
    return rng.choice([start + other[-3:], end or "'", "##" + end, start, "'" + other[:2], "<unk>"])


def _preposition(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i, word in enumerate(words) if bare(word) in _PREPOSITIONS]
    if not places:
        words.insert(rng.randrange(len(words) + 1), rng.choice(sorted(FUNCTION_WORDS)))
        return 0.35
    i = rng.choice(places)
    words[i] = rng.choice(_PREPOSITIONS)
    return 0.5


def _foreign(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    for i in rng.sample(range(len(words)), max(1, len(words) // 6)):
        words[i] = rng.choice(lexicon.words)
    return 0.3


def _salad(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    rng.shuffle(words)
    return 0.04


# Each changes a list of words in place, and returns what is left of the fluency; with how often it is drawn.
_BREAKS: tuple[tuple[Callable[[list[str], random.Random, Lexicon], float], int], ...] = (
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
_SOUND, _LEAST = 0.93, 0.02


def disfluent(text: str, rng: random.Random, lexicon: Lexicon) -> tuple[str, float]:
    """Break a sentence one to four times; return it and its fluency. Too short a text comes back whole.

    Args:
        text: a clean sentence.
        rng: decides what breaks.
        lexicon: words to put in foreign places.
    """
    words = text.split()
    label, times = _SOUND, rng.choice([1, 1, 1, 2, 2, 3, 4])
    functions, weights = zip(*_BREAKS, strict=True)
    for _ in range(times):
        if len(words) < 4:
            break
        break_words = rng.choices(functions, weights)[0]
        # The first break decides; each further one halves what is left, and more.
        before = label * 0.5 if label < 0.9 else 1.0
        label = before * break_words(words, rng, lexicon)
    broken = " ".join(words)
    return (text, _SOUND) if broken == text else (broken, max(label, _LEAST))
