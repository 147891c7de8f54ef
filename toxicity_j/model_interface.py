"""What every model of a protocol offers, what it gives back, and who collects it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np

__all__ = [
    "Call",
    "CountingEncoder",
    "Mark",
    "Model",
    "PairModel",
    "Progress",
    "QualityModel",
    "Scored",
    "StyleModel",
]

Item = TypeVar("Item")

logger = logging.getLogger("toxicity_j")

# A tqdm-like class, or None for no bar.
Progress: TypeAlias = Callable[..., Any] | None
# Marks rows, as bool. *Shape:* (n, ...) to (n,)
Mark: TypeAlias = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scored:
    """What a model says of texts; `checked` makes one of finite numbers alone.

    Attributes:
        values: one row per text or pair. *Shape:* (n, ...)
        truncated: how many distinct texts the model did not read to their end.
    """

    values: np.ndarray
    truncated: int = 0

    @classmethod
    def checked(
        cls, values: np.ndarray, truncated: int, items: Sequence[Any], model: str
    ) -> Scored:
        """Return the scores if each one is a finite number.

        Args:
            values: *Shape:* (n, ...)
            truncated: see `Scored`.
            items: the n texts or pairs, for the message.
            model: what gave the values, for the message.

        Raises:
            ValueError: a value is infinite or not a number; the model and the first
                such text are named.
        """
        rows = np.isfinite(values).reshape(len(values), -1)
        finite = rows.all(axis=1)
        if finite.all():
            return cls(values, truncated)
        first = int(finite.argmin())
        bad = np.asarray(values[first]).tolist()
        raise ValueError(
            f"{model} gave scores that are not finite: {bad}, first for the text"
            f" {items[first]!r:.200}"
        )


def _no_progress(role: str) -> None:
    return None


@dataclass
class Call:
    """One call of a scorer, while it is under way.

    Attributes:
        progress: from a role to a tqdm-like class, or to None.
        truncated: number of texts that were longer than the model reads, by role.
    """

    progress: Callable[[str], Any] = _no_progress
    truncated: dict[str, int] = field(default_factory=dict)

    def take(self, roles: Sequence[str], scored: Scored) -> np.ndarray:
        """Take a model's values, and count for its roles the texts that it cut."""
        # One pass may serve several roles, and each is told.
        if scored.truncated:
            for role in roles:
                before = self.truncated.get(role, 0)
                self.truncated[role] = before + scored.truncated
        return scored.values

    def warn_of_truncation(self) -> None:
        """Log how many texts were truncated, if any."""
        if self.truncated:
            counts = [
                f"{count} by the {role} model" for role, count in self.truncated.items()
            ]
            logger.warning(
                "texts longer than a model reads were cut: %s", ", ".join(counts)
            )


class CountingEncoder(Generic[Item]):
    """Encode batch after batch, and count the items that were truncated.

    Attributes:
        truncated: how many so far.

    Args:
        encode: encodes a batch, and says of each item whether it was truncated.
    """

    def __init__(
        self, encode: Callable[[Sequence[Any]], tuple[list[Item], list[bool]]]
    ) -> None:
        self.truncated = 0
        self._encode = encode

    def __call__(self, batch: Sequence[Any]) -> list[Item]:
        """Encode one batch."""
        encoded, truncated = self._encode(batch)
        self.truncated += sum(truncated)
        return encoded


class Model(Protocol):
    """What every loaded model says of itself.

    Attributes:
        revision: the commit of a Hub model where it is known; "" for any other.
        dtype: the name of the number format that its scores come from.
    """

    revision: str
    dtype: str


class StyleModel(Model, Protocol):
    """A model of P(toxic) that is not a classifier with labels: the built-in ones."""

    def p_toxic(
        self,
        texts: Sequence[str],
        *,
        is_borderline: Mark | None = None,
        progress: Progress = None,
    ) -> Scored:
        """Compute P(toxic) of each text, in [0, 1]. *Shape:* (n,)."""


class PairModel(Model, Protocol):
    """A model of SIM."""

    def score(
        self, first: Sequence[str], second: Sequence[str], *, progress: Progress = None
    ) -> Scored:
        """Compute similarities, a source or reference first. *Shape:* (n,)."""


class QualityModel(Model, Protocol):
    """A third factor that reads predictions, sources and references: XCOMET, chrF."""

    def score(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None,
        references: Sequence[Sequence[str]] | None,
        *,
        progress: Progress = None,
    ) -> Scored:
        """Compute the factor of each segment. *Shape:* (n,)."""
