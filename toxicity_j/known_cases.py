"""Segments whose score is known without a model: blank predictions and exact copies.

They are decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .text import is_blank, normalize

__all__ = ["KNOWN_CASES", "KnownCase", "override_known_cases"]


@dataclass(frozen=True)
class KnownCase:
    """A kind of segment whose score is known without a model.

    Attributes:
        applies: from a prediction and the text it is compared with to whether this is
            such a segment.
        scores: the known score by role; other roles are left to the models.
    """

    applies: Callable[[str, str], bool]
    scores: dict[str, float]


def _has_blank_prediction(prediction: str, other: str) -> bool:
    return is_blank(prediction)


def _is_copy(prediction: str, other: str) -> bool:
    # The quick answer; normalizing is slow.
    if prediction == other:
        return True
    return normalize(prediction).lower() == normalize(other).lower()


# A blank prediction is blank first, even where it copies a blank source. Both cases go
# by the normalized texts.
#
# | case | where | SIM | FL |
# |---|---|---|---|
# | blank prediction | protocols with `blank_is_zero` | 0 | 0 |
# | copy, up to case and normalization | SIM of the built-in encoder | 1 | the model's |
KNOWN_CASES = {
    "blank": KnownCase(_has_blank_prediction, {"content": 0.0, "fluency": 0.0}),
    "copy": KnownCase(_is_copy, {"content": 1.0}),
}


def override_known_cases(
    case: str,
    role: str,
    scores: np.ndarray,
    predictions: Sequence[str],
    others: Sequence[str] | None = None,
) -> np.ndarray:
    """Return the scores with the known score put in where a case applies.

    Args:
        case: a key of `KNOWN_CASES`.
        role: "content" or "fluency".
        scores: *Shape:* (n,)
        predictions: n texts.
        others: n texts that the predictions are compared with; not needed for the case
            "blank".
    """
    known = KNOWN_CASES[case]
    if others is None:
        others = [""] * len(predictions)
    pairs = zip(predictions, others, strict=True)
    applies = [known.applies(*pair) for pair in pairs]
    return np.where(applies, known.scores[role], scores)
