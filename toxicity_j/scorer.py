"""Texts in, STA, SIM, FL and J of each segment out, by a named protocol (see `protocols`); no import of `evaluate`.

Each model is loaded once, on first need: STA alone loads no SIM or FL model. A `Scorer` may be shared by threads, and
pickled.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .components import Component, content_component, fluency_component, load, name_in_signature, style_component
from .factors import Run, content_scores, fluency_scores, style_scores
from .model_overlap import character_bleu
from .options import Columns, check_options, checked_columns, prepared
from .protocols import PROTOCOLS, Protocol, get_protocol
from .results import Segments, corpus_scores, signature
from .rules import Decision
from .version import VERSION

logger = logging.getLogger("toxicity_j")


class Scorer:
    """Scores detoxified texts by a protocol.

    Args:
        protocol: a key of `protocols()`, or a `Protocol`.
        style_model: replaces the protocol's STA model: a Hub id, optionally `@revision`, a local folder, "encoder"
            (built in) or "identifier" (built in, the quickest).
        content_model: replaces the SIM model: as above but "identifier"; a folder with the Wieting files is read as
            such.
        fluency_model: replaces the FL model: as above but "identifier".
        device: as torch's; when None CUDA, else MPS, else the CPU.
        batch_size: most texts of a batch, at least 1; chosen by their length when None. Scores do not depend on it.
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
        device: str | None = None,
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
        check_options(
            flags={"soft": soft, "progress": progress, "newline": newline},
            models={"style_model": style_model, "content_model": content_model, "fluency_model": fluency_model},
            threshold=threshold,
            batch_size=batch_size,
            device=device,
            dtype=dtype,
        )
        style_model, content_model, fluency_model = (
            model and os.path.expanduser(model) for model in (style_model, content_model, fluency_model)
        )
        protocol = protocol if isinstance(protocol, Protocol) else get_protocol(protocol)
        self.protocol = protocol if newline is None else replace(protocol, newline=newline)
        self.progress = bool(progress)
        self._parts = {
            "style": style_component(protocol, style_model, style_label, style_tokenizer),
            "content": content_component(protocol, content_model),
            "fluency": fluency_component(protocol, fluency_model, fluency_label),
        }
        self._soft = protocol.style.rule == "soft" if soft is None else soft
        self._decision = _decision(protocol, self._parts["style"], threshold)
        self._options = {"device": device, "batch_size": batch_size, "dtype": dtype}
        self._models: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._lock = threading.RLock()
        self._warned = False

    def score(self, predictions: Any, sources: Any = None, references: Any = None, languages: Any = None) -> Segments:
        """Scores each segment.

        Args:
            predictions: list of strings, the rewrites.
            sources: list of strings, what was rewritten; without them only STA is computed.
            references: a string or a list of strings for each item, where the protocol uses human rewrites.
            languages: list of strings, where the protocol reports by language; they move no segment's score.

        Raises:
            ImportError: a library that a model needs is not installed.
            OSError: a model is missing, gated or out of reach.
            TypeError: a column is not one of strings.
            ValueError: columns differ in length, one that the protocol needs is missing, or a model gives no number.
        """
        columns = checked_columns(self.protocol, predictions, sources, references, languages)
        if references is not None and columns.references is None and not self._warned:
            self._warned = True
            logger.warning("`references` are not used by the protocol %r", self.protocol.name)
        run = Run(progress=self._progress)
        with self._lock:
            segments = self._segments(columns, run)
        if run.truncated:
            counts = ", ".join(f"{count} by the {name} model" for name, count in run.truncated.items())
            logger.warning("texts longer than a model reads were cut: %s", counts)
        return segments

    def corpus(
        self,
        segments: Segments,
        columns: Mapping[str, Sequence | None],
        *,
        per_segment: bool = False,
        bleu_source: bool = False,
    ) -> dict[str, Any]:
        """Corpus scores from what `score` gave.

        Args:
            segments: the scores of the segments.
            columns: what `score` was given, by argument name; `languages` groups, `predictions` and `sources` serve
                `bleu_source`.
            per_segment: add `segments`, columns of equal length.
            bleu_source: add `bleu_source`, the character BLEU against the source that the s-nlp scripts print, in [0,
                1].

        Raises:
            ValueError: `bleu_source` without sources.
        """
        languages, sources = columns.get("languages"), columns.get("sources")
        if bleu_source and sources is None:
            raise ValueError("`bleu_source` needs `sources`")
        scores: dict[str, Any] = corpus_scores(vars(segments), languages)
        by_language = {name: scores.pop(name) for name in ("languages", "macro") if name in scores}
        scores["signature"] = segments.signature
        if by_language:
            scores["signature"] += f"|languages:{','.join(by_language['languages'])}"
        scores |= by_language
        if per_segment:
            scores["segments"] = segments.as_lists()
        if bleu_source:
            texts = (prepared(self.protocol, name, columns[name]) for name in ("sources", "predictions"))
            scores["bleu_source"] = character_bleu(*texts)
        return scores

    def _segments(self, columns: Columns, run: Run) -> Segments:
        whole = columns.sources is not None or columns.references is not None
        if columns.sources is not None:
            run.known = self._one_pass(columns, run)
        sta, p_toxic, nontoxic = style_scores(
            self.protocol.style, *self._part("style"), self._decision, columns, soft=self._soft, run=run
        )
        sim = fl = j = None
        if whole:
            sim = content_scores(self.protocol.content, *self._part("content"), columns, run=run)
            fl = fluency_scores(self.protocol.fluency, *self._part("fluency"), columns, run=run)
            if self.protocol.blank_is_zero:
                sim, fl = (np.where(columns.blank, 0.0, scores) for scores in (sim, fl))
            j = sta * sim * fl
        return Segments(sta, p_toxic, nontoxic, sim, fl, j, self._signature(whole, columns))

    def _one_pass(self, columns: Columns, run: Run) -> dict[str, np.ndarray]:
        """What the built-in encoder says of each pair, in one pass, for every part that it plays; empty when it plays
        none.
        """
        apart = {
            "style": self.protocol.style.relative,
            "content": columns.references is not None and self.protocol.content.reference_weight > 0,
            "fluency": self.protocol.fluency.relative,
        }
        roles = tuple(role for role, part in self._parts.items() if part.kind == "encoder" and not apart[role])
        if not roles:
            return {}
        encoder = self._model(self._parts[roles[0]])
        is_borderline = self._decision.is_borderline if "style" in roles else None
        progress = run.progress(roles[0])
        scored = encoder.score_roles(
            columns.predictions, columns.sources, roles, is_borderline=is_borderline, progress=progress
        )
        return dict(zip(roles, run.values("encoder", scored).T, strict=True))

    def _part(self, role: str) -> tuple[Component, Any]:
        part = self._parts[role]
        return part, self._model(part)

    def _model(self, part: Component) -> Any:
        """The model of a part, loaded on first need; the built-in encoder once for all of its parts."""
        key = part.kind if part.kind == "encoder" else part.role
        if key not in self._models:
            self._models[key] = load(part, **self._options)
        return self._models[key]

    def _progress(self, role: str) -> Any:
        return _progress_bar(role) if self.progress else None

    def _signature(self, whole: bool, columns: Columns) -> str:
        """What was computed: every setting that can move a number, none that cannot."""
        protocol, decision = self.protocol, self._decision
        used = {role: part for role, part in self._parts.items() if whole or role == "style"}
        settings: dict[str, Any] = {
            "j": protocol.name
            if replace(protocol, newline=PROTOCOLS.get(protocol.name, protocol).newline) == PROTOCOLS.get(protocol.name)
            else _custom_name(protocol)
        }
        for role in used:
            if role not in self._names:  # reads a folder's files, so once
                self._names[role] = name_in_signature(*self._part(role))
            settings[role] = self._names[role]
        rules = [
            getattr(protocol, role) for role in used if self._parts[role].kind == "classifier" and role != "content"
        ]
        counts = sorted({len(item) for item in columns.references or []})
        settings |= {
            "sta": "soft" if self._soft else "hard",
            "threshold": {"argmax": "argmax", "logit": f"logit>{decision.threshold}"}.get(
                decision.rule, decision.threshold
            ),
            "newline": protocol.newline,
            "detok": any(rule.detokenise for rule in rules),
            "references": "-".join(map(str, dict.fromkeys([counts[0], counts[-1]]))) if counts else False,
            "dtype": self._options["dtype"],
            "version": VERSION,
        }
        return signature(settings)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_models": {}, "_names": {}, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())


def _decision(protocol: Protocol, part: Component, threshold: float | None) -> Decision:
    """The hard rule: a probability when the user gives one, or where there is none to follow or no logit to follow it
    on.
    """
    style = protocol.style
    if threshold is None and part.kind == "classifier" and style.rule != "soft":
        return Decision(style.rule, style.logit_threshold)
    return Decision("probability", 0.5 if threshold is None else float(threshold))


def _progress_bar(role: str) -> Any:
    from tqdm.auto import tqdm

    return partial(tqdm, desc=role, unit="text")


def _custom_name(protocol: Protocol) -> str:
    return f"custom@{hashlib.sha256(repr(protocol).encode()).hexdigest()[:8]}"
