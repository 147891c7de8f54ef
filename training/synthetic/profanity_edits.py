"""What lazy systems make of a toxic text: rude words deleted, or replaced by others:
(text, fluency, kept meaning).

Equal seeds give equal texts. The labels, in [0, 1], are judgments of the authors,
graded by what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from random import Random

from training.synthetic.lexicon import (
    EXPLETIVES,
    FUNCTION_WORDS,
    LISTS,
    Lexicon,
    content_places,
)
from training.synthetic.spelling import bare
from training.synthetic.word_edits import places_of

__all__ = ["remove_rude", "replace_rude"]

# Returns a word for a mask after another word; with the fluency that it gives.
Filler = tuple[Callable[[str], str], float]

_PRAISE = LISTS["praise"].split()
# How often masks are filled by praise, by words that may follow, by any words, and by
# one word again and again.
_FILLER_WEIGHTS = (0.25, 0.3, 0.2, 0.25)
# What a sentence keeps of its meaning, from nearly nothing replaced to all: at most
# `_MOST_KEPT`, less by `_KEPT_SLOPE` times the share of content words replaced.
_MOST_KEPT, _KEPT_SLOPE, _LEAST_KEPT = 0.8, 1.4, 0.1
# Fluency of a text that lost a rude word: an adjective, a noun after its article, or
# all between two function words.
_LOST_FREELY, _LOST_NOUN, _LEFT_A_HOLE = 0.55, 0.4, 0.15


def remove_rude(text: str, rude: Set[str]) -> tuple[str, float, float]:
    """Delete the rude words, as a lazy system does: return the text, its fluency, and
    the kept meaning.
    """
    words = text.split()
    kept: list[str] = []
    fluency, meaning = 0.9, 0.95
    for place, word in enumerate(words):
        plain = bare(word)
        if plain not in rude:
            kept.append(word)
        elif plain not in EXPLETIVES:
            meaning -= 0.15
            fluency = min(fluency, _fluency_without(words, place))
    return " ".join(kept), fluency, max(meaning, 0.5)


def _fluency_without(words: Sequence[str], place: int) -> float:
    """Judge the fluency of a sentence that lost the word at a place."""
    padded = ["", *map(bare, words), ""]
    before, _, after = padded[place : place + 3]
    if before not in FUNCTION_WORDS:
        return _LOST_FREELY
    if not after or after in FUNCTION_WORDS:
        return _LEFT_A_HOLE
    return _LOST_NOUN


def replace_rude(
    text: str, rude: Set[str], rng: Random, lexicon: Lexicon
) -> tuple[str, float, float]:
    """Put other words in place of the rude ones, as a system that fills masks does.

    The words are praise, words that may follow what stands before them, any words, or
    one word for all. What is kept depends on how much of the sentence is replaced.

    Returns:
        The text, its fluency, and the kept meaning.
    """
    words = text.split()
    choose, fluency = _draw_filler(rng, lexicon)
    places = places_of(words, rude)
    lost = len(places) / max(1, len({*places, *content_places(words)}))
    for place in places:
        before = words[place - 1] if place else ""
        words[place] = choose(before)
    if words == text.split():
        return text, 0.9, 1.0
    fluency *= 0.8 ** (len(places) - 1)
    return " ".join(words), fluency, max(_LEAST_KEPT, _MOST_KEPT - _KEPT_SLOPE * lost)


def _draw_filler(rng: Random, lexicon: Lexicon) -> Filler:
    """Draw a way to fill a mask after a word, and the fluency that it gives."""
    again = rng.choice(lexicon.words)
    fillers: tuple[Filler, ...] = (
        (lambda before: rng.choice(_PRAISE), 0.6),
        (lambda before: lexicon.follow(before, rng), 0.55),
        (lambda before: rng.choice(lexicon.words), 0.35),
        (lambda before: again, 0.35),
    )
    return rng.choices(fillers, _FILLER_WEIGHTS)[0]
