"""Pairs made into others by rule: the words that both sides share renamed, one side
edited, or two pairs joined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from training.synthetic.edits import CHANGES, KEEPS, edit
from training.synthetic.lexicon import content_places
from training.synthetic.spelling import bare
from training.synthetic.word_edits import like
from training.synthetic.word_tables import Rule

__all__ = ["Kept", "Pair", "PairVariations"]

# Source, text.
Pair = tuple[str, str]
# A pair, and what its text keeps of its source, in [0, 1].
Kept = tuple[Pair, float]
# Rules whose edits say as much about the pair when they are made in the source.
_ON_EITHER_SIDE = (
    "opposite", "quantity", "number_word", "number", "name", "thing", "negation",
)  # fmt: skip
_JOINTS = (
    " and ", ", and ", ", but ", " but ", ". ", " ; ", ", so ", " because ", " while ",
)  # fmt: skip
# Words of two sources that are joined.
_MOST_WORDS = 32


class PairVariations:
    """Vary pairs.

    Args:
        pairs: what a pair is joined with.
        words: content words to rename by.
    """

    def __init__(self, pairs: Sequence[Pair], words: Sequence[str]) -> None:
        self._pairs = pairs
        self._words = words
        # As often as each is drawn.
        self._ways = (
            *(self._renamed, self._renamed, _changed, _changed, _kept, self._joined),
        )

    def vary(self, pair: Pair, rng: Random) -> Pair | None:
        """Make another pair; None where the way drawn finds nothing to change."""
        way = rng.choice(self._ways)
        return way(pair, rng)

    def _renamed(self, pair: Pair, rng: Random) -> Pair | None:
        """Put other words for one or two that both sides have."""
        source, text = pair
        words = source.split(), text.split()
        shared = _content_words(words[0]) & _content_words(words[1])
        if not (shared and self._words):
            return None
        count = min(len(shared), rng.choice([1, 1, 2]))
        for old in rng.sample(sorted(shared), count):
            new = rng.choice(self._words)
            for side in words:
                side[:] = [
                    like(new, word) if bare(word) == old else word for word in side
                ]
        return " ".join(words[0]), " ".join(words[1])

    def _joined(self, pair: Pair, rng: Random) -> Pair | None:
        """Join the sources of two pairs, and the texts of both, or of one of them with
        nothing or another text.
        """
        one, two = rng.sample([pair, rng.choice(self._pairs)], 2)
        sizes = [len(source.split()) for source, _ in (one, two)]
        if sum(sizes) > _MOST_WORDS:
            return None
        joint = rng.choice(_JOINTS)
        source = _join(one[0], joint, two[0])
        if rng.random() < 0.4:
            joint = joint if rng.random() < 0.7 else ". "
            return source, _join(one[1], joint, two[1])
        keeps_first = rng.random() < 0.5
        _, text = one if keeps_first else two
        if rng.random() < 0.75:
            return source, text
        _, other = rng.choice(self._pairs)
        halves = (text, other) if keeps_first else (other, text)
        return source, _join(halves[0], joint, halves[1])


def _content_words(words: Sequence[str]) -> set[str]:
    plain = {bare(words[place]) for place in content_places(words)}
    return {word for word in plain if word.isalpha()}


def _join(one: str, joint: str, two: str) -> str:
    return one.rstrip(" .") + joint + two


def _edited(
    pair: Pair, rules: Mapping[str, tuple[Rule, int]], rng: Random
) -> tuple[Pair, str] | None:
    """Edit the text by one of the rules; return the pair and the rule's name."""
    source, text = pair
    found = edit(text, rules, rng)
    if found is None:
        return None
    edited, _, kind = found
    return (source, edited), kind


def _changed(pair: Pair, rng: Random) -> Pair | None:
    """Edit one side so that it says something else."""
    found = _edited(pair, CHANGES, rng)
    if found is None:
        return None
    changed, kind = found
    if kind in _ON_EITHER_SIDE and rng.random() < 0.4:
        source, text = pair
        edited = edit(source, {kind: CHANGES[kind]}, rng)
        if edited is not None:
            return edited[0], text
    return changed


def _kept(pair: Pair, rng: Random) -> Pair | None:
    """Edit the text so that it says the same."""
    found = _edited(pair, KEEPS, rng)
    return None if found is None else found[0]
