"""Which model plays which role in a protocol, how it is loaded, and how a signature names it.

A new kind of model is a class with a `score` method in a module of its own, a line in `_LOADERS`, and its name among
the kinds of protocols.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from .batching import Scored
from .builtin_identifier import MODEL_FILE as IDENTIFIER_FILE
from .builtin_weights import SHA256
from .checkpoints import ModelRef, folder_digest
from .cpu_linear import can_use_onednn
from .devices import resolve_device, resolve_dtype
from .model_builtin import BuiltInEncoder, Identifier
from .model_classifier import Classifier
from .model_embedding import SentenceEmbedding
from .model_overlap import Chrf
from .model_pair import PairRegressor, PooledEmbedding
from .model_wieting import MODEL_FILE, WietingEmbedding, missing_files
from .model_xcomet import Xcomet, is_xcomet
from .options import RunOptions
from .protocols import ENCODER, IDENTIFIER, WIETING
from .protocols import Protocol as JProtocol
from .rules import find_class

logger = logging.getLogger("toxicity_j")

Role: TypeAlias = Literal["style", "content", "fluency"]
Progress: TypeAlias = Callable[..., Any] | None

# The built-in weights behind each built-in name.
_SHIPPED = {ENCODER: "encoder.safetensors", IDENTIFIER: "identifier.safetensors"}


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
        is_borderline: Callable[[np.ndarray], np.ndarray] | None = None,
        progress: Progress = None,
    ) -> Scored:
        """Compute P(toxic) of each text, in [0, 1]. *Shape:* (n,)."""


class PairModel(Model, Protocol):
    """A model of SIM."""

    def score(self, first: Sequence[str], second: Sequence[str], *, progress: Progress = None) -> Scored:
        """Compute the similarity of each pair, a source or reference first, a prediction second. *Shape:* (n,)."""


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


@dataclass(frozen=True)
class Component:
    """One model and its role in a protocol.

    Attributes:
        role: which factor it serves.
        kind: how it is run, a key of `_LOADERS`.
        model: which model; None for chrF, which has none.
        positive_class: what the class that is read means: "toxic", "neutral" or "acceptable".
        index: that class by its index, as the protocol states it; None where the label's name decides.
        label: the "toxic" or "acceptable" class as the user names it, by name or index.
        tokenizer: a model whose tokenizer is used in place of its own.
        is_published: the model is the protocol's own, so its classes are known by index whatever their labels say.
        truncate_raw: see `Classifier`.
    """

    role: Role
    kind: str
    model: ModelRef | None
    positive_class: str = ""
    index: int | None = None
    label: str | int | None = None
    tokenizer: ModelRef | None = None
    is_published: bool = False
    truncate_raw: bool = False


def style_component(
    protocol: JProtocol, model: str | None, label: str | int | None, tokenizer: str | None
) -> Component:
    """Return the STA component: the protocol's, or the given model, which brings its own tokenizer."""
    style = protocol.style
    ref = ModelRef.parse(style.model if model is None else model, "style_model")
    if ref.name in _SHIPPED and ref.folder is None:
        return Component("style", ref.name, ref)
    if ref.folder is not None and (ref.folder / IDENTIFIER_FILE).is_file():
        return Component("style", IDENTIFIER, ref)
    is_published = _is_same_model(ref, style.model)
    if tokenizer is None and (is_published or _lacks_tokenizer(ref)):
        tokenizer = style.tokenizer
    return Component(
        "style",
        "classifier",
        ref,
        positive_class=style.label_is if label is None else "toxic",
        index=style.label,
        label=label,
        tokenizer=None if tokenizer is None else ModelRef.parse(tokenizer, "style_tokenizer"),
        is_published=is_published,
        truncate_raw=style.truncate_raw,
    )


def content_component(protocol: JProtocol, model: str | None) -> Component:
    """Return the SIM component: the protocol's, or the given model; a folder shows by its files what it holds."""
    content = protocol.content
    if content is None:
        raise ValueError(f"the protocol {protocol.name!r} has no content factor")
    ref = ModelRef.parse(content.model if model is None else model, "content_model")
    is_builtin = ref.folder is None and ref.name in (ENCODER, WIETING)
    if is_builtin:
        kind = ref.name
    elif _holds(ref, MODEL_FILE):
        kind = "wieting"
    elif content.kind == "wieting" and ref.folder is not None and not _holds(ref, "config.json", "modules.json"):
        kind = "wieting"  # a folder without its files, which the error names
    elif content.kind in ("wieting", "encoder") or _holds(ref, "modules.json"):
        kind = "sentence"
    else:
        kind = content.kind
    return Component("content", kind, ref)


