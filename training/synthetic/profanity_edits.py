"""What lazy systems make of a toxic text: rude words deleted, or replaced by others: (text, fluency, kept meaning).

Equal seeds give equal texts. The labels, in [0, 1], are judgements of the authors, graded by what is missing.
"""

from __future__ import annotations

import random
from collections.abc import Set

from training.synthetic.lexicon import EXPLETIVES, FUNCTION_WORDS, LISTS, Lexicon
from training.synthetic.spelling import bare

_PRAISE = LISTS["praise"].split()


def remove_rude(text: str, rude: Set[str]) -> tuple[str, float, float]:
    """Delete the rude words, as a lazy system does: return the text, its fluency, and the kept meaning."""
    words, kept, fluency, meaning = text.split(), [], 0.9, 0.95
    for i, word in enumerate(words):
        if bare(word) not in rude:
            kept.append(word)
            continue
        if bare(word) in EXPLETIVES:
            continue
        meaning -= 0.15
        before = bare(words[i - 1]) if i else ""
        after = bare(words[i + 1]) if i + 1 < len(words) else ""
        hole = before in FUNCTION_WORDS and (not after or after in FUNCTION_WORDS)
        fluency = min(fluency, 0.15 if hole else 0.4 if before in FUNCTION_WORDS else 0.55)
    return " ".join(kept), fluency, max(meaning, 0.5)


def replace_rude(text: str, rude: Set[str], rng: random.Random, lexicon: Lexicon) -> tuple[str, float, float]:
    """Put other words in place of the rude ones, as a system that fills masks does.

    The words are praise, words that may follow what stands before them, or any words.

    Returns:
        The text, its fluency, and the kept meaning.
    """
    words, draw = text.split(), rng.random()
    if draw < 0.3:
        choose, fluency, meaning = lambda before: rng.choice(_PRAISE), 0.6, 0.25
    elif draw < 0.7:
        choose, fluency, meaning = lambda before: lexicon.follow(before, rng), 0.55, 0.35
    else:
        choose, fluency, meaning = lambda before: rng.choice(lexicon.words), 0.35, 0.35
    places = [i for i, word in enumerate(words) if bare(word) in rude]
    for i in places:
        words[i] = choose(words[i - 1] if i else "")
    if words == text.split():
        return text, 0.9, 1.0
    return " ".join(words), fluency * 0.8 ** (len(places) - 1), meaning
