"""Rewrites made wrong on purpose, for the meaning score: (text, kept meaning in [0, 1]).

Each function takes its own `random.Random`; equal seeds give equal texts. The labels are judgements of the authors,
graded by how much is lost. Those that change a list of words in place return the label.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from training.synthetic.disfluency import wander_from
from training.synthetic.lexicon import Lexicon, content_places, table
from training.synthetic.spelling import bare

_TARGETS, _OPPOSITES = table("targets"), table("opposites")
_NEGATIONS = ("not", "never", "no")
_DENIALS = ("it is not true that", "nobody thinks that", "i do not think that")

# Changes a list of words in place, and returns the kept meaning.
Corruption = Callable[[list[str], random.Random, Lexicon, Sequence[str]], float]


def lose_meaning(text: str, rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> tuple[str, float]:
    """Make a rewrite wrong in one of ten ways; return it and how much of its meaning is left.

    Args:
        text: a good rewrite.
        rng: decides what is lost.
        lexicon: words to put in place of others.
        others: other sentences.
    """
    words = text.split()
    if len(words) < 3:
        return rng.choice(others), 0.02
    label = rng.choice(_CORRUPTIONS)(words, rng, lexicon, others)
    changed = " ".join(words)
    if changed.split() == text.split():
        return rng.choice(others), 0.02
    return changed, label


def _replace(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    places = content_places(words) or [0]
    count = rng.randint(1, len(places))
    for place in rng.sample(places, count):
        words[place] = rng.choice(lexicon.words)
    return max(0.04, 0.5 - 0.6 * count / len(places))


def _delete(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    places = content_places(words) or [0]
    count = rng.randint(1, max(1, len(places) - 1))
    for place in sorted(rng.sample(places, count), reverse=True):
        del words[place]
    return max(0.05, 0.75 - 0.9 * count / len(places))


def halve(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    """Cut off about half a sentence."""
    middle = max(1, int(len(words) * rng.uniform(0.35, 0.65)))
    size = len(words)
    kept_end = size - middle
    if rng.random() < 0.5 and kept_end > 0:
        words[:] = words[-kept_end:]
        lost = middle
    else:
        words[:] = words[:middle]
        lost = kept_end
    return max(0.08, 0.6 - 0.75 * lost / max(1, lost + len(words)))


def negate(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    """Take out a negation, put an opposite, or lead in a denial."""
    negations = [place for place, word in enumerate(words) if bare(word) in _NEGATIONS]
    opposites = [place for place, word in enumerate(words) if bare(word) in _OPPOSITES]
    if negations and rng.random() < 0.6:
        del words[rng.choice(negations)]
    elif opposites:
        place = rng.choice(opposites)
        words[place] = rng.choice(_OPPOSITES[bare(words[place])])
    else:
        words[:0] = rng.choice(_DENIALS).split()
    return 0.15


def retarget(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    """Say it of another person or group."""
    places = [place for place, word in enumerate(words) if bare(word) in _TARGETS]
    if not places:
        return _replace(words, rng, lexicon, others)
    for place in rng.sample(places, rng.randint(1, len(places))):
        words[place] = rng.choice(_TARGETS[bare(words[place])])
    return 0.22


def _add(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    extra = rng.choice(others).split()
    words[:] = [*words, *extra] if rng.random() < 0.5 else [*extra, *words]
    return max(0.15, 0.6 - 0.5 * len(extra) / len(words))


def shuffle(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    """Put the words in any order."""
    rng.shuffle(words)
    return 0.3


def _derail(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    size = len(words)
    kept = wander_from(words, rng, lexicon)
    return max(0.05, 0.65 * kept / size)


# As often as each is drawn.
_CORRUPTIONS: tuple[Corruption, ...] = (
    *(_replace, _replace, _delete, _delete, halve, halve, negate, negate),
    *(retarget, retarget, retarget, _add, shuffle, _derail),
)
