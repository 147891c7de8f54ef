"""Rewrites made wrong on purpose, for the meaning score: (text, kept meaning in [0, 1]).

Each function takes its own `random.Random`; equal seeds give equal texts. The labels are judgements of the authors,
graded by how much is lost. Those that change a list of words in place return the label.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.synthetic.disfluency import wander_from
from training.synthetic.lexicon import Lexicon, content_places, table
from training.synthetic.spelling import bare

_TARGETS, _OPPOSITES = table("targets"), table("opposites")


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
    kinds = [
        *(_replace, _replace, _delete, _delete, halve, halve, negate, negate),
        *(retarget, retarget, retarget, _add, shuffle, _derail),
    ]
    label = rng.choice(kinds)(words, rng, lexicon, others)
    changed = " ".join(words)
    return (changed, label) if changed.split() != text.split() else (rng.choice(others), 0.02)


def _replace(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    places = content_places(words) or [0]
    count = rng.randint(1, len(places))
    for i in rng.sample(places, count):
        words[i] = rng.choice(lexicon.words)
    return max(0.04, 0.5 - 0.6 * count / len(places))


def _delete(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    places = content_places(words) or [0]
    count = rng.randint(1, max(1, len(places) - 1))
    for i in sorted(rng.sample(places, count), reverse=True):
        del words[i]
    return max(0.05, 0.75 - 0.9 * count / len(places))


def halve(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    """Cut off about half a sentence."""
    middle = max(1, int(len(words) * rng.uniform(0.35, 0.65)))
    kept = len(words) - middle if rng.random() < 0.5 else -middle
    lost = middle if kept > 0 else len(words) - middle
    words[:] = words[-kept:] if kept > 0 else words[:-kept]
    return max(0.08, 0.6 - 0.75 * lost / max(1, lost + len(words)))


def negate(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    """Take out a negation, put an opposite, or lead in a denial."""
    negations = [i for i, word in enumerate(words) if bare(word) in {"not", "never", "no"}]
    opposites = [i for i, word in enumerate(words) if bare(word) in _OPPOSITES]
    if negations and rng.random() < 0.6:
        del words[rng.choice(negations)]
    elif opposites:
        i = rng.choice(opposites)
        words[i] = rng.choice(_OPPOSITES[bare(words[i])])
    else:
        words[:0] = rng.choice(["it is not true that", "nobody thinks that", "i do not think that"]).split()
    return 0.15


def retarget(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    """Say it of another person or group."""
    places = [i for i, word in enumerate(words) if bare(word) in _TARGETS]
    if not places:
        return _replace(words, rng, lexicon, others)
    for i in rng.sample(places, rng.randint(1, len(places))):
        words[i] = rng.choice(_TARGETS[bare(words[i])])
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
    before = len(words)
    kept = wander_from(words, rng, lexicon)
    return max(0.05, 0.65 * kept / before)
