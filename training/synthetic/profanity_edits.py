"""What lazy systems make of a toxic text: rude words deleted, or replaced by others: (text, fluency, kept meaning).

Equal seeds give equal texts. The labels, in [0, 1], are judgements of the authors, graded by what is missing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence, Set

from training.synthetic.lexicon import EXPLETIVES, FUNCTION_WORDS, LISTS, Lexicon
from training.synthetic.spelling import bare

_PRAISE = LISTS["praise"].split()
# Fluency of a text that lost a rude word: an adjective, a noun after its article, or all between two function words.
_LOST_FREELY, _LOST_NOUN, _LEFT_A_HOLE = 0.55, 0.4, 0.15


def remove_rude(text: str, rude: Set[str]) -> tuple[str, float, float]:
    """Delete the rude words, as a lazy system does: return the text, its fluency, and the kept meaning."""
    words = text.split()
    kept: list[str] = []
    fluency, meaning = 0.9, 0.95
    for place, word in enumerate(words):
        if bare(word) not in rude:
            kept.append(word)
        elif bare(word) not in EXPLETIVES:
            meaning -= 0.15
            fluency = min(fluency, _fluency_without(words, place))
    return " ".join(kept), fluency, max(meaning, 0.5)


def _fluency_without(words: Sequence[str], place: int) -> float:
    """Judge the fluency of a sentence that lost the word at a place."""
    before = bare(words[place - 1]) if place else ""
    after = bare(words[place + 1]) if place + 1 < len(words) else ""
    if before not in FUNCTION_WORDS:
        return _LOST_FREELY
    return _LEFT_A_HOLE if not after or after in FUNCTION_WORDS else _LOST_NOUN


def replace_rude(text: str, rude: Set[str], rng: random.Random, lexicon: Lexicon) -> tuple[str, float, float]:
    """Put other words in place of the rude ones, as a system that fills masks does.

    The words are praise, words that may follow what stands before them, or any words.

    Returns:
        The text, its fluency, and the kept meaning.
    """
    words = text.split()
    choose, fluency, meaning = _draw_filler(rng, lexicon)
    places = [place for place, word in enumerate(words) if bare(word) in rude]
    for place in places:
        words[place] = choose(words[place - 1] if place else "")
    if words == text.split():
        return text, 0.9, 1.0
    return " ".join(words), fluency * 0.8 ** (len(places) - 1), meaning


def _draw_filler(rng: random.Random, lexicon: Lexicon) -> tuple[Callable[[str], str], float, float]:
    """Draw a way to fill a mask after a word, and the fluency and kept meaning that it gives."""
    draw = rng.random()
    if draw < 0.3:
        return lambda before: rng.choice(_PRAISE), 0.6, 0.25
    if draw < 0.7:
        return lambda before: lexicon.follow(before, rng), 0.55, 0.35
    return lambda before: rng.choice(lexicon.words), 0.35, 0.35