def fluency_component(protocol: JProtocol, model: str | None, label: str | int | None) -> Component:
    """Return the FL component: the protocol's, or the given model."""
    fluency = protocol.fluency
    if fluency is None:
        raise ValueError(f"the protocol {protocol.name!r} has no fluency factor")
    name = fluency.model if model is None else model
    ref = None if name is None else ModelRef.parse(name, "fluency_model")
    is_published = ref is not None and _is_same_model(ref, fluency.model)
    if model is None or ref is None:
        kind = fluency.kind
    elif ref.name == ENCODER and ref.folder is None:
        kind = "encoder"
    elif fluency.kind == "xcomet" and (is_published or is_xcomet(ref)):
        kind = "xcomet"
    else:
        kind = "classifier"
    return Component(
        "fluency",
        kind,
        ref,
        positive_class="acceptable",
        index=fluency.label,
        label=label,
        is_published=is_published,
        truncate_raw=fluency.truncate_raw,
    )


def load(component: Component, run: RunOptions) -> Any:
    """Load a component's model, ready to score.

    Raises:
        ImportError: an extra is not installed.
        OSError: the model is missing, gated, out of reach or damaged.
        ValueError: a folder does not hold what it should.
    """
    device = resolve_device(run.device)
    if run.precision != "float32" and device.type == "cpu" and not can_use_onednn(device, resolve_dtype(run.precision)):
        logger.warning("this processor has no instructions for %s: float32 is faster on it", run.precision)
    options = {"device": device, "batch_size": run.batch_size, "dtype": run.precision}
    return _LOADERS[component.kind](component, options)


def _load_classifier(component: Component, options: dict[str, Any]) -> Classifier:
    return Classifier(
        _model(component),
        role=component.role,
        tokenizer=component.tokenizer,
        truncate_raw=component.truncate_raw,
        **options,
    )


def _load_identifier(component: Component, options: dict[str, Any]) -> Identifier:
    return Identifier(_model(component).folder, device=options["device"], batch_size=options["batch_size"])


def _load_wieting(component: Component, options: dict[str, Any]) -> WietingEmbedding:
    ref = _model(component)
    if ref.folder is None:
        raise FileNotFoundError(missing_files())
    return WietingEmbedding(ref)


_LOADERS: dict[str, Callable[[Component, dict[str, Any]], Model]] = {
    "encoder": lambda component, options: BuiltInEncoder(**options),
    "identifier": _load_identifier,
    "classifier": _load_classifier,
    "sentence": lambda component, options: SentenceEmbedding(_model(component), **options),
    "wieting": _load_wieting,
    "pooler": lambda component, options: PooledEmbedding(_model(component), **options),
    "regression": lambda component, options: PairRegressor(_model(component), **options),
    "xcomet": lambda component, options: Xcomet(_model(component), **options),
    "chrf": lambda component, options: Chrf(),
}


def resolve_class(component: Component, classifier: Classifier) -> tuple[int, str]:
    """Return the index of the class that is read, and what it means ("toxic", "neutral" or "acceptable").

    Raises:
        ValueError: the labels do not say, or lack the one that the user named; they are listed.
    """
    meaning, option = component.positive_class, f"{component.role}_label"
    if component.label is not None:
        return classifier.label_index(component.label), meaning
    if component.is_published and component.index is not None:
        if component.index not in classifier.labels:
            raise ValueError(
                f"`label` of the protocol must be a class of {component.model}, {dict(classifier.labels)}; "
                f"got {component.index}"
            )
        return component.index, meaning
    found = find_class(classifier.labels, meaning, component.index, option)
    if not found.by_name:
        logger.warning(
            "the labels of %s, %s, do not say which is %s; class %d is read, as in the protocol's own model. "
            "Give `%s` if it is another",
            component.model,
            dict(classifier.labels),
            meaning,
            found.index,
            option,
        )
    return found.index, meaning


def name_in_signature(component: Component, loaded: Any, index: int, meaning: str) -> str:
    """Return the model, which one exactly, and the class read of it.

    "Exactly" is the commit of a Hub model, or a digest of a folder or of built-in weights.

    Args:
        component: the component.
        loaded: its model.
        index: the class that is read, if the model is a classifier.
        meaning: what that class means, see `resolve_class`.
    """
    name = component.kind if component.model is None else _exact(component.model, loaded.revision)
    if component.kind != "classifier":
        return name
    tokenizer = "" if component.tokenizer is None else f"+{_exact(component.tokenizer, '')}"
    return f"{name}{tokenizer}#{index}={meaning}"


def _exact(ref: ModelRef, commit: str) -> str:
    if ref.folder is not None:
        return f"{ref.folder.resolve().name}@{folder_digest(ref.folder)}"
    if ref.name in _SHIPPED:
        return f"{ref.name}@{SHA256[_SHIPPED[ref.name]][:8]}"
    revision = commit or (ref.revision if ref.revision != "main" else "")
    return f"{ref.name}@{revision}" if revision else ref.name


def _model(component: Component) -> ModelRef:
    if component.model is None:
        raise ValueError(f"`{component.role}_model` must be given for the kind {component.kind!r}; got None")
    return component.model


def _is_same_model(ref: ModelRef, published: str | None) -> bool:
    return published is not None and ref.name == published


def _holds(ref: ModelRef, *files: str) -> bool:
    return ref.folder is not None and any((ref.folder / file).is_file() for file in files)


def _lacks_tokenizer(ref: ModelRef) -> bool:
    folder = ref.folder
    return folder is not None and not any(folder.glob("*token*")) and not any(folder.glob("*.model"))
