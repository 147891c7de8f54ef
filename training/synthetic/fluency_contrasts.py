"""Broken sentences beside sound ones that differ in one place, of the errors that a fluency score overlooks.

Handwritten pairs with slots, and sound sentences broken by rule (`broken_rules`). They are no benchmark.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Sequence

from training.synthetic.broken_rules import BREAKS
from training.synthetic.chat import chat_noise
from training.synthetic.templates import FOLDER, fill_together, read_sections, read_slots

__all__ = ["broken_indices", "chat_noise", "fluency_contrasts"]

Row = tuple[str, str, str, list[int]]
# Share of handwritten pairs where sound sentences are given.
_HANDWRITTEN_SHARE = 0.35
# Share of pairs in lower case on both sides, and with spaces before the punctuation: neither is an error.
_LOWER_SHARE = 0.3


def broken_indices(broken: str, sound: str) -> list[int]:
    """Say which words of a broken sentence are wrong, counted from 0 after splitting at white space.

    Words that the sound sentence has not are wrong; where words are missing, the word after the gap, or the last one.
    """
    words, model = broken.split(), sound.split()
    wrong: set[int] = set()
    for tag, start, end, _, _ in difflib.SequenceMatcher(a=words, b=model, autojunk=False).get_opcodes():
        if tag == "insert":
            wrong.add(min(start, len(words) - 1))
        elif tag != "equal":
            wrong.update(range(start, end))
    return sorted(wrong)


def _broken_by_rule(sentence: str, rng: random.Random) -> tuple[str, str, str] | None:
    """Break a sentence once, by a rule drawn by weight among those that fit."""
    words = sentence.split()
    if len(words) < 3:
        return None
    names = list(BREAKS)
    while names:
        name = rng.choices(names, [BREAKS[name][1] for name in names])[0]
        broken = BREAKS[name][0](words, rng)
        if broken and broken != words:
            return " ".join(broken), sentence, name
        names.remove(name)
    return None


def fluency_contrasts(rng: random.Random, count: int, sentences: Sequence[str] = ()) -> list[Row]:
    """Draw distinct pairs of a broken and a sound sentence.

    Args:
        rng: decides everything; equal states give equal lists.
        count: how many.
        sentences: sound sentences to break; without any, all pairs are handwritten.

    Returns:
        (broken, sound, kind, indices of the wrong words of the broken sentence); kinds of rules begin with "rule_".

    Raises:
        ValueError: If there are not so many distinct pairs.
    """
    slots = read_slots(FOLDER / "fluency_slots.txt")
    sections = read_sections(FOLDER / "fluency_pairs.txt")
    weights = [len(section.lines) ** 0.5 for section in sections]
    found: dict[tuple[str, str], str] = {}
    for _ in range(20 * count):
        if len(found) >= count:
            break
        if not sentences or rng.random() < _HANDWRITTEN_SHARE:
            section = rng.choices(sections, weights)[0]
            broken, sound = fill_together(rng.choice(section.lines).split(" || "), slots, rng, mend_articles=False)
            kind = section.kind
        else:
            row = _broken_by_rule(rng.choice(sentences), rng)
            if row is None:
                continue
            broken, sound, kind = row[0], row[1], f"rule_{row[2]}"
        if rng.random() < _LOWER_SHARE:
            broken, sound = broken.lower(), sound.lower()
        found.setdefault((broken, sound), kind)
    if len(found) < count:
        raise ValueError(f"`count`: expected at most {len(found)}, got {count}")
    rows = [(broken, sound, kind, broken_indices(broken, sound)) for (broken, sound), kind in found.items()]
    rng.shuffle(rows)
    return rows
