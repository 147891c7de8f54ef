"""Texts in, STA, SIM, FL and J of each segment out, by a named protocol (see `protocols`); no import of `evaluate`.

Each model is loaded once, on first need: STA alone loads no SIM or FL model. A `Scorer` may be shared by threads, and
pickled.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from .columns import Columns
from .components import (
    Component,
    content_component,
    fluency_component,
    load,
    name_in_signature,
    resolve_class,
    style_component,
)
from .factors import Call, LoadedComponent, content_scores, fluency_scores, style_scores
from .options import Options
from .protocol_records import Protocol
from .protocols import as_protocol
from .results import Segments, product
from .rules import Decision
from .signature import precision, protocol_name, reference_counts, render
from .version import VERSION

logger = logging.getLogger("toxicity_j")

ROLES = ("style", "content", "fluency")


class Scorer:
    """Scores detoxified texts by a protocol.

    Args:
        protocol: a key of `protocols()`, a `Protocol`, or a dict of a Protocol's fields.
        style_model: replaces the protocol's STA model: a Hub id, optionally `@revision`, a local folder, "encoder"
            (built in) or "identifier" (built in, the fastest).
        content_model: replaces the SIM model: as above except "identifier"; a folder with the Wieting files is read as
            such.
        fluency_model: replaces the FL model: as above except "identifier".
        device: as torch's; when None CUDA, else MPS, else the CPU.
        batch_size: largest number of texts per batch, at least 1; chosen by their length when None. Scores do not
            depend on it.
        threshold: probability of the toxic class, in [0, 1], above which a text counts as toxic; the protocol's own
            rule when None.
        soft: STA is the probability of not being toxic (True) or the hard decision (False); the protocol's when None.
        dtype: "float32", or a lower precision for large models on a GPU.
        progress: show a progress bar.
        newline: end each text in a newline, as the scripts that use readlines() do; the protocol's when None.
        style_label: name or index of a replaced style model's toxic class, where its labels do not say.
        fluency_label: name or index of a replaced fluency model's acceptable class, where its labels do not say.
        style_tokenizer: a model whose tokenizer the style model uses.

    Raises:
        TypeError: an option has the wrong type.
        ValueError: the protocol is unknown, or an option's value is not valid.
    """

    def __init__(
        self,
        protocol: str | Protocol = "embedded",
        *,
        style_model: str | None = None,
        content_model: str | None = None,
        fluency_model: str | None = None,
        device: str | torch.device | None = None,
        batch_size: int | None = None,
        threshold: float | None = None,
        soft: bool | None = None,
        dtype: str = "float32",
        progress: bool | None = None,
        newline: bool | None = None,
        style_label: str | int | None = None,
        fluency_label: str | int | None = None,
        style_tokenizer: str | None = None,
    ):
        self._options = Options(
            style_model=style_model,
            content_model=content_model,
            fluency_model=fluency_model,
            device=device,
            batch_size=batch_size,
            threshold=threshold,
            soft=soft,
            dtype=dtype,
            progress=progress,
            newline=newline,
            style_label=style_label,
            fluency_label=fluency_label,
            style_tokenizer=style_tokenizer,
        )
        chosen = as_protocol(protocol)
        self.protocol = chosen if newline is None else replace(chosen, newline=newline)
        self._components = _components(self.protocol, self._options)
        self._soft = self.protocol.style.rule == "soft" if soft is None else soft
        self._decision = _decision(self.protocol, self._components["style"], threshold)
        self._loaded: dict[str, LoadedComponent] = {}
        self._names: dict[str, str] = {}
        self._lock = threading.RLock()
        self._has_warned = False

    def score(
        self,
        predictions: Any,
        sources: Any = None,
        references: Any = None,
        languages: Any = None,
        *,
        unterminated: Collection[str] = (),
    ) -> Segments:
        """Score each segment.

        Args:
            predictions: list of strings, the rewrites.
            sources: list of strings, what was rewritten; without them only STA is computed.
            references: a string or a list of strings for each item, where the protocol uses human rewrites.
            languages: list of strings, for results by language; they move no segment's score.
            unterminated: "predictions" and "sources", or one of them, if the last line of that file has no newline.
                Protocols that keep newlines (emnlp2021, paradetox2022) then read the last text without one.

        Raises:
            ImportError: a library that a model needs is not installed.
            OSError: a model is missing, gated, out of reach or damaged.
            TypeError: a column does not consist of strings.
            ValueError: columns differ in length, one that the protocol needs is missing, or a model gives no number.
        """
        return self.score_columns(Columns.check(predictions, sources, references, languages, unterminated))

    def score_columns(self, columns: Columns, *, progress: bool | None = None) -> Segments:
        """Score columns that `Columns.check` has checked; otherwise as `score`.

        Args:
            columns: the texts.
            progress: show a progress bar; as the Scorer's option when None.
        """
        read = columns.prepare(self.protocol)
        shows = self._options.progress if progress is None else progress
        call = Call(progress=_progress_bar if shows else _no_progress_bar)
        roles = self._roles(read)
        with self._lock:
            if columns.references is not None and read.references is None and not self._has_warned:
                self._has_warned = True
                logger.warning("`references` are not used by the protocol %r", self.protocol.name)
            signature = self._signature(roles, read)  # before scoring, so it names the files that were loaded
            blocks = [self._scores(roles, block, call) for block in read.blocks()]
        if call.truncated:
            counts = ", ".join(f"{count} by the {role} model" for role, count in call.truncated.items())
            logger.warning("texts longer than a model reads were cut: %s", counts)
        joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        return Segments(
            sta=joined["sta"],
            p_toxic=joined["p_toxic"],
            nontoxic=joined["nontoxic"],
            sim=joined.get("sim"),
            fl=joined.get("fl"),
            j=joined.get("j"),
            signature=signature,
            languages=columns.languages,
            truncated=call.truncated,
        )

    def _scores(self, roles: list[str], columns: Columns, call: Call) -> dict[str, np.ndarray]:
        """Compute one block: the columns of `Segments` that there are."""
        call.encoder_scores = self._encoder_scores(roles, columns, call)
        style = style_scores(
            self.protocol.style, self._load("style"), self._decision, columns, soft=self._soft, call=call
        )
        scores = {"sta": style.sta, "p_toxic": style.p_toxic, "nontoxic": style.nontoxic}
        if "content" in roles:
            scores["sim"] = content_scores(self.protocol, self._load("content"), columns, call)
        if "fluency" in roles:
            scores["fl"] = fluency_scores(self.protocol, self._load("fluency"), columns, call)
        if self._is_complete(columns):
            scores["j"] = product([scores.get(name) for name in ("sta", "sim", "fl")])
        return scores

    def _is_complete(self, columns: Columns) -> bool:
        """Return whether every column is there that J needs."""
        return all(getattr(columns, name) is not None for name in self.protocol.needs)

    def _roles(self, columns: Columns) -> list[str]:
        """Return the factors to compute: all of the protocol's, or STA alone without the columns that J needs."""
        return list(self._components) if self._is_complete(columns) else ["style"]

    def _encoder_scores(self, roles: list[str], columns: Columns, call: Call) -> dict[str, np.ndarray]:
        """Run the built-in encoder once for every role that it plays on pairs of source and prediction.

        Returns:
            Its scores by role; without sources, none.
        """
        content, fluency = self.protocol.content, self.protocol.fluency
        is_apart = {
            "style": self.protocol.style.relative,
            "content": columns.references is not None and content is not None and content.reference_weight > 0,
            "fluency": fluency is not None and fluency.relative,
        }
        played = [role for role in roles if self._components[role].kind == "encoder" and not is_apart[role]]
        if not played or columns.sources is None:
            return {}
        scored = self._load(played[0]).model.score_roles(
            columns.predictions,
            columns.sources,
            played,
            is_borderline=self._decision.is_borderline_probability if "style" in played else None,
            progress=call.progress(played[0]),
        )
        values = call.take(played, scored)
        return {role: values[:, column] for column, role in enumerate(played)}

    def _load(self, role: str) -> LoadedComponent:
        """Return a component with its model, loaded on first need; the built-in encoder is shared by its roles."""
        if role not in self._loaded:
            component = self._components[role]
            shared = [other for other in self._loaded.values() if other.component.kind == component.kind == "encoder"]
            model = shared[0].model if shared else load(component, self._options.run)
            self._loaded[role] = _with_class(component, model, self.protocol, self._decision)
        return self._loaded[role]

    def _signature(self, roles: list[str], columns: Columns) -> str:
        """Return every setting that can move a number, and none that cannot."""
        settings: dict[str, object] = {"j": protocol_name(self.protocol)}
        dtypes: dict[str, str] = {}
        for role in roles:
            loaded = self._load(role)
            if role not in self._names:  # reads a folder's files, so once
                self._names[role] = name_in_signature(loaded.component, loaded.model, loaded.index, loaded.meaning)
            settings[role] = self._names[role]
            if loaded.component.kind != "chrf":
                dtypes[role] = loaded.model.dtype
        settings |= {
            "sta": "soft" if self._soft else "hard",
            "threshold": _shown_threshold(self._decision),
            "newline": self.protocol.newline,
            "detok": self._detokenizes(roles),
            "references": reference_counts(columns.references),
            "dtype": precision(dtypes),
            "version": VERSION,
        }
        return render(settings)

    def _detokenizes(self, roles: list[str]) -> bool:
        """Return whether a classifier reads texts with their punctuation joined."""
        rules = {"style": self.protocol.style, "fluency": self.protocol.fluency}
        read = [rules[role] for role in roles if role in rules and self._components[role].kind == "classifier"]
        return any(rule is not None and rule.detokenize for rule in read)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_loaded": {}, "_names": {}, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())


