"""Handwritten sentences with slots: read from text files, filled at random.

A file of skeletons has sections, "## kind number", each followed by one skeleton per
line. A slot `{name}` is filled from a list; `{name}s` by the plural of a filler. Strong
words are stored masked: in a word that starts with "~", the digits 1 to 5 stand for a,
e, i, o, u.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from training.synthetic.spelling import capitalized

__all__ = [
    "FOLDER",
    "Section",
    "Skeletons",
    "content_lines",
    "fill",
    "fill_together",
    "plural",
    "read_sections",
    "read_slots",
    "unmask",
]

FOLDER = Path(__file__).parent / "texts"
_SLOT = re.compile(r"\{(\w+)\}(s\b)?")
_MASKED = re.compile(r"~(\w+)")
_VOWELS = str.maketrans("12345", "aeiou")
# "a" before a vowel letter that is spoken as a vowel; "useful", "one" and "European"
# begin with a consonant sound.
_A_BEFORE_VOWEL = re.compile(
    r"\b([Aa]) (?=[aeiouAEIOU])(?!use|uni|u-|one|eu|Ukr|Eu|US)"
)
# Lists that hold other forms of the words of another list: the plural of the same noun,
# the base of the same verb.
_FORM_OF = {"pl": "sg", "base": "ing"}


@dataclass(frozen=True)
class Section:
    """Skeletons of one kind.

    Attributes:
        kind: what they show.
        label: the score that all of them get, in [0, 1].
        lines: the skeletons.
    """

    kind: str
    label: float
    lines: tuple[str, ...]


class Skeletons:
    """The sections of a file, drawn by kind: a kind counts by the root of its size.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._sections = read_sections(path)
        self._weights = [len(section.lines) ** 0.5 for section in self._sections]
        self._by_kind = {section.kind: section for section in self._sections}

    def draw(self, rng: Random, kinds: Sequence[str] = ()) -> tuple[str, Section]:
        """Draw a skeleton and its section, of one of `kinds` where some are given."""
        if kinds:
            kind = rng.choice(kinds)
            section = self._by_kind[kind]
        else:
            section = rng.choices(self._sections, self._weights)[0]
        return rng.choice(section.lines), section


def unmask(text: str) -> str:
    """Spell out the words that are stored masked."""
    return _MASKED.sub(lambda match: match[1].translate(_VOWELS), text)


def content_lines(path: Path) -> list[str]:
    """Read the lines of a text file without blank lines and "# " comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("# ")]


def read_slots(path: Path) -> dict[str, list[str]]:
    """Read lists of fillers, one "name: filler | filler" per line.

    Raises:
        ValueError: If a line has no name.
    """
    slots = {}
    for line in content_lines(path):
        name, colon, fillers = line.partition(": ")
        if not colon:
            raise ValueError(
                f"`{path.name}`: expected `name: filler | filler`, got {line!r}"
            )
        found = unmask(fillers).split(" | ")
        slots[name] = [filler.strip() for filler in found]
    return slots


def read_sections(path: Path) -> list[Section]:
    """Read the sections of a file of skeletons.

    Raises:
        ValueError: If the first line is not a heading.
    """
    sections: list[tuple[str, float, list[str]]] = []
    for line in content_lines(path):
        if line.startswith("## "):
            kind, label = line[3:].split()
            sections.append((kind, float(label), []))
        elif not sections:
            raise ValueError(
                f"`{path.name}`: expected a heading `## kind number` first, got"
                f" {line!r}"
            )
        else:
            sections[-1][2].append(unmask(line))
    return [Section(kind, label, tuple(lines)) for kind, label, lines in sections]


def plural(word: str) -> str:
    """Put the plural of a filler; of a phrase such as "waste of time", of its first
    word.
    """
    head, of, rest = word.partition(" of ")
    ends_in_vowel_y = head[-2:-1] in "aeiou"
    if head.endswith(("s", "sh", "ch", "x")):
        head += "es"
    elif head.endswith("y") and not ends_in_vowel_y:
        head = head[:-1] + "ies"
    else:
        head += "s"
    return head + of + rest


def fill_together(
    skeletons: list[str],
    slots: dict[str, list[str]],
    rng: Random,
    mend_articles: bool = True,
) -> list[str]:
    """Fill several skeletons alike: `{name}` is the same in all of them, `{name2}`
    another filler of the list `name`.

    Two forms of a word stand at the same index of their lists and are filled alike: see
    `_FORM_OF`.

    Raises:
        KeyError: If a slot has no list.
    """
    names: set[str] = set()
    for match in _SLOT.finditer(" ".join(skeletons)):
        names.add(match[1])
    drawn: dict[str, int] = {}
    chosen: dict[str, list[str]] = {}
    for name in sorted(names):
        root = _FORM_OF.get(name, name)
        if root not in drawn:
            drawn[root] = _draw_filler(root, drawn, slots, rng)
        fillers = slots[name.rstrip("2")]
        chosen[name] = [fillers[drawn[root]]]
    return [fill(skeleton, chosen, rng, mend_articles) for skeleton in skeletons]


def _draw_filler(
    root: str, drawn: dict[str, int], slots: dict[str, list[str]], rng: Random
) -> int:
    """Draw the index of a filler that no other slot of the same list has."""
    list_name = root.rstrip("2")
    free = list(range(len(slots[list_name])))
    for other, index in drawn.items():
        if other.rstrip("2") == list_name:
            free.remove(index)
    return rng.choice(free)


def fill(
    skeleton: str, slots: dict[str, list[str]], rng: Random, mend_articles: bool = True
) -> str:
    """Fill every slot at random; begin with a capital where the skeleton ends like a
    sentence.

    Args:
        skeleton: a sentence with slots.
        slots: the fillers of each list.
        rng: decides which.
        mend_articles: write "an" for "a" before a vowel.

    Raises:
        KeyError: If a slot has no list.
    """

    def chosen(match: re.Match[str]) -> str:
        name, is_plural = match.groups()
        filler = rng.choice(slots[name])
        return plural(filler) if is_plural else filler

    text = _SLOT.sub(chosen, skeleton)
    if mend_articles:
        text = _A_BEFORE_VOWEL.sub(r"\1n ", text)
    if skeleton.startswith("{") and skeleton[-1:] in ".!?":
        text = capitalized(text)
    return text
