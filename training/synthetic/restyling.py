"""Sentences in another tone: polite, persuasive, catchy or formal. What they say stays.

Full rewrites of style add many words and lose none of the content, so the overlap of
words says little about them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.synthetic.edits import KEEPS, edit
from training.synthetic.lexicon import FUNCTION_WORDS, content_places
from training.synthetic.spelling import bare, capitalized, with_stop
from training.synthetic.templates import FOLDER, read_slots
from training.synthetic.word_edits import insert
from training.synthetic.word_tables import exchange

__all__ = ["restyled"]

_WORDS = read_slots(FOLDER / "restyling.txt")
_ORDERS = frozenset(_WORDS["orders"])
# A word after one of these takes an adjective.
_BEFORE_ADJECTIVES = frozenset(
    ["the", "this", "that", "these", "your", "our", "my", "his", "her", "their"]
)
# Edits of `edits_keeping` that change the tone alone.
_TONES = {name: KEEPS[name] for name in ("contraction", "synonym", "spelling")}
# Words of a sentence that become formal at most.
_MOST_FORMAL = 4


def _lead(text: str, rng: Random) -> str | None:
    """Put a polite or personal phrase before a sentence."""
    first = bare(text.split()[0])
    if "?" in text:
        lead = rng.choice(_WORDS["before questions"])
        return capitalized(lead) + " " + _without_capital(text)
    is_order = first in _ORDERS
    body = text
    if is_order and first == "please":
        _, _, body = text.partition(" ")
    if not body:
        return None
    lead = rng.choice(_WORDS["before orders" if is_order else "before statements"])
    return capitalized(lead) + " " + _without_capital(body)


def _headline(text: str, rng: Random) -> str:
    body = text.rstrip(" .!")
    if rng.random() < 0.5:
        # As headlines are written.
        body = " ".join(
            word if bare(word) in FUNCTION_WORDS else capitalized(word)
            for word in body.split()
        )
    return f"{rng.choice(_WORDS['headlines'])} {body}" + rng.choice(["!", "", "."])


def _tail(text: str, rng: Random) -> str | None:
    body = text.rstrip(" .!")
    if not body or body.endswith("?"):
        return None
    tail = rng.choice(_WORDS["after"])
    joint = "" if tail.startswith(",") else " "
    return body + joint + tail + rng.choice([".", "!"])


def _sentence_after(text: str, rng: Random) -> str:
    return f"{with_stop(text)} {rng.choice(_WORDS['sentences after'])}"


def _adjective(text: str, rng: Random) -> str | None:
    words = text.split()
    content = set(content_places(words))
    places = [
        place + 1
        for place, word in enumerate(words[:-1])
        if bare(word) in _BEFORE_ADJECTIVES and place + 1 in content
    ]
    if not places:
        return None
    return " ".join(insert(words, rng.choice(places), rng.choice(_WORDS["adjectives"])))


def _formal(text: str, rng: Random) -> str | None:
    return exchange(text, rng, "formal", _MOST_FORMAL)


def _tone(text: str, rng: Random) -> str | None:
    found = edit(text, _TONES, rng)
    return None if found is None else found[0]


_MOVES: tuple[Callable[[str, Random], str | None], ...] = (
    _lead, _headline, _tail, _sentence_after, _adjective, _formal, _tone,
)  # fmt: skip


def restyled(text: str, rng: Random) -> str | None:
    """Write a sentence in another tone by one to three moves; None where none fits."""
    changed = text
    for move in rng.sample(_MOVES, rng.choice([1, 2, 2, 3])):
        found = move(changed, rng) if changed.split() else None
        changed = changed if found is None else found
    return None if changed == text else changed


def _without_capital(text: str) -> str:
    """Write a sentence as the rest of another: names keep their capital where the
    second letter shows that they are one.
    """
    first, _, _ = text.partition(" ")
    if bare(first) in FUNCTION_WORDS | _ORDERS and bare(first) != "i":
        return text[:1].lower() + text[1:]
    return text
