"""The components of a protocol with their models: loaded once, the class that is read,
the name in a signature.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from .builtin_weights import name_with_digest
from .checkpoints import ModelRef, folder_digest, resolve_commit
from .class_labels import FoundClass, find_class
from .components import Component, Role
from .model_classifier import Classifier
from .model_loading import load
from .options import RunOptions
from .protocol_records import ENCODER, IDENTIFIER, Protocol
from .rules import Decision

__all__ = ["LoadedComponent", "LoadedComponents", "resolve_class"]

logger = logging.getLogger("toxicity_j")


@dataclass(frozen=True)
class LoadedComponent:
    """A component with its model.

    Attributes:
        component: which model, in which role.
        model: what `load` returned.
        index: the class of a classifier that is read.
        meaning: what that class means: "toxic" or "neutral", "acceptable" or
            "unacceptable".
    """

    component: Component
    model: Any
    index: int = 0
    meaning: str = ""

    @property
    def name_in_signature(self) -> str:
        """The model, which one exactly, and the class that is read of a classifier.

        "Exactly" is the commit of a Hub model, or a digest of a folder or of built-in
        weights.
        """
        component = self.component
        if component.model is None:
            return component.kind
        name = _exact_name(component.model, self.model.revision)
        if component.kind != "classifier":
            return name
        # Another tokenizer gives other scores, so it is named too.
        if component.tokenizer is not None:
            commit = resolve_commit(component.tokenizer, "tokenizer_config.json")
            name += f"+{_exact_name(component.tokenizer, commit)}"
        return f"{name}#{self.index}={self.meaning}"


class LoadedComponents:
    """The components of a protocol with their models, each loaded once, on first need.

    Args:
        protocol: whose components they are.
        components: which model plays which role.
        decision: when a text counts as toxic.
        run: how models run.
    """

    def __init__(
        self,
        protocol: Protocol,
        components: dict[Role, Component],
        decision: Decision,
        run: RunOptions,
    ) -> None:
        self._protocol, self._components = protocol, components
        self._decision, self._run = decision, run
        self._loaded: dict[Role, LoadedComponent] = {}
        self._names: dict[Role, str] = {}

    def get(self, role: Role) -> LoadedComponent:
        """Return a component with its model."""
        if role not in self._loaded:
            component = self._components[role]
            # One encoder serves every role that it plays: it would be loaded up to
            # three times otherwise.
            model = self._shared_encoder(component) or load(component, self._run)
            self._loaded[role] = resolve_class(
                component, model, self._protocol, self._decision
            )
        return self._loaded[role]

    def kind(self, role: Role) -> str:
        """Return how a role's model is run, without loading it."""
        return self._components[role].kind

    def name_in_signature(self, role: Role) -> str:
        """Return how a signature names a role's model."""
        # Read once, because a folder's name is a digest of its files.
        if role not in self._names:
            self._names[role] = self.get(role).name_in_signature
        return self._names[role]

    def _shared_encoder(self, component: Component) -> Any:
        """Return the built-in encoder that another role has loaded, if any."""
        if component.kind != "encoder":
            return None
        for other in self._loaded.values():
            if other.component.kind == "encoder":
                return other.model
        return None

    def __getstate__(self) -> dict[str, Any]:
        # Weights are loaded again where the pickle is opened: they may be gigabytes.
        return {**self.__dict__, "_loaded": {}, "_names": {}}


def resolve_class(
    component: Component, model: Any, protocol: Protocol, decision: Decision
) -> LoadedComponent:
    """Find the class that is read of a classifier.

    Raises:
        ValueError: the labels do not say, lack the one that the user named, or are too
            few for the rule.
    """
    if component.kind != "classifier":
        return LoadedComponent(component, model)
    rule = decision.rule
    if component.role == "fluency":
        rule = getattr(protocol.fluency, "rule", "soft")
    if rule == "argmax":
        _check_exclusive(component, model)
    found = _found_class(component, model)
    # The released scripts compare the logit of the toxic class; no other stands for it.
    if rule == "logit" and found.meaning != "toxic":
        raise ValueError(
            "`style_model` must have a toxic class for the rule 'logit';"
            f" {component.model} has {dict(model.labels)}"
        )
    return LoadedComponent(component, model, found.index, found.meaning)


def _check_exclusive(component: Component, classifier: Classifier) -> None:
    """Check that an argmax over the classes says something."""
    message = (
        f"`{component.role}_model` must have two or more classes for the rule 'argmax'"
    )
    # Of one class the argmax is always that class.
    if len(classifier.labels) < 2:
        raise ValueError(f"{message}; {component.model} has {len(classifier.labels)}")
    # Several independent classes may hold at once, or none.
    if classifier.multi_label:
        raise ValueError(
            f"{message} that exclude each other; {component.model} is a multi-label"
            f" classifier of {dict(classifier.labels)}"
        )


def _found_class(component: Component, classifier: Classifier) -> FoundClass:
    """Return the class by the user's word, the protocol's, or the labels."""
    meaning = component.positive_class
    if component.label is not None:
        index = classifier.label_index(component.label)
        return FoundClass(index, meaning, by_name=True)
    if component.is_published and component.index is not None:
        _check_published_index(component, classifier)
        return FoundClass(component.index, meaning, by_name=True)
    option = f"{component.role}_label"
    found = find_class(
        classifier.labels,
        meaning,
        component.index,
        option,
        independent=classifier.multi_label,
    )
    if not found.by_name:
        logger.warning(
            "the labels of %s, %s, do not say which is %s; class %d is read, as in the"
            " protocol's own model. Give `%s` if it is another",
            component.model,
            dict(classifier.labels),
            meaning,
            found.index,
            option,
        )
    return found


def _check_published_index(component: Component, classifier: Classifier) -> None:
    if component.index not in classifier.labels:
        classes = dict(classifier.labels)
        expected = (
            f"`label` of the protocol must be a class of {component.model}, {classes}"
        )
        raise ValueError(f"{expected}; got {component.index}")


def _exact_name(ref: ModelRef, commit: str) -> str:
    if ref.folder is not None:
        folder = ref.folder.resolve()
        return f"{folder.name}@{folder_digest(folder)}"
    if ref.name in (ENCODER, IDENTIFIER):
        return name_with_digest(ref.name)
    if commit:
        return f"{ref.name}@{commit}"
    return str(ref)
