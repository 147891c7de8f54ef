"""What a Scorer is given, options and columns, checked before any model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch

from .checkpoints import ModelRef
from .columns import reference_lists, same_length, texts
from .devices import resolve_device, resolve_dtype
from .protocols import IDENTIFIER, Protocol
from .text import is_blank


@dataclass(frozen=True)
class RunOptions:
    """How models run: nothing here may move a score by more than rounding.

    Attributes:
        device: where models run; chosen when a model is loaded if None.
        precision: a name in `DTYPES`.
        batch_size: largest number of texts per batch; chosen by their length if None.
        progress: a tqdm-like class, called with `total`; None shows nothing.
    """

    device: torch.device | None = None
    precision: str = "float32"
    batch_size: int | None = None
    progress: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Columns:
    """The texts of one call, checked and prepared as the protocol wants them.

    Attributes:
        predictions: n texts.
        sources: n texts, or None.
        references: n lists of texts, or None where there are none or the protocol uses none.
        blank: whether each prediction holds no visible character. *Shape:* (n,), bool.
    """

    predictions: list[str]
    sources: list[str] | None
    references: list[list[str]] | None
    blank: np.ndarray


def checked_columns(protocol: Protocol, predictions: Any, sources: Any, references: Any, languages: Any) -> Columns:
    """The columns of one call as the protocol reads them.

    Raises:
        TypeError: a column is not one of strings.
        ValueError: columns differ in length, or one that the protocol needs is missing.
    """
    predictions = texts(predictions, "predictions")
    sources = None if sources is None else texts(sources, "sources")
    references = None if references is None else reference_lists(references, "references")
    languages = None if languages is None else texts(languages, "languages")
    same_length(predictions=predictions, sources=sources, references=references, languages=languages)
    if protocol.references == "unused":
        references = None
    _check_present(protocol, sources, references)
    return Columns(
        predictions=prepared(protocol, "predictions", predictions),
        sources=None if sources is None else prepared(protocol, "sources", sources),
        references=None if references is None else [prepared(protocol, "references", item) for item in references],
        blank=np.array([is_blank(text) for text in predictions]),
    )


def prepared(protocol: Protocol, column: str, column_texts: Sequence[str]) -> list[str]:
    """Texts as the protocol's script reads them: stripped, or ending in the newline that readlines() keeps."""
    ready = list(column_texts)
    if protocol.strip in ("all", column):
        ready = [text.strip() for text in ready]
    if protocol.newline:
        ready = [text if text.endswith("\n") else text + "\n" for text in ready]
    return ready


def check_options(
    *,
    flags: Mapping[str, object],
    models: Mapping[str, object],
    threshold: object,
    batch_size: object,
    device: object,
    dtype: str,
) -> None:
    """Checks a Scorer's options.

    Args:
        flags: by name, each True, False or None.
        models: by name, each a built-in name, a Hub id, an existing folder, or None.
        threshold: a probability, in [0, 1], or None.
        batch_size: a whole number of at least 1, or None.
        device: one that is there, or None.
        dtype: a name in `DTYPES`.

    Raises:
        TypeError: an option has the wrong type.
        ValueError: its value is not valid.
    """
    for name, value in flags.items():
        if value is not None and not isinstance(value, bool):
            raise TypeError(f"`{name}` must be True, False or None; got {value!r}")
    for name, value in models.items():
        if value is not None:
            _check_model(name, value)
    if threshold is not None:
        _check_threshold(threshold)
    if batch_size is not None:
        _check_batch_size(batch_size)
    if device is not None:
        resolve_device(device)
    resolve_dtype(dtype)


def _check_threshold(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"`threshold` must be a number in [0, 1]; got {value!r}")
    if not 0 <= value <= 1:
        raise ValueError(f"`threshold` must be a probability of the toxic class, in [0, 1]; got {value}")


def _check_batch_size(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"`batch_size` must be a whole number; got {value!r}")
    if value < 1:
        raise ValueError(f"`batch_size` must be at least 1; got {value}")


def _check_model(name: str, value: object) -> None:
    ref = ModelRef.parse(value, name)
    if ref.name == IDENTIFIER and name != "style_model":
        raise ValueError(f"`{name}` cannot be 'identifier', which knows toxicity only (built in: 'encoder')")


def _check_present(protocol: Protocol, sources: list | None, references: list | None) -> None:
    needs_source = protocol.content.source_weight > 0
    if references is None and sources is not None and protocol.references == "required":
        factor = "the third factor of J" if needs_source else "SIM"
        raise ValueError(f"`references` must be given for the protocol {protocol.name!r}: {factor} compares with them")
    if references is not None and sources is None and needs_source:
        raise ValueError(f"`sources` must be given with `references` for the protocol {protocol.name!r}; got None")
