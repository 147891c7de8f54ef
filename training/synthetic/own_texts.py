"""Texts, pairs and twins of our own that were written one by one, without slots.

`texts/own_texts.tsv` has a line per text: the share of readers, in per cent, who would
call it toxic, and the text. `texts/own_pairs.tsv` has blocks: a line "S" with a source,
then lines "R" with a rewrite's kind, its marks of content, fluency and toxicity in per
cent, and the rewrite. `texts/own_twins.tsv` has a line per sound sentence, with the
same one broken. Strong words are masked. They are no benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.synthetic.templates import FOLDER

__all__ = ["MARKS", "OwnPair", "own_pairs", "own_texts", "own_twins"]

# What the marks of a rewrite are of.
MARKS = ("content", "fluency", "toxicity")


@dataclass(frozen=True)
class OwnPair:
    """A source, a rewrite, and what it is marked with.

    Attributes:
        source: the source.
        text: the rewrite.
        kind: K meaning kept in other words, D one detail changed, H harmless change,
            C civil rewrite, L lossy, A something added, Q answer or question, E phrase
            edited, B broken.
        content: how much of the source is kept, in [0, 1].
        fluency: in [0, 1].
        toxicity: share of readers who would call the rewrite toxic, in [0, 1].
    """

    source: str
    text: str
    kind: str
    content: float
    fluency: float
    toxicity: float


def own_texts(folder: Path = FOLDER) -> list[tuple[str, float]]:
    """Read the texts, each with the share of readers who would call it toxic.

    Raises:
        ValueError: a line is not a mark and a text.
    """
    path = folder / "own_texts.tsv"
    texts = []
    for number, line in _lines(path):
        mark, *rest = line.split("\t")
        if len(rest) != 1:
            raise ValueError(f"{path}, line {number}: not a mark and a text")
        texts.append((rest[0], _share(mark, path, number)))
    return texts


def own_pairs(folder: Path = FOLDER) -> list[OwnPair]:
    """Read the pairs.

    Raises:
        ValueError: a line is neither a source nor a rewrite of one.
    """
    path = folder / "own_pairs.tsv"
    pairs: list[OwnPair] = []
    source = None
    for number, line in _lines(path):
        fields = line.split("\t")
        if fields[0] == "S" and len(fields) == 2:
            source = fields[1]
        elif fields[0] == "R" and len(fields) == 3 + len(MARKS) and source:
            _, kind, *marks, text = fields
            shares = [_share(mark, path, number) for mark in marks]
            pairs.append(OwnPair(source, text, kind, *shares))
        else:
            raise ValueError(f"{path}, line {number}: neither a source nor its rewrite")
    return pairs


def own_twins(folder: Path = FOLDER) -> list[tuple[str, str]]:
    """Read the sound sentences, each with a broken twin.

    Raises:
        ValueError: a line is not two different sentences.
    """
    path = folder / "own_twins.tsv"
    twins = []
    for number, line in _lines(path):
        sound, *rest = line.split("\t")
        if len(rest) != 1 or rest[0] == sound:
            raise ValueError(f"{path}, line {number}: not a sentence and its twin")
        twins.append((sound, rest[0]))
    return twins


def _lines(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(enumerate(lines, start=1))


def _share(mark: str, path: Path, number: int) -> float:
    """Turn per cent into a share."""
    if not mark.isdecimal() or int(mark) > 100:
        raise ValueError(f"{path}, line {number}: {mark!r} is no mark from 0 to 100")
    return int(mark) / 100
