"""Check what a `ToxicityLoss` is called with."""

from __future__ import annotations

import torch

from ..checks import check_choice

FORMS = ("logits", "probabilities", "ids")


def check_inputs(
    inputs: object, form: str, size: int, device: torch.device
) -> torch.Tensor:
    """Return the inputs, if they are what `form` says, for `size` tokens on `device`.

    Raises:
        TypeError: they are not a dense tensor, or of a type that `form` does not have,
            or `form` is not a string.
        ValueError: `form` is unknown, a shape is wrong or empty, or the device differs.
    """
    check_choice("`form`", form, FORMS)
    inputs = _dense("inputs", inputs)
    _check_shape(inputs, form)
    _check_dtype(inputs, form)
    # A wider vocabulary is padding, a narrower one is of another tokenizer.
    if form != "ids" and inputs.shape[-1] < size:
        raise ValueError(
            f"`inputs` must cover the tokenizer's {size} tokens; got {inputs.shape[-1]}"
        )
    if inputs.device != device:
        raise ValueError(
            f"`inputs` must be on the loss's device, {device}; got {inputs.device}"
        )
    return inputs


def checked_mask(mask: object, inputs: torch.Tensor) -> torch.Tensor:
    """Return a mask on the device of the inputs, all True when None.

    Its values are checked where the positions are read (`TokenAligner.align`), because
    a GPU would have to be waited for here. *Shape:* (batch, length)

    Raises:
        TypeError: it is not a dense tensor.
        ValueError: it has another shape.
    """
    shape = inputs.shape[:2]
    if mask is None:
        return torch.ones(shape, dtype=torch.bool, device=inputs.device)
    mask = _dense("mask", mask)
    if mask.shape != shape:
        raise ValueError(
            f"`mask` must have shape {tuple(shape)}; got {tuple(mask.shape)}"
        )
    return mask.to(inputs.device)


def _dense(name: str, value: object) -> torch.Tensor:
    """Return a value, if it is a tensor that is neither sparse nor nested."""
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"`{name}` must be a tensor; got {type(value).__name__}")
    if value.layout != torch.strided or value.is_nested:
        raise TypeError(f"`{name}` must be a dense tensor; got {value.layout}")
    return value


def _check_shape(inputs: torch.Tensor, form: str) -> None:
    shape = tuple(inputs.shape)
    dimensions = 3
    if form == "ids":
        dimensions = 2
    if len(shape) != dimensions:
        raise ValueError(
            f"`inputs` must have {dimensions} dimensions as {form}; got shape {shape}"
        )
    if 0 in shape[:2]:
        raise ValueError(
            f"`inputs` must hold a sequence and a position; got shape {shape}"
        )


def _check_dtype(inputs: torch.Tensor, form: str) -> None:
    is_integer = (
        not inputs.is_floating_point()
        and not inputs.is_complex()
        and inputs.dtype != torch.bool
    )
    if form == "ids" and not is_integer:
        raise TypeError(f"`inputs` must be integers as {form}; got {inputs.dtype}")
    if form == "ids":
        return
    # torch cannot compute with 8 bits.
    if not inputs.is_floating_point() or torch.finfo(inputs.dtype).bits < 16:
        raise TypeError(
            f"`inputs` must be floating-point numbers as {form}, of at least 16 bits;"
            f" got {inputs.dtype}"
        )
