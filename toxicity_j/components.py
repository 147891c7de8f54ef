"""Which model plays which role in a protocol: the protocol's own, or the one that the
user gave in its place.

How a component's model is loaded and named in a signature is in `model_loading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .builtin_identifier_config import MODEL_FILE as IDENTIFIER_FILE
from .checkpoints import ModelRef
from .model_wieting import MODEL_FILE as WIETING_FILE
from .model_xcomet_settings import is_xcomet
from .options import Options
from .protocol_records import ENCODER, IDENTIFIER, WIETING, Content, Protocol

__all__ = ["Component", "Role", "choose_components"]

Role: TypeAlias = Literal["style", "content", "fluency"]


@dataclass(frozen=True)
class Component:
    """One model and its role in a protocol.

    Attributes:
        role: which factor it serves.
        kind: how it is run, a key of `model_loading.LOADERS`.
        model: which model; None for chrF, which has none.
        positive_class: what the class that is read means: "toxic", "neutral" or
            "acceptable".
        index: that class by its index, as the protocol states it; None where the
            label's name decides.
        label: the "toxic" or "acceptable" class as the user names it, by name or index.
        tokenizer: a model whose tokenizer is used in place of its own.
        is_published: the model is the protocol's own, so its classes are known by index
            whatever their labels say.
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


def choose_components(protocol: Protocol, options: Options) -> dict[Role, Component]:
    """Return the component of each factor that the protocol has.

    Raises:
        TypeError: a model is not named by a string.
        ValueError: a model is given for a factor that the protocol leaves out, or its
            name is not valid.
    """
    chosen: dict[Role, Component | None] = {
        "style": _style_component(protocol, options),
        "content": _content_component(protocol, options),
        "fluency": _fluency_component(protocol, options),
    }
    components: dict[Role, Component] = {}
    for role, component in chosen.items():
        if component is not None:
            components[role] = component
        elif getattr(options, f"{role}_model") is not None:
            raise ValueError(
                f"`{role}_model` must be None: the protocol {protocol.name!r} has no"
                f" {role} factor"
            )
    return components


def _style_component(protocol: Protocol, options: Options) -> Component:
    """Return the STA component."""
    # A model that replaces the protocol's brings its own tokenizer.
    style = protocol.style
    ref = _given_or_own(options.style_model, style.model, "style_model")
    kind = None
    if _is_builtin(ref, ENCODER, IDENTIFIER):
        kind = ref.name
    elif _holds(ref, IDENTIFIER_FILE):
        kind = IDENTIFIER
    if kind is not None:
        _check_unread(options, kind, "style_label", "style_tokenizer")
        return Component("style", kind, ref)
    is_published = ref.name == style.model
    # The protocol's class may be "neutral", but a user names the toxic one.
    positive_class: str = style.label_is
    if options.style_label is not None:
        positive_class = "toxic"
    tokenizer = options.style_tokenizer
    # A model that a user gives brings its own tokenizer, unless its folder has none.
    if tokenizer is None and (is_published or _lacks_tokenizer(ref)):
        tokenizer = style.tokenizer
    return Component(
        "style",
        "classifier",
        ref,
        positive_class=positive_class,
        index=style.label,
        label=options.style_label,
        tokenizer=_parse_optional(tokenizer, "style_tokenizer"),
        is_published=is_published,
        truncate_raw=style.truncate_raw,
    )


def _content_component(protocol: Protocol, options: Options) -> Component | None:
    """Return the SIM component, if the protocol has one."""
    content = protocol.content
    if content is None:
        return None
    ref = _given_or_own(options.content_model, content.model, "content_model")
    return Component("content", _content_kind(content, ref), ref)


def _content_kind(content: Content, ref: ModelRef) -> str:
    """Return how a SIM model is run; a folder shows by its files what it holds."""
    if _is_builtin(ref, ENCODER, WIETING):
        return ref.name
    if _holds(ref, WIETING_FILE):
        return WIETING
    # Written by sentence-transformers beside each model that it saves.
    if _holds(ref, "modules.json"):
        return "sentence"
    if (
        content.kind == WIETING
        and ref.folder is not None
        and not _holds(ref, "config.json")
    ):
        return (
            WIETING  # a folder that lacks the files: the error of this kind names them
        )
    if content.kind in (WIETING, ENCODER):
        return "sentence"
    return content.kind


def _fluency_component(protocol: Protocol, options: Options) -> Component | None:
    """Return the FL component, if the protocol has one."""
    fluency = protocol.fluency
    if fluency is None:
        return None
    name = fluency.model
    if options.fluency_model is not None:
        name = options.fluency_model
    ref = _parse_optional(name, "fluency_model")
    if ref is None:
        _check_unread(options, fluency.kind, "fluency_label")
        return Component("fluency", fluency.kind, None)
    is_published = ref.name == fluency.model
    if options.fluency_model is None:
        kind: str = fluency.kind
    elif _is_builtin(ref, ENCODER):
        kind = ENCODER
    elif fluency.kind == "xcomet" and (is_published or is_xcomet(ref)):
        kind = "xcomet"
    else:
        kind = "classifier"
    if kind != "classifier":
        _check_unread(options, kind, "fluency_label")
    return Component(
        "fluency",
        kind,
        ref,
        positive_class="acceptable",
        index=fluency.label,
        label=options.fluency_label,
        is_published=is_published,
        truncate_raw=fluency.truncate_raw,
    )


def _check_unread(options: Options, kind: str, *names: str) -> None:
    """Check that nothing is set that only a classifier reads."""
    for name in names:
        if getattr(options, name) is not None:
            raise ValueError(
                f"`{name}` must be None for a model of the kind {kind!r}, which is no"
                f" classifier; got {getattr(options, name)!r}"
            )


def _given_or_own(given: str | None, own: str, argument: str) -> ModelRef:
    if given is None:
        return ModelRef.parse(own, argument)
    return ModelRef.parse(given, argument)


def _parse_optional(model: str | None, argument: str) -> ModelRef | None:
    if model is None:
        return None
    return ModelRef.parse(model, argument)


def _is_builtin(ref: ModelRef, *names: str) -> bool:
    return ref.folder is None and ref.name in names


def _holds(ref: ModelRef, file: str) -> bool:
    return ref.folder is not None and (ref.folder / file).is_file()


def _lacks_tokenizer(ref: ModelRef) -> bool:
    if ref.folder is None:
        return False
    patterns = ("*token*", "*.model")
    return not any(any(ref.folder.glob(pattern)) for pattern in patterns)
