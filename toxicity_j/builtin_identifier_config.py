"""The shape of an identifier, checked when it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["CPU_TOKENS", "MODEL_FILE", "IdentifierConfig", "check_size"]

MODEL_FILE = "identifier.safetensors"
# Tokens of one batch on a CPU: the model is small, so what a batch costs besides its
# tokens weighs more than caches do.
CPU_TOKENS = 8192


@dataclass(frozen=True)
class IdentifierConfig:
    """The shape of an identifier.

    Attributes:
        vocab_size: tokens of the tokenizer; one more row of the embedding, zero, is for
            padding.
        dim: size of a token's embedding.
        channels: filters of each convolution.
        widths: tokens under each convolution (Kim 2014,
            https://aclanthology.org/D14-1181, has 3, 4, 5); empty for a plain bag of
            embeddings.
        hidden: sizes of the hidden linear layers.
        dropout: share of features dropped while training, in [0, 1).
        max_length: tokens read at once; longer texts are read in windows, and the
            largest P(toxic) counts.

    Raises:
        ValueError: a value is out of its range.
    """

    vocab_size: int
    dim: int = 64
    channels: int = 64
    widths: tuple[int, ...] = (2, 3, 4)
    hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.2
    max_length: int = 1024

    def __post_init__(self) -> None:
        for name in ("vocab_size", "dim", "channels", "max_length"):
            check_size(name, getattr(self, name))
        for name in ("widths", "hidden"):
            for value in getattr(self, name):
                check_size(name, value)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1); got {self.dropout!r}")

    @property
    def window_stride(self) -> int:
        """Tokens between the starts of two windows: a quarter of each is in the next
        too, as context for what is there.
        """
        return max(1, self.max_length * 3 // 4)

    def to_json(self) -> str:
        """Return the fields as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> IdentifierConfig:
        """Make a configuration of what `to_json` wrote.

        Raises:
            TypeError: a field is unknown or has the wrong type.
            ValueError: the text is not JSON, or a value is out of its range.
        """
        fields: Mapping[str, object] = json.loads(text)
        lists = {
            name: tuple(value)
            for name, value in fields.items()
            if isinstance(value, list)
        }
        return cls(**{**fields, **lists})  # type: ignore[arg-type]


def check_size(name: str, value: int) -> None:
    """Check that a size is an integer of at least 1.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is below 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be an integer; got {value!r}")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1; got {value}")
