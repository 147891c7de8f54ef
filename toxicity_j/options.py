"""What a Scorer is given besides texts, checked before any model is loaded."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .checks import check_flag, check_number, check_whole
from .devices import Device, resolve_device, resolve_dtype
from .protocol_records import IDENTIFIER


@dataclass(frozen=True)
class RunOptions:
    """How models run: nothing here may move a score by more than rounding.

    Attributes:
        device: where models run; chosen when a model is loaded if None.
        precision: a name in `DTYPES`.
        batch_size: largest number of texts per batch; chosen by their length if None.
    """

    device: torch.device | None = None
    precision: str = "float32"
    batch_size: int | None = None


@dataclass(frozen=True)
class Options:
    """The options of a `Scorer`, under the names of its arguments; see there.

    Raises:
        TypeError: an option has the wrong type.
        ValueError: an option's value is not valid.
    """

    style_model: str | None = None
    content_model: str | None = None
    fluency_model: str | None = None
    device: Device = None
    batch_size: int | None = None
    threshold: float | None = None
    soft: bool | None = None
    dtype: str = "float32"
    progress: bool | None = None
    newline: bool | None = None
    style_label: str | int | None = None
    fluency_label: str | int | None = None
    style_tokenizer: str | None = None

    def __post_init__(self) -> None:
        for name in ("soft", "progress", "newline"):
            check_flag(f"`{name}`", getattr(self, name), optional=True)
        for name in ("content_model", "fluency_model"):
            value = getattr(self, name)
            if isinstance(value, str) and value == IDENTIFIER:
                raise ValueError(
                    f"`{name}` cannot be 'identifier', which knows toxicity only (built"
                    " in: 'encoder')"
                )
        for name in ("style_label", "fluency_label"):
            _check_label(name, getattr(self, name))
        if self.threshold is not None:
            check_number(
                "`threshold`",
                self.threshold,
                0,
                1,
                kind="probability of the toxic class,",
            )
        if self.batch_size is not None:
            check_whole("`batch_size`", self.batch_size, 1)
        # Found out now and not after a download.
        if self.device is not None:
            resolve_device(self.device)
        resolve_dtype(self.dtype)

    @property
    def run(self) -> RunOptions:
        """How models run."""
        device, batch_size = None, None
        if self.device is not None:
            device = resolve_device(self.device)
        if self.batch_size is not None:
            batch_size = int(self.batch_size)
        return RunOptions(device, self.dtype, batch_size)


def _check_label(name: str, value: object) -> None:
    if value is None or isinstance(value, str):
        return
    try:
        check_whole(f"`{name}`", value, 0)
    except TypeError:
        # The message of `check_whole` would not say that a name is possible.
        raise TypeError(
            f"`{name}` must be a label's name or its index; got {value!r:.100}"
        ) from None
