"""Broken sentences beside sound ones that differ in one place, of the errors that a
fluency score overlooks.

Handwritten pairs with slots, and sound sentences broken by rule (`broken_rules`). They
are no benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from training.synthetic.broken_rules import BREAKS
from training.synthetic.drawing import draw_distinct, draw_rules
from training.synthetic.templates import FOLDER, Skeletons, fill_together, read_slots

__all__ = ["fluency_contrasts"]

# A broken and a sound sentence, and the kind of error.
Pair = tuple[str, str, str]
# Share of handwritten pairs where sound sentences are given.
_HANDWRITTEN_SHARE = 0.35
# Share of pairs in lower case on both sides, and with spaces before the punctuation:
# neither is an error.
_LOWER_SHARE = 0.3


def _broken_by_rule(sentence: str, rng: Random) -> Pair | None:
    """Break a sentence once, by a rule drawn by weight among those that fit."""
    words = sentence.split()
    if len(words) < 3:
        return None
    for name, rule in draw_rules(BREAKS, rng):
        broken = rule(words, rng)
        if broken and broken != words:
            return " ".join(broken), sentence, f"rule_{name}"
    return None


def _handwritten(rng: Random) -> Callable[[], Pair]:
    """Make a function that draws a handwritten pair."""
    skeletons = Skeletons(FOLDER / "fluency_pairs.txt")
    slots = read_slots(FOLDER / "fluency_slots.txt")

    def draw() -> Pair:
        line, section = skeletons.draw(rng)
        # A wrong article may be the point of a pair.
        broken, sound = fill_together(
            line.split(" || "), slots, rng, mend_articles=False
        )
        return broken, sound, section.kind

    return draw


def fluency_contrasts(
    rng: Random, count: int, sentences: Sequence[str] = ()
) -> list[Pair]:
    """Draw distinct pairs of a broken and a sound sentence.

    Args:
        rng: decides everything; equal states give equal lists.
        count: how many.
        sentences: sound sentences to break; without any, all pairs are handwritten.

    Returns:
        (broken, sound, kind); kinds of rules begin with "rule_".

    Raises:
        ValueError: If there are not so many distinct pairs.
    """
    draw_handwritten = _handwritten(rng)

    def make(turn: int) -> tuple[tuple[str, str], str] | None:
        if not sentences or rng.random() < _HANDWRITTEN_SHARE:
            pair = draw_handwritten()
        else:
            pair = _broken_by_rule(rng.choice(sentences), rng)
        if pair is None:
            return None
        broken, sound, kind = pair
        if rng.random() < _LOWER_SHARE:
            broken, sound = broken.lower(), sound.lower()
        return (broken, sound), kind

    examples = draw_distinct(make, count, rng)
    return [(*texts, kind) for texts, kind in examples]
