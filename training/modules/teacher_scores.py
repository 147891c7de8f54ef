"""A teacher's scores of texts, kept in a file so that training repeats without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from toxicity_j.builtin_encoder import Encoder

__all__ = ["are_known", "teacher_scores"]


def are_known(teacher: Path | None, cache: Path | None) -> bool:
    """Return whether there is a teacher, or a file of its scores."""
    return teacher is not None or (cache is not None and cache.is_file())


def teacher_scores(
    teacher: Path | None, texts: Sequence[str], cache: Path | None
) -> np.ndarray | None:
    """Score each text with the encoder, or take P(toxic) from the cache; None without
    either. *Shape:* (n,)

    Raises:
        ValueError: Some texts are not in the cache, and there is no teacher.
    """
    if not are_known(teacher, cache):
        return None
    known: dict[str, float] = {}
    if cache is not None and cache.is_file():
        table = pd.read_parquet(cache)
        known = dict(zip(table.text, table.p_toxic, strict=True))
    missing = [text for text in texts if text not in known]
    if missing and teacher is None:
        raise ValueError(
            "`scores` must hold all texts when there is no `teacher`;"
            f" {len(missing)} are missing"
        )
    if missing:
        found = load_teacher(teacher).p_toxic(missing)
        known |= zip(missing, found.tolist(), strict=True)
        if cache:
            table = pd.DataFrame(known.items(), columns=["text", "p_toxic"])
            table.to_parquet(cache)
    return np.array([known[text] for text in texts], dtype=np.float32)


def load_teacher(path: Path) -> Encoder:
    """Load an encoder."""
    # bfloat16 is close enough to learn from, and quicker.
    return Encoder.from_pretrained(path, dtype="bfloat16")
