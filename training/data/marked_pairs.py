"""Pairs that were marked by reading: how much content is kept, how fluent the text is,
and how toxic.

`pair_marks.parquet` holds no text, only numbers: a key of each pair and its marks in
per cent, given by a large language model that read the pair and a guide (model card).
Pairs that another run's language model wrote differ, so its tables hold fewer of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from training.synthetic.own_texts import MARKS, own_pairs

__all__ = ["MARK_TRUST", "OWN_SHARE", "OWN_TRUST", "key_of", "marked_pairs"]

# How far a mark counts beside what the encoder said before, where a mean of both agrees
# with people better than either; and a mark of a pair of our own.
MARK_TRUST, OWN_TRUST = 0.6, 0.9
# How often a pair of our own is drawn.
OWN_SHARE = 0.6
# A text that is marked above this has no fault.
_SOUND = 0.95
_FILE = Path(__file__).parent / "pair_marks.parquet"


def key_of(source: str, text: str) -> int:
    """Return the number by which a pair's marks are found."""
    digest = sha256(f"{source}\n{text}".encode()).digest()
    return int.from_bytes(digest[:7])


def marked_pairs(tables: Iterable[pd.DataFrame], file: Path = _FILE) -> pd.DataFrame:
    """Find the marked pairs of some tables, and add those of our own.

    What cannot be read is not kept either: content counts times the root of fluency,
    which agrees with people better than content alone.

    Args:
        tables: columns source and text.
        file: of keys and marks.

    Returns:
        Columns source and text; label: how much content is kept, in [0, 1]; share: how
        far that counts beside what the encoder said before, in [0, 1]; is_sound: the
        text is one of our own, and has no fault; weight: how often the pair is drawn.
    """
    marks = pd.read_parquet(file).set_index("key")
    pairs = pd.concat([table[["source", "text"]] for table in tables])
    pairs = pairs.drop_duplicates()
    keys = [key_of(*pair) for pair in pairs.itertuples(index=False)]
    pairs = pairs.assign(key=keys)
    pairs = pairs[pairs.key.isin(marks.index)]
    found = marks.loc[pairs.key, list(MARKS)].reset_index(drop=True) / 100
    sides = pairs[["source", "text"]].reset_index(drop=True)
    known = pd.concat([sides, found], axis=1)
    known = known.assign(share=MARK_TRUST, is_sound=False)
    own = pd.DataFrame(own_pairs())
    own = own.assign(share=OWN_TRUST, is_sound=own.fluency > _SOUND)
    print(f"{len(known)} of {len(marks)} marked pairs, {len(own)} of our own")
    known = known.assign(weight=(1 - OWN_SHARE) / max(1, len(known)))
    own = own.assign(weight=OWN_SHARE / len(own))
    both = pd.concat([known, own], ignore_index=True)
    both = both.assign(label=both.content * np.sqrt(both.fluency))
    return both[["source", "text", "label", "share", "is_sound", "weight"]]
