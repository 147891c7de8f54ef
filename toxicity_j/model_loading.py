"""How each kind of model is loaded.

A new kind of model is a class with a `score` method (see `model_interface`) in a module
of its own, a line in `LOADERS`, and its name among the kinds of protocol_records.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeAlias

from .checkpoints import ModelRef
from .components import Component
from .cpu_linear import can_use_onednn
from .devices import resolve_device, resolve_dtype
from .model_builtin import BuiltInEncoder, Identifier
from .model_classifier import Classifier
from .model_embedding import SentenceEmbedding
from .model_interface import Model
from .model_overlap import Chrf
from .model_pair import PairRegressor, PooledEmbedding
from .model_wieting import WietingEmbedding, missing_files
from .model_xcomet import Xcomet
from .options import RunOptions

__all__ = ["LOADERS", "load"]

logger = logging.getLogger("toxicity_j")

Loader: TypeAlias = Callable[[Component, dict[str, Any]], Model]


def load(component: Component, run: RunOptions) -> Any:
    """Load a component's model, ready to score.

    Raises:
        ImportError: an extra is not installed.
        OSError: the model is missing, gated, out of reach or damaged.
        ValueError: a folder does not hold what it should.
    """
    device = resolve_device(run.device)
    # A processor without them emulates the format, which is slow.
    if run.precision != "float32" and device.type == "cpu":
        dtype = resolve_dtype(run.precision)
        if not can_use_onednn(device, dtype):
            logger.warning(
                "this processor has no instructions for %s: float32 is faster on it",
                run.precision,
            )
    options = {
        "device": device,
        "batch_size": run.batch_size,
        "dtype": run.precision,
    }
    return LOADERS[component.kind](component, options)


def _load_encoder(component: Component, options: dict[str, Any]) -> BuiltInEncoder:
    return BuiltInEncoder(**options)


def _load_identifier(component: Component, options: dict[str, Any]) -> Identifier:
    folder = _model(component).folder
    return Identifier(
        folder, device=options["device"], batch_size=options["batch_size"]
    )


def _load_classifier(component: Component, options: dict[str, Any]) -> Classifier:
    return Classifier(
        _model(component),
        role=component.role,
        tokenizer=component.tokenizer,
        truncate_raw=component.truncate_raw,
        **options,
    )


def _of_its_reference(kind: Callable[..., Model]) -> Loader:
    """Return the loader of a kind that is told its model and the options alone."""

    def load_it(component: Component, options: dict[str, Any]) -> Model:
        return kind(_model(component), **options)

    return load_it


def _load_wieting(component: Component, options: dict[str, Any]) -> WietingEmbedding:
    ref = _model(component)
    if ref.folder is None:
        raise FileNotFoundError(missing_files())
    return WietingEmbedding(ref)


def _load_chrf(component: Component, options: dict[str, Any]) -> Chrf:
    return Chrf()


LOADERS: dict[str, Loader] = {
    "encoder": _load_encoder,
    "identifier": _load_identifier,
    "classifier": _load_classifier,
    "sentence": _of_its_reference(SentenceEmbedding),
    "wieting": _load_wieting,
    "pooler": _of_its_reference(PooledEmbedding),
    "regression": _of_its_reference(PairRegressor),
    "xcomet": _of_its_reference(Xcomet),
    "chrf": _load_chrf,
}


def _model(component: Component) -> ModelRef:
    if component.model is None:
        raise ValueError(
            f"`{component.role}_model` must be given for the kind {component.kind!r};"
            " got None"
        )
    return component.model
