"""Harmless and toxic sentences of the kinds that a classifier confuses: (sentence,
P(toxic), kind).

The sentences were written by hand for this project; those in public data are of other
kinds. They are no benchmark.
"""

from __future__ import annotations

from random import Random

from training.synthetic import spelling
from training.synthetic.disguises import DISGUISES
from training.synthetic.drawing import draw_distinct, draw_rules
from training.synthetic.templates import FOLDER, Section, Skeletons, fill, read_slots

__all__ = ["style_contrasts"]

# Kinds whose point is one rude word or a short phrase: these are also shown disguised.
_CARRIER_KINDS = (
    "ordinary",
    "sports_games",
    "idioms",
    "negative_events",
    "identity_fact",
    "emoji_short",
)
_DISGUISED_KINDS = {
    "harmless": _CARRIER_KINDS,
    "toxic": (
        "plain",
        "short_insult",
        "threat_direct",
        "wish_harm",
        "dehumanizing",
        "third_person",
    ),
}
# Disguise alone is a faint sign of bad intent, and hides a part of it.
_DISGUISED_LABEL = {"harmless": 0.04, "toxic": -0.03}
# Shares of sentences that are disguised, stand beside a harmless one, or among many.
_DISGUISED_SHARE = {"harmless": 0.15, "toxic": 0.25}
_CONTEXT_SHARE = 0.12
_LONG_SHARE = 0.05
_HAPPY = ("😊", "🌸", "❤️", "🎉", "😂", "👍", "✨", "🙏", "☀️", "💐")


class _Side:
    """The sentences of one side, harmless or toxic."""

    def __init__(self, name: str, slots: dict[str, list[str]]) -> None:
        self.name = name
        self._slots = slots
        self._skeletons = Skeletons(FOLDER / f"style_{name}.txt")

    def draw(self, rng: Random, kinds: tuple[str, ...] = ()) -> tuple[str, Section]:
        """Draw a filled skeleton, of one of `kinds` where some are given, and its
        section.
        """
        skeleton, section = self._skeletons.draw(rng, kinds)
        return fill(skeleton, self._slots, rng), section


def _spelling(text: str, rng: Random) -> str:
    """Write a sentence as people do: often in lower case, without the final stop, or
    with a happy emoji.
    """
    draw = rng.random()
    if draw < 0.25:
        text = text.lower()
    elif draw < 0.32:
        text = spelling.tokenized(text)
    if rng.random() < 0.2:
        text = text.rstrip(".") or text
    if rng.random() < 0.04:
        count = rng.randint(1, 3)
        text += " " + "".join(rng.choices(_HAPPY, k=count))
    return text


def _disguised(side: _Side, rng: Random) -> tuple[str, float, str]:
    text, section = side.draw(rng, _DISGUISED_KINDS[side.name])
    name, disguise = next(draw_rules(DISGUISES, rng))
    if rng.random() >= 0.5:
        text = text.lower()
    label = section.label + _DISGUISED_LABEL[side.name]
    return disguise(text, rng), label, f"{section.kind}+{name}"


def _in_context(text: str, harmless: _Side, others: int, rng: Random) -> str:
    """Put a sentence among so many harmless ones, at any place."""
    sentences = []
    for _ in range(others):
        sentence, _ = harmless.draw(rng, _CARRIER_KINDS)
        sentences.append(_spelling(sentence, rng))
    place = rng.randint(0, others)
    sentences.insert(place, text)
    return " ".join(sentences)


def _example(side: _Side, harmless: _Side, rng: Random) -> tuple[str, float, str]:
    if rng.random() < _DISGUISED_SHARE[side.name]:
        return _disguised(side, rng)
    text, section = side.draw(rng)
    text = _spelling(text, rng)
    kind = section.kind
    draw = rng.random()
    if draw < _CONTEXT_SHARE:
        text = _in_context(text, harmless, 1, rng)
        kind += "+context"
    elif draw < _CONTEXT_SHARE + _LONG_SHARE:
        text = _in_context(text, harmless, rng.randint(3, 9), rng)
        kind += "+long"
    return text, section.label, kind


def style_contrasts(rng: Random, count: int) -> list[tuple[str, float, str]]:
    """Draw distinct sentences, half of them harmless.

    Args:
        rng: decides everything; equal states give equal lists.
        count: how many.

    Returns:
        (sentence, P(toxic) in [0, 1], kind) in random order; a kind such as
        "plain+leet" is a disguised "plain".

    Raises:
        ValueError: If there are not so many distinct sentences.
    """
    slots = read_slots(FOLDER / "style_slots.txt")
    harmless, toxic = _Side("harmless", slots), _Side("toxic", slots)

    def make(turn: int) -> tuple[str, tuple[float, str]]:
        side = toxic if turn % 2 else harmless
        text, label, kind = _example(side, harmless, rng)
        return text, (label, kind)

    examples = draw_distinct(make, count, rng)
    return [(text, *judged) for text, judged in examples]
