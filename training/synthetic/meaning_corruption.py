"""Rewrites made wrong on purpose, for the meaning score: (text, kept meaning in [0,
1]).

Each function takes its own `random.Random`; equal seeds give equal texts. The labels
are judgments of the authors, graded by how much is lost. Those that change a list of
words in place return the label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from training.synthetic.disfluency import wander_from
from training.synthetic.lexicon import Lexicon, content_places, table
from training.synthetic.spelling import bare
from training.synthetic.word_edits import Words, places_of

__all__ = ["halve", "lose_meaning", "negate", "retarget", "shuffle"]

_TARGETS, _OPPOSITES = table("targets"), table("opposites")
_NEGATIONS = ("not", "never", "no")
_DENIALS = ("it is not true that", "nobody thinks that", "i do not think that")

Others = Sequence[str]
# Changes a list of words in place, and returns the kept meaning.
Corruption = Callable[[Words, Random, Lexicon, Others], float]


def lose_meaning(
    text: str, rng: Random, lexicon: Lexicon, others: Sequence[str]
) -> tuple[str, float]:
    """Make a rewrite wrong in one of ten ways; return it and how much of its meaning is
    left.

    Args:
        text: a good rewrite.
        rng: decides what is lost.
        lexicon: words to put in place of others.
        others: other sentences.
    """
    words = text.split()
    if len(words) < 3:
        return rng.choice(others), 0.02
    corrupt = rng.choice(_CORRUPTIONS)
    label = corrupt(words, rng, lexicon, others)
    changed = " ".join(words)
    if changed.split() == text.split():
        return rng.choice(others), 0.02
    return changed, label


def _replace(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    places = content_places(words) or [0]
    count = rng.randint(1, len(places))
    for place in rng.sample(places, count):
        words[place] = rng.choice(lexicon.words)
    kept_meaning = 0.5 - 0.6 * count / len(places)
    return max(0.04, kept_meaning)


def _delete(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    places = content_places(words) or [0]
    # One word is left, where there is more than one.
    most = max(1, len(places) - 1)
    count = rng.randint(1, most)
    chosen = rng.sample(places, count)
    for place in sorted(chosen, reverse=True):
        del words[place]
    kept_meaning = 0.75 - 0.9 * count / len(places)
    return max(0.05, kept_meaning)


def halve(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    """Cut off about half a sentence."""
    size = len(words)
    middle = int(size * rng.uniform(0.35, 0.65))
    middle = max(1, middle)
    keeps_end = rng.random() < 0.5
    if keeps_end and middle < size:
        del words[:middle]
    else:
        del words[middle:]
    lost = size - len(words)
    kept_meaning = 0.6 - 0.75 * lost / max(1, size)
    return max(0.08, kept_meaning)


def negate(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    """Take out a negation, put an opposite, or lead in a denial."""
    negations = places_of(words, _NEGATIONS)
    opposites = places_of(words, _OPPOSITES)
    if negations and rng.random() < 0.6:
        place = rng.choice(negations)
        del words[place]
    elif opposites:
        place = rng.choice(opposites)
        _exchange(words, place, _OPPOSITES, rng)
    else:
        denial = rng.choice(_DENIALS)
        words[:0] = denial.split()
    return 0.15


def _exchange(
    words: Words, place: int, others: dict[str, list[str]], rng: Random
) -> None:
    """Put another word by a table."""
    word = bare(words[place])
    words[place] = rng.choice(others[word])


def retarget(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    """Say it of another person or group."""
    places = places_of(words, _TARGETS)
    if not places:
        return _replace(words, rng, lexicon, others)
    count = rng.randint(1, len(places))
    for place in rng.sample(places, count):
        _exchange(words, place, _TARGETS, rng)
    return 0.22


def _add(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    extra = rng.choice(others).split()
    is_behind = rng.random() < 0.5
    if is_behind:
        words.extend(extra)
    else:
        words[:0] = extra
    kept_meaning = 0.6 - 0.5 * len(extra) / len(words)
    return max(0.15, kept_meaning)


def shuffle(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    """Put the words in any order."""
    rng.shuffle(words)
    return 0.3


def _derail(words: Words, rng: Random, lexicon: Lexicon, others: Others) -> float:
    size = len(words)
    kept = wander_from(words, rng, lexicon)
    kept_meaning = 0.65 * kept / size
    return max(0.05, kept_meaning)


# As often as each is drawn.
_CORRUPTIONS: tuple[Corruption, ...] = (
    *(_replace, _replace, _delete, _delete, halve, halve, negate, negate),
    *(retarget, retarget, retarget, _add, shuffle, _derail),
)
