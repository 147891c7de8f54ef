"""Real sentences that an earlier identifier suspects of being toxic.

Most of them are harmless: a sharper teacher says which, and the next identifier learns
it. They are the rated sentences of the content and fluency tables, so nothing is held
out among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from toxicity_j.builtin_identifier import ToxicityIdentifier
from training.data.example_table import read_rows

__all__ = ["suspects"]

# From this P(toxic) on a sentence is suspected. The others are learned well already.
_SUSPECTED = 0.1
# Longer texts are of several sentences, and cost the teacher most of its time.
_MOST_TOKENS = 40


def suspects(
    examples: Path, earlier: ToxicityIdentifier, tier: str = "all"
) -> list[str]:
    """Return the distinct sentences that `earlier` suspects, without those of the style
    table.

    Args:
        examples: folder of the tables.
        earlier: judges them.
        tier: of the rows; see `read_rows`.
    """
    known = set(pd.read_parquet(examples / "style.parquet", columns=["text"]).text)
    found = dict.fromkeys(_rated_sentences(examples, tier))
    texts = [text for text in found if text not in known and text.strip()]
    ids = earlier.encode(texts)
    chosen = [
        text for text, row in zip(texts, ids, strict=True) if len(row) <= _MOST_TOKENS
    ]
    scores = earlier.p_toxic(chosen).tolist()
    pairs = zip(chosen, scores, strict=True)
    return [text for text, score in pairs if score > _SUSPECTED]


def _rated_sentences(examples: Path, tier: str) -> Iterator[str]:
    for task in ("content", "fluency"):
        frame, _ = read_rows(examples, task, tier)
        rated = frame[frame.kind.str.startswith("rated_")]
        yield from rated.text
        yield from rated.source
