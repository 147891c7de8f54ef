"""What the tables of content, style and fluency share: ParaDetox's words, lengths of
texts, the columns' rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from training.data.sources import Detoxified, read_paradetox, rude_words
from training.synthetic.lexicon import Lexicon

# Kept out of training, so that it can still serve as a check.
HELD_OUT = ("lai_formality",)
# Longer texts are left out; training reads about half of so many words.
_MAX_WORDS = 90


@dataclass(frozen=True)
class ParaDetox:
    """The training part of ParaDetox and its words.

    Attributes:
        rows: toxic sentences with their rewrites.
        rewrites: of all rows.
        rude: the words that people take out.
        lexicon: the words of the rewrites.
    """

    rows: list[Detoxified]
    rewrites: list[str]
    rude: set[str]
    lexicon: Lexicon


def read_training_paradetox(folder: Path) -> ParaDetox:
    """Read the training part of ParaDetox with its words."""
    rows, _ = read_paradetox(folder)
    rewrites: list[str] = []
    for row in rows:
        rewrites += row.rewrites
    return ParaDetox(rows, rewrites, rude_words(rows), Lexicon(rewrites))


def count_words(texts: pd.Series) -> pd.Series:
    """Count the words of each text."""
    return texts.str.split().str.len()


def select(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the values of some columns, row by row."""
    return zip(*(frame[column] for column in columns), strict=True)


def without_held_out(rated: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rated sources that serve as a check."""
    is_held_out = rated.source.isin(HELD_OUT)
    return rated[~is_held_out]


def distinct_pairs(
    rows: list[tuple], columns: list[str], *limited: str
) -> pd.DataFrame:
    """Make a table of the rows, each pair of a kind once, without blank texts and what
    is too long to train on.

    Args:
        rows: as `columns`.
        columns: with source, text and kind.
        limited: the columns whose texts must not be too long.
    """
    frame = pd.DataFrame(rows, columns=columns).drop_duplicates(
        ["source", "text", "kind"]
    )
    fits = frame.text.str.strip() != ""
    for column in limited:
        fits &= count_words(frame[column]) <= _MAX_WORDS
    return frame[fits].reset_index(drop=True)
