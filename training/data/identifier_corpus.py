"""The texts that the shipped identifier learns from, and what they are to score.

The corpus is the training texts, their sentences, respelled and obfuscated variants,
strings of several texts, and own sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.synthetic.handwritten import STYLE
from training.synthetic.spelling import obfuscate, respell
from training.synthetic.style_contrasts import style_contrasts

__all__ = ["build_corpus", "mix_targets"]

# Shares of the texts that are also seen obfuscated, respelled, and strung together.
_OBFUSCATED, _RESPELLED, _STRUNG = 0.25, 0.1, 0.05
# How often an own sentence is seen respelled.
_OWN_COPIES = 4
# How much of a labeled text's target is the teacher's score, the rest being its label.
_TEACHER_SHARE = 0.7
# A text labeled below the first is clearly harmless; a shorter piece of a text is not a
# sentence.
_HARMLESS, _SHORTEST_SENTENCE = 0.2, 9
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'])")

# A text and P(toxic), NaN where only a teacher can tell.
Example = tuple[str, float]


def build_corpus(
    rows: pd.DataFrame, rude: set[str], contrasts: int, seed: int = 0
) -> tuple[list[str], np.ndarray]:
    """Build the texts and labels in [0, 1], NaN where only a teacher can tell.

    Args:
        rows: columns text and y.
        rude: words to obfuscate.
        contrasts: how many made sentences.
        seed: of the variants.
    """
    rng = Random(seed)
    texts, labels = rows.text.tolist(), rows.y.tolist()
    public = list(zip(texts, labels, strict=True))
    examples: list[Example] = []
    for row in public:
        examples += _variants(row, public, rude, rng)
    for text, label in STYLE:
        examples.append((text, label))
        for _ in range(_OWN_COPIES):
            copy = respell(text, rng)
            examples.append((copy, label))
    for text, label, _ in style_contrasts(rng, contrasts):
        examples.append((text, label))
    examples.append(("", 0.0))
    # The first label of a text counts.
    distinct = dict(reversed(examples))
    levels = np.array([*distinct.values()], dtype=np.float32)
    return list(distinct), levels


def _variants(
    row: Example, rows: Sequence[Example], rude: set[str], rng: Random
) -> Iterator[Example]:
    """Yield a text, its sentences, and variants of it."""
    text, label = row
    yield row
    sentences = _SENTENCE_END.split(text)
    if len(sentences) > 1:
        # A sentence of a longer toxic text may be harmless.
        own_label = np.nan if label > 0.1 else label
        for sentence in sentences:
            if len(sentence) >= _SHORTEST_SENTENCE:
                yield sentence, own_label
    if rng.random() < _OBFUSCATED:
        yield obfuscate(text, rude, rng), label
    if rng.random() < _RESPELLED:
        yield respell(text, rng), label
    if rng.random() < _STRUNG:
        yield _strung(row, rows, rng)


def _strung(row: Example, rows: Sequence[Example], rng: Random) -> Example:
    """Join a text with up to four others; beside a harmless one stand only clearly
    harmless ones.
    """
    count = rng.randint(1, 4)
    others = [rng.choice(rows) for _ in range(count)]
    if row[1] <= 0.5:
        others = [other for other in others if other[1] < _HARMLESS]
    texts, labels = zip(row, *others, strict=True)
    return " ".join(texts), max(labels)


def mix_targets(
    labels: np.ndarray, scores: np.ndarray | None
) -> tuple[np.ndarray, npt.NDArray[np.bool_]]:
    """Mix labels and a teacher's scores: what each text is to score, and which texts
    have a target at all.

    Args:
        labels: NaN for none.
        scores: a teacher's, or None.
    """
    if scores is None:
        return labels, ~np.isnan(labels)
    mixed = _TEACHER_SHARE * scores + (1 - _TEACHER_SHARE) * labels
    targets = np.where(np.isnan(labels), scores, mixed)
    return targets.astype(np.float32), np.ones(len(labels), dtype=bool)
