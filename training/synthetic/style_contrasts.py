"""Harmless and toxic sentences of the kinds that a classifier confuses: (sentence, P(toxic), kind).

The sentences were written by hand for this project; those in public data are of other kinds. They are no benchmark.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from training.synthetic import spelling
from training.synthetic.templates import FOLDER, Section, fill, read_sections, read_slots

# Kinds whose point is one rude word or a short phrase: these are also shown disguised.
_DISGUISED_KINDS = ("plain", "short_insult", "threat_direct", "wish_harm", "dehumanizing", "third_person")
_CARRIER_KINDS = ("ordinary", "sports_games", "idioms", "negative_events", "identity_fact", "emoji_short")
# Shares of sentences that are disguised, stand beside a harmless one, or among many.
_DISGUISED_SHARE = {"harmless": 0.15, "toxic": 0.25}
_CONTEXT_SHARE = 0.12
_LONG_SHARE = 0.05
_HAPPY = ("😊", "🌸", "❤️", "🎉", "😂", "👍", "✨", "🙏", "☀️", "💐")
_LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"})
_LOOKALIKE = str.maketrans({"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "i": "і", "y": "у", "x": "х"})


def _leet(text: str, rng: random.Random) -> str:
    letters = rng.choice(["aeio", "aeiost", "ei", "io", "aeo"])
    changed = (char.translate(_LEET) if char.lower() in letters else char for char in text)
    return "".join(changed)


def _spaced(text: str, rng: random.Random) -> str:
    words = text.split()
    gap = rng.choice([" ", " ", ".", "-", "_", "*"])
    if gap == " ":
        return "   ".join(" ".join(word) for word in words)
    place = max(range(len(words)), key=lambda index: len(words[index]))
    words[place] = gap.join(words[place])
    return " ".join(words)


def _masked(text: str, rng: random.Random) -> str:
    words = text.split()
    places = [index for index, word in enumerate(words) if len(spelling.bare(word)) > 3] or [0]
    for place in rng.sample(places, min(len(places), rng.choice([1, 1, 2]))):
        words[place] = spelling.obfuscate_word(words[place], rng)
    return " ".join(words)


def _typing_error(text: str, rng: random.Random) -> str:
    words = text.split()
    place = max(range(len(words)), key=lambda index: (len(words[index]), rng.random()))
    word = words[place]
    if len(word) < 4:
        return text
    at = rng.randrange(1, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    doubled = word[:at] + word[at] + word[at:]
    dropped = word[:at] + word[at + 1 :]
    words[place] = rng.choice([swapped, doubled, dropped])
    return " ".join(words)


def _stretched(text: str, rng: random.Random) -> str:
    words = text.split()
    place = max(range(len(words)), key=lambda index: len(words[index]))
    word = words[place]
    vowels = [index for index, char in enumerate(word) if char in "aeiouy"] or [len(word) - 1]
    at = rng.choice(vowels)
    words[place] = word[:at] + word[at] * rng.randint(3, 6) + word[at + 1 :]
    return " ".join(words)


def _hashtag(text: str, rng: random.Random) -> str:
    words = [word for word in ("".join(filter(str.isalnum, part)) for part in text.split()) if word]
    return "#" + "".join(word[:1].upper() + word[1:] for word in words[:7])


def _joined(text: str, rng: random.Random) -> str:
    return "".join(filter(str.isalnum, text.lower()))[:40]


def _marked_up(text: str, rng: random.Random) -> str:
    words = text.split()
    place = rng.randrange(len(words))
    before, after = rng.choice([("**", "**"), ("_", "_"), ("~", "~"), ("<b>", "</b>"), ('"', '"'), ("(", ")")])
    words[place] = before + words[place].rstrip(".,!?") + after
    return " ".join(words)


def _lookalike(text: str, rng: random.Random) -> str:
    return "".join(char.translate(_LOOKALIKE) if rng.random() < 0.6 else char for char in text)


def _upper(text: str, rng: random.Random) -> str:
    return text.upper()


def _alternating(text: str, rng: random.Random) -> str:
    return "".join(char.upper() if index % 2 else char.lower() for index, char in enumerate(text))


def _handle(text: str, rng: random.Random) -> str:
    words = text.rstrip(".!?").split()
    place = max(range(len(words)), key=lambda index: len(words[index]))
    words[place] = rng.choice(["@", "", "x", "the"]) + words[place] + rng.choice(["1", "99", "_", "x", "123"])
    return " ".join(words)


_DISGUISES: dict[str, tuple[Callable[[str, random.Random], str], int]] = {
    "leet": (_leet, 3),
    "spaced": (_spaced, 2),
    "masked": (_masked, 3),
    "typing_error": (_typing_error, 3),
    "stretched": (_stretched, 2),
    "hashtag": (_hashtag, 2),
    "joined": (_joined, 1),
    "marked_up": (_marked_up, 1),
    "lookalike": (_lookalike, 1),
    "upper": (_upper, 2),
    "alternating": (_alternating, 1),
    "handle": (_handle, 1),
}


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
    weights = [weight for _, weight in _DISGUISES.values()]
    name = rng.choices(list(_DISGUISES), weights)[0]
    changed = _DISGUISES[name][0](text if rng.random() < 0.5 else text.lower(), rng)
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
