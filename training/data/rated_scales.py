"""What the readers of rated data share: scales, tables of labels, and how rows are
stacked.

The maps are judgments of the authors. They follow one question: which score would a
rater of detoxified text give?
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from training.data.tables import read_tsv

# "open" rows may teach the license-clean weights, "research" rows may not.
OPEN, RESEARCH = "open", "research"

# DEMETR: the start of a perturbation's description -> (meaning kept, fluency). None:
# too mixed to learn from.
DEMETR: dict[str, tuple[float | None, float | None]] = {
    "empty string": (0.0, 0.0),
    "unrelated translation": (0.02, 0.93),
    "adding a word": (0.25, None),
    "affirmative to negation": (0.08, None),
    "change of gender pronoun": (0.25, None),
    "changing a word to its antonym": (0.1, None),
    "codemix": (None, 0.3),
    "numbers changed": (0.2, 0.93),
    "remove noun": (0.35, 0.35),
    "remove random named entity": (0.3, 0.35),
    "remove the head": (0.3, 0.3),
    "removes adj or adv": (0.5, None),
    "removes content verb": (0.35, 0.2),
    "replace NE": (0.15, None),
    "shuffled words": (0.25, 0.04),
    "change affirmative to interrogative": (0.3, None),
    "change into hypernym": (0.5, None),
    "change the aspect": (0.75, None),
    "change the tense": (0.4, None),
    "remove prepositional phrase": (0.5, None),
    "change function word": (0.75, 0.45),
    "change pos": (0.85, 0.4),
    "change the case": (0.9, 0.45),
    "conjunction removed": (0.85, 0.55),
    "lowercase first": (0.97, 0.88),
    "lowercase the entire": (0.97, 0.85),
    "misspell": (0.95, 0.65),
    "randomly insert punctuation": (0.93, 0.6),
    "remove one char": (0.93, 0.6),
    "remove the final": (0.98, 0.9),
    "repeat the last word 4": (0.85, 0.15),
    "repeat the last word twice": (0.93, 0.4),
    "tokenize": (0.98, 0.88),
    "two adjacent": (0.88, 0.35),
}


def scaled(values: pd.Series, low: float, high: float) -> pd.Series:
    """Map a scale to [0, 1]; what is no number becomes NaN."""
    numbers = pd.to_numeric(values, errors="coerce")
    shares = (numbers - low) / (high - low)
    return shares.clip(0.0, 1.0)


def mapped(values: pd.Series, table: dict) -> pd.Series:
    """Look each value up; what the table lacks becomes NaN."""
    return values.map(table).astype(float)


def demetr_values(kinds: pd.Series, index: int) -> pd.Series:
    """Look up the kept meaning (index 0) or the fluency (index 1) of each row's
    perturbation.
    """
    table: dict[str, float | None] = {}
    for kind in kinds.unique():
        for start, values in DEMETR.items():
            if kind.startswith(start):
                table[kind] = values[index]
    return mapped(kinds, table)


def simplicity_ratings(folder: Path, column: str) -> pd.Series:
    """Read one rating of simplicity_da.tsv, whose rows are on two scales."""
    frame = read_tsv(folder / "simplicity_da.tsv")
    is_wide = frame.scale.str.startswith("0-100")
    wide = scaled(frame[column], 0, 100)
    narrow = scaled(frame[column], 1, 5)
    return wide.where(is_wide, narrow)


def stacked(
    parts: dict[tuple[str, str], pd.DataFrame], texts: list[str]
) -> pd.DataFrame:
    """Stack the parts; drop rows without a text or label, and texts that their source
    has given before.

    Args:
        parts: rows by source and tier.
        texts: the columns that make two rows equal.
    """
    frames = []
    for (source, tier), part in parts.items():
        frames.append(part.assign(source=source, tier=tier))
    frame = pd.concat(frames).dropna(subset=[*texts, "label"])
    frame[texts] = frame[texts].astype(str)
    return frame.drop_duplicates([*texts, "source"]).reset_index(drop=True)
