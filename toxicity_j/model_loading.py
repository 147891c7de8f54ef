"""How each kind of model is loaded.

A new kind of model is a class with a `score` method (see `model_interface`) in a module
of its own, a line in `LOADERS`, and its name among the kinds of protocol_records.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

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


def _load_sentence(component: Component, options: dict[str, Any]) -> SentenceEmbedding:
    return SentenceEmbedding(_model(component), **options)


def _load_wieting(component: Component, options: dict[str, Any]) -> WietingEmbedding:
    ref = _model(component)
    if ref.folder is None:
        raise FileNotFoundError(missing_files())
    return WietingEmbedding(ref)


def _load_pooler(component: Component, options: dict[str, Any]) -> PooledEmbedding:
    return PooledEmbedding(_model(component), **options)


def _load_regression(component: Component, options: dict[str, Any]) -> PairRegressor:
    return PairRegressor(_model(component), **options)


def _load_xcomet(component: Component, options: dict[str, Any]) -> Xcomet:
    return Xcomet(_model(component), **options)


def _load_chrf(component: Component, options: dict[str, Any]) -> Chrf:
    return Chrf()


LOADERS: dict[str, Callable[[Component, dict[str, Any]], Model]] = {
    "encoder": _load_encoder,
    "identifier": _load_identifier,
    "classifier": _load_classifier,
    "sentence": _load_sentence,
    "wieting": _load_wieting,
    "pooler": _load_pooler,
    "regression": _load_regression,
    "xcomet": _load_xcomet,
    "chrf": _load_chrf,
}


def _model(component: Component) -> ModelRef:
    if component.model is None:
        raise ValueError(
            f"`{component.role}_model` must be given for the kind {component.kind!r};"
            " got None"
        )
    return component.model