def _components(protocol: Protocol, options: Options) -> dict[str, Component]:
    """Return the component of each factor that the protocol has.

    Raises:
        ValueError: a model is given for a factor that the protocol leaves out.
    """
    components = {"style": style_component(protocol, options.style_model, options.style_label, options.style_tokenizer)}
    if protocol.content is not None:
        components["content"] = content_component(protocol, options.content_model)
    if protocol.fluency is not None:
        components["fluency"] = fluency_component(protocol, options.fluency_model, options.fluency_label)
    for role in ROLES:
        if role not in components and getattr(options, f"{role}_model") is not None:
            raise ValueError(f"`{role}_model` must be None: the protocol {protocol.name!r} has no {role} factor")
    return components


def _with_class(component: Component, model: Any, protocol: Protocol, decision: Decision) -> LoadedComponent:
    """Find the class that is read of a classifier; warn if neither its labels nor the protocol vouch for it.

    Raises:
        ValueError: the labels do not say, or the rule needs a model of two classes.
    """
    if component.kind != "classifier":
        return LoadedComponent(component, model)
    rule = decision.rule if component.role == "style" else getattr(protocol.fluency, "rule", "soft")
    if rule == "argmax" and len(model.labels) < 2:
        message = f"`{component.role}_model` must have two or more classes for the rule 'argmax'"
        raise ValueError(f"{message}; {component.model} has {len(model.labels)}")
    return LoadedComponent(component, model, *resolve_class(component, model))


def _decision(protocol: Protocol, style: Component, threshold: float | None) -> Decision:
    """Return the rule of hard decisions.

    It is a threshold on the probability if the user set one, if the protocol has no hard rule, or if the model returns
    no logits.
    """
    if threshold is None and style.kind == "classifier" and protocol.style.rule != "soft":
        return Decision(protocol.style.rule, protocol.style.logit_threshold)
    return Decision("probability", 0.5 if threshold is None else float(threshold))


def _shown_threshold(decision: Decision) -> object:
    if decision.rule == "argmax":
        return "argmax"
    return f"logit>{decision.threshold}" if decision.rule == "logit" else decision.threshold


def _progress_bar(role: str) -> Any:
    from tqdm.auto import tqdm

    return partial(tqdm, desc=role, unit="text")


def _no_progress_bar(role: str) -> None:
    return None


def _use_one_thread() -> None:
    """Let torch compute without OpenMP's pool of threads, which is lost in a fork: waiting for it would never end."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
