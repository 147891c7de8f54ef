"""Pairs of texts that say the same or do not, of the kinds that word overlap gets wrong.

Handwritten pairs with slots, and edits of real sentences by rule (`edits`). They are no benchmark.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.synthetic.chat import chat_noise
from training.synthetic.edits import CHANGES, KEEPS, edit
from training.synthetic.templates import FOLDER, Section, fill_together, read_sections, read_slots

# Share of handwritten pairs where real sentences are given, and of pairs of unrelated sentences.
_HANDWRITTEN_SHARE = 0.4
_UNRELATED_SHARE = 0.03
# Shares of pairs of which one side, or both, are written as in a chat.
_CHAT_SHARE = 0.12
# Kinds whose pairs may stand in either order: nothing is lost or added.
_SYMMETRIC = ("roles", "places_names", "numbers", "comparatives", "person", "voice", "converse")


class _Skeletons:
    """Handwritten pairs of one side, drawn by kind: a kind counts by the root of its size."""

    def __init__(self, name: str, slots: dict[str, list[str]]) -> None:
        self._slots = slots
        self._sections: list[Section] = read_sections(FOLDER / f"meaning_{name}.txt")
        self._weights = [len(section.lines) ** 0.5 for section in self._sections]

    def draw(self, rng: random.Random) -> tuple[str, str, float, str]:
        section = rng.choices(self._sections, self._weights)[0]
        source, prediction = fill_together(rng.choice(section.lines).split(" || "), self._slots, rng)
        return source, prediction, section.label, section.kind


def _handwritten(skeletons: _Skeletons, rng: random.Random) -> tuple[str, str, float, str]:
    source, prediction, label, kind = skeletons.draw(rng)
    if rng.random() < 0.3:
        source, prediction = source.lower(), prediction.lower()
    if rng.random() < 0.3 and kind in (
        "roles",
        "places_names",
        "numbers",
        "comparatives",
        "person",
        "voice",
        "converse",
    ):
        source, prediction = prediction, source
    return source, prediction, label, kind


def _edited(sentences: Sequence[str], changed: bool, rng: random.Random) -> tuple[str, str, float, str] | None:
    source = rng.choice(sentences)
    if changed and rng.random() < _UNRELATED_SHARE:
        return source, rng.choice(sentences), 0.02, "unrelated"
    found = edit(source, CHANGES if changed else KEEPS, rng)
    if found is None:
        return None
    prediction, label, kind = found
    return source, prediction, label, f"edit_{kind}"


def _in_chat(source: str, prediction: str, rng: random.Random) -> tuple[str, str]:
    draw = rng.random()
    if draw < 0.7:
        source = chat_noise(rng, source)
    if draw > 0.4:
        prediction = chat_noise(rng, prediction)
    return source, prediction


def meaning_contrasts(
    rng: random.Random, count: int, sentences: Sequence[str] = ()
) -> list[tuple[str, str, float, str]]:
    """Draw distinct pairs; in half of them the meaning is kept.

    Args:
        rng: decides everything; equal states give equal lists.
        count: how many.
        sentences: real sentences, neutral or toxic, to edit; without any, all pairs are handwritten.

    Returns:
        (source, prediction, kept meaning in [0, 1], kind); kinds of edits begin with "edit_".

    Raises:
        ValueError: If there are not so many distinct pairs.
    """
    slots = read_slots(FOLDER / "meaning_slots.txt")
    changed, kept = _Skeletons("changed", slots), _Skeletons("kept", slots)
    found: dict[tuple[str, str], tuple[float, str]] = {}
    for turn in range(20 * count):
        if len(found) >= count:
            break
        is_changed = turn % 2 == 0
        if not sentences or rng.random() < _HANDWRITTEN_SHARE:
            row = _handwritten(changed if is_changed else kept, rng)
        else:
            row = _edited(sentences, is_changed, rng)
        if row is None:
            continue
        source, prediction, label, kind = row
        if rng.random() < _CHAT_SHARE:
            source, prediction = _in_chat(source, prediction, rng)
        if source and prediction:
            found.setdefault((source, prediction), (label, kind))
    if len(found) < count:
        raise ValueError(f"`count`: expected at most {len(found)}, got {count}")
    rows = [(source, prediction, label, kind) for (source, prediction), (label, kind) in found.items()]
    rng.shuffle(rows)
    return rows
