"""Harmless and toxic sentences of the kinds that a classifier confuses: (sentence, P(toxic), kind).

The sentences were written by hand for this project; those in public data are of other kinds. They are no benchmark.
"""

from __future__ import annotations

import random

from training.synthetic import spelling
from training.synthetic.disguises import DISGUISES
from training.synthetic.templates import FOLDER, Section, fill, read_sections, read_slots

# Kinds whose point is one rude word or a short phrase: these are also shown disguised.
_DISGUISED_KINDS = ("plain", "short_insult", "threat_direct", "wish_harm", "dehumanizing", "third_person")
_CARRIER_KINDS = ("ordinary", "sports_games", "idioms", "negative_events", "identity_fact", "emoji_short")
# Shares of sentences that are disguised, stand beside a harmless one, or among many.
_DISGUISED_SHARE = {"harmless": 0.15, "toxic": 0.25}
_CONTEXT_SHARE = 0.12
_LONG_SHARE = 0.05
_HAPPY = ("😊", "🌸", "❤️", "🎉", "😂", "👍", "✨", "🙏", "☀️", "💐")


class _Side:
    """The skeletons of one side, harmless or toxic, drawn by kind: a kind counts by the root of its size."""

    def __init__(self, name: str, slots: dict[str, list[str]]) -> None:
        self.name = name
        self.slots = slots
        self.sections = {section.kind: section for section in read_sections(FOLDER / f"style_{name}.txt")}
        self._weights = [len(section.lines) ** 0.5 for section in self.sections.values()]

    def draw(self, rng: random.Random, kinds: tuple[str, ...] = ()) -> tuple[str, Section]:
        """Draw a filled skeleton, of one of `kinds` where some are given, and its section."""
        if kinds:
            section = self.sections[rng.choice(kinds)]
        else:
            section = rng.choices(list(self.sections.values()), self._weights)[0]
        return fill(rng.choice(section.lines), self.slots, rng), section


def _spelling(text: str, rng: random.Random) -> str:
    """Write a sentence as people do: often in lower case, without the final stop, or with a happy emoji."""
    draw = rng.random()
    if draw < 0.25:
        text = text.lower()
    elif draw < 0.32:
        text = spelling.tokenized(text)
    if rng.random() < 0.2:
        text = text.rstrip(".") or text
    if rng.random() < 0.04:
        text += " " + "".join(rng.choices(_HAPPY, k=rng.randint(1, 3)))
    return text


def _disguised(side: _Side, rng: random.Random) -> tuple[str, float, str]:
    kinds = _DISGUISED_KINDS if side.name == "toxic" else _CARRIER_KINDS
    text, section = side.draw(rng, kinds)
    weights = [weight for _, weight in DISGUISES.values()]
    name = rng.choices(list(DISGUISES), weights)[0]
    changed = DISGUISES[name][0](text if rng.random() < 0.5 else text.lower(), rng)
    # Disguise alone is a faint sign of bad intent, and hides a part of it.
    label = section.label - 0.03 if side.name == "toxic" else section.label + 0.04
    return changed, label, f"{section.kind}+{name}"


def _in_context(text: str, harmless: _Side, others: int, rng: random.Random) -> str:
    """Put a sentence among so many harmless ones, at any place."""
    sentences = [_spelling(harmless.draw(rng, _CARRIER_KINDS)[0], rng) for _ in range(others)]
    sentences.insert(rng.randint(0, others), text)
    return " ".join(sentences)


def _example(side: _Side, harmless: _Side, rng: random.Random) -> tuple[str, float, str]:
    if rng.random() < _DISGUISED_SHARE[side.name]:
        return _disguised(side, rng)
    text, section = side.draw(rng)
    text, kind = _spelling(text, rng), section.kind
    draw = rng.random()
    if draw < _CONTEXT_SHARE:
        text, kind = _in_context(text, harmless, 1, rng), kind + "+context"
    elif draw < _CONTEXT_SHARE + _LONG_SHARE:
        text, kind = _in_context(text, harmless, rng.randint(3, 9), rng), kind + "+long"
    return text, section.label, kind


def style_contrasts(rng: random.Random, count: int) -> list[tuple[str, float, str]]:
    """Draw distinct sentences, half of them harmless.

    Args:
        rng: decides everything; equal states give equal lists.
        count: how many.

    Returns:
        (sentence, P(toxic) in [0, 1], kind) in random order; a kind such as "plain+leet" is a disguised "plain".

    Raises:
        ValueError: If there are not so many distinct sentences.
    """
    slots = read_slots(FOLDER / "style_slots.txt")
    harmless, toxic = _Side("harmless", slots), _Side("toxic", slots)
    found: dict[str, tuple[float, str]] = {}
    for turn in range(20 * count):
        if len(found) >= count:
            break
        text, label, kind = _example(toxic if turn % 2 else harmless, harmless, rng)
        found.setdefault(text, (label, kind))
    if len(found) < count:
        raise ValueError(f"`count`: expected at most {len(found)}, got {count}")
    rows = [(text, label, kind) for text, (label, kind) in found.items()]
    rng.shuffle(rows)
    return rows
