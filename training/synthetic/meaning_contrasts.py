"""Pairs of texts that say the same or do not, of the kinds that word overlap gets
wrong.

Handwritten pairs with slots, and edits of real sentences by rule (`edits`). They are no
benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from training.synthetic.chat import chat_noise
from training.synthetic.drawing import draw_distinct
from training.synthetic.edits import CHANGES, KEEPS, edit
from training.synthetic.templates import FOLDER, Skeletons, fill_together, read_slots

__all__ = ["in_chat", "meaning_contrasts"]

# Share of handwritten pairs where real sentences are given, and of pairs of unrelated
# sentences.
_HANDWRITTEN_SHARE = 0.4
_UNRELATED_SHARE = 0.03
# Shares of pairs of which one side, or both, are written as in a chat.
_CHAT_SHARE = 0.12
# Kinds whose pairs may stand in either order: nothing is lost or added.
_SYMMETRIC = (
    "roles",
    "places_names",
    "numbers",
    "comparatives",
    "person",
    "voice",
    "converse",
)
# Shares of handwritten pairs in lower case, and, of those kinds, in the other order.
_LOWER_SHARE, _REVERSED_SHARE = 0.3, 0.3

# Source, prediction, kept meaning in [0, 1], kind.
Row = tuple[str, str, float, str]


class _Handwritten:
    """Handwritten pairs of one side, "changed" or "kept"."""

    def __init__(self, name: str, slots: dict[str, list[str]]) -> None:
        self._slots = slots
        self._skeletons = Skeletons(FOLDER / f"meaning_{name}.txt")

    def draw(self, rng: Random) -> Row:
        """Draw a pair, at times in lower case or in the other order."""
        line, section = self._skeletons.draw(rng)
        source, prediction = fill_together(line.split(" || "), self._slots, rng)
        if rng.random() < _LOWER_SHARE:
            source, prediction = source.lower(), prediction.lower()
        is_reversed = rng.random() < _REVERSED_SHARE
        if is_reversed and section.kind in _SYMMETRIC:
            source, prediction = prediction, source
        return source, prediction, section.label, section.kind


def _edited(sentences: Sequence[str], changed: bool, rng: Random) -> Row | None:
    source = rng.choice(sentences)
    if changed and rng.random() < _UNRELATED_SHARE:
        return source, rng.choice(sentences), 0.02, "unrelated"
    rules = CHANGES if changed else KEEPS
    found = edit(source, rules, rng)
    if found is None:
        return None
    prediction, label, kind = found
    return source, prediction, label, f"edit_{kind}"


def in_chat(source: str, prediction: str, rng: Random) -> tuple[str, str]:
    """Write one side, or both, as in a chat."""
    draw = rng.random()
    if draw < 0.7:
        source = chat_noise(rng, source)
    if draw > 0.4:
        prediction = chat_noise(rng, prediction)
    return source, prediction


def meaning_contrasts(
    rng: Random,
    count: int,
    sentences: Sequence[str] = (),
    handwritten: float = _HANDWRITTEN_SHARE,
    at_most: bool = False,
) -> list[Row]:
    """Draw distinct pairs; in half of them the meaning is kept.

    Args:
        rng: decides everything; equal states give equal lists.
        count: how many.
        sentences: real sentences, neutral or toxic, to edit; without any, all pairs are
            handwritten.
        handwritten: share of handwritten pairs where sentences are given, in [0, 1].
        at_most: fewer will do.

    Returns:
        (source, prediction, kept meaning in [0, 1], kind); kinds of edits begin with
        "edit_".

    Raises:
        ValueError: If there are not so many distinct pairs, and fewer will not do.
    """
    slots = read_slots(FOLDER / "meaning_slots.txt")
    changed, kept = _Handwritten("changed", slots), _Handwritten("kept", slots)

    def make(turn: int) -> tuple[tuple[str, str], tuple[float, str]] | None:
        is_changed = turn % 2 == 0
        if not sentences or rng.random() < handwritten:
            side = changed if is_changed else kept
            row = side.draw(rng)
        else:
            row = _edited(sentences, is_changed, rng)
        if row is None:
            return None
        source, prediction, label, kind = row
        if rng.random() < _CHAT_SHARE:
            source, prediction = in_chat(source, prediction, rng)
        # Chat spelling may leave nothing of a short text.
        if not (source and prediction):
            return None
        return (source, prediction), (label, kind)

    examples = draw_distinct(make, count, rng, at_most)
    return [(*texts, *judged) for texts, judged in examples]
