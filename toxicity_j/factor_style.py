"""STA of each segment: a protocol's rules applied to what a toxicity model says of
predictions, sources and references.

Decisions and comparisons are those of `rules`; here it is settled which texts they need
and where reduced precision could flip one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from .columns import Columns
from .components import Component
from .loaded_components import LoadedComponent
from .model_interface import Call, Mark, StyleModel
from .protocol_records import Protocol, Style
from .rules import (
    Decision,
    compares_borderline,
    log_odds,
    logit,
    probabilities,
    relative_style,
    rescale,
    saturate,
)
from .text import detokenize

__all__ = ["StyleScores", "hard_decision", "style_scores"]


@dataclass(frozen=True)
class StyleScores:
    """STA and what it was made of. *Shape:* (n,) each.

    Attributes:
        sta: in [0, 1], higher is better.
        p_toxic: probability of the toxic class, in [0, 1].
        nontoxic: 1 where the hard rule says not toxic, else 0.
    """

    sta: np.ndarray
    p_toxic: np.ndarray
    nontoxic: np.ndarray


def hard_decision(
    protocol: Protocol, style: Component, threshold: float | None
) -> Decision:
    """Return when a text counts as toxic.

    It is a threshold on the probability if the user set one, if the protocol has no
    hard rule, or if the model returns no logits.
    """
    if threshold is not None:
        return Decision("probability", float(threshold))
    if style.kind != "classifier" or protocol.style.rule == "soft":
        return Decision("probability", 0.5)
    return Decision(protocol.style.rule, protocol.style.logit_threshold)


def style_scores(
    style: Style,
    loaded: LoadedComponent,
    decision: Decision,
    columns: Columns,
    *,
    soft: bool,
    known: np.ndarray | None,
    call: Call,
) -> StyleScores:
    """Compute STA.

    Args:
        style: the protocol's rules.
        loaded: the style model.
        decision: when a text counts as toxic.
        columns: the texts.
        soft: STA as a probability (compared and rescaled as the protocol says), or as
            the decision.
        known: P(toxic) of the predictions, if `encoder_scores` has computed it.
        call: this call.
    """
    # Hard decisions compare with nothing, so sources and references need not be scored.
    compared = _Compared(columns.predictions, len(columns))
    if style.relative and soft:
        compared = _Compared.of(columns)
    if known is None:
        toxicity = _toxicity(style, loaded, decision, compared, call)
    else:
        toxicity = _of_built_in(known, decision)
    n = len(columns)
    p_toxic = toxicity.p_toxic[:n]
    nontoxic = 1.0 - toxicity.is_toxic[:n]
    if not soft:
        return StyleScores(nontoxic, p_toxic, nontoxic)
    # Of all that was scored the predictions come first.
    sta = toxicity.p_neutral[:n]
    if compared.has_sources:
        sta = _relative_sta(toxicity.p_neutral, n, compared.references)
    rescaled = rescale(sta, style.slope)
    return StyleScores(saturate(rescaled, style.saturation), p_toxic, nontoxic)


def _relative_sta(
    p_neutral: np.ndarray, n: int, references: list[np.ndarray] | None
) -> np.ndarray:
    """Compare n predictions with sources and references. *Shape:* (n,)."""
    predictions, sources = p_neutral[:n], p_neutral[n : 2 * n]
    if references is None:
        return relative_style(predictions, sources, None)
    groups = [p_neutral[indices] for indices in references]
    return relative_style(predictions, sources, groups)


@dataclass(frozen=True)
class _Compared:
    """The texts whose toxicity is needed: predictions, sources, then references.

    Attributes:
        texts: all of them.
        count: how many of them are predictions.
        has_sources: whether STA compares with sources, which follow the predictions.
        references: for each prediction, the indices of its references; None if there
            are none.
    """

    texts: list[str]
    count: int
    has_sources: bool = False
    references: list[np.ndarray] | None = None

    @classmethod
    def of(cls, columns: Columns) -> _Compared:
        """Return the texts of a protocol whose STA compares, if it has sources."""
        if columns.sources is None:
            return cls(columns.predictions, len(columns))
        texts = [*columns.predictions, *columns.sources]
        if columns.references is None:
            return cls(texts, len(columns), has_sources=True)
        indices = []
        start = len(texts)
        for item in columns.references:
            end = start + len(item)
            indices.append(np.arange(start, end))
            start = end
        # In one list, so that equal texts are scored once.
        texts.extend(chain.from_iterable(columns.references))
        return cls(texts, len(columns), has_sources=True, references=indices)

    def is_borderline(self, odds: np.ndarray) -> np.ndarray:
        """Return where rounding could flip a comparison. *Shape:* (n,), bool."""
        if not self.has_sources:
            return np.zeros(len(odds), dtype=bool)
        n = self.count
        predictions, sources = slice(0, n), slice(n, 2 * n)
        return compares_borderline(odds, predictions, sources, self.references)


@dataclass(frozen=True)
class _Toxicity:
    """What the style model says of each text. *Shape:* (texts,) each."""

    p_toxic: np.ndarray
    p_neutral: np.ndarray
    is_toxic: np.ndarray


def _toxicity(
    style: Style,
    loaded: LoadedComponent,
    decision: Decision,
    compared: _Compared,
    call: Call,
) -> _Toxicity:
    if loaded.component.kind == "classifier":
        return _classified(style, loaded, decision, compared, call)
    return _of_built_in(_p_toxic(loaded, decision, compared, call), decision)


def _of_built_in(p_toxic: np.ndarray, decision: Decision) -> _Toxicity:
    """Return the toxicity of each text by a built-in model.

    It gives no logits: its decision is a threshold on the probability.
    """
    return _Toxicity(p_toxic, 1 - p_toxic, decision.toxic(None, p_toxic, 0, True))


def _classified(
    style: Style,
    loaded: LoadedComponent,
    decision: Decision,
    compared: _Compared,
    call: Call,
) -> _Toxicity:
    """Return the toxicity of each text by a classifier, from its classes' logits."""
    model, index = loaded.model, loaded.index
    texts = compared.texts
    if style.detokenize:
        texts = [detokenize(text) for text in texts]
    scored = model.score(
        texts,
        is_borderline=_logits_guard(loaded, decision, compared),
        progress=call.progress("style"),
    )
    logits = call.take(["style"], scored)
    p_class = probabilities(logits, independent=model.multi_label)[:, index]
    if loaded.meaning == "toxic":
        return _Toxicity(
            p_class, 1 - p_class, decision.toxic(logits, p_class, index, True)
        )
    p_toxic = 1 - p_class
    return _Toxicity(p_toxic, p_class, decision.toxic(logits, p_toxic, index, False))


def _logits_guard(
    loaded: LoadedComponent, decision: Decision, compared: _Compared
) -> Mark:
    """Return what marks the texts that reduced precision has to read again."""
    index, independent = loaded.index, loaded.model.multi_label

    def is_borderline(logits: np.ndarray) -> np.ndarray:
        # Odds, because rounding moves logits by a like amount wherever they lie, and
        # probabilities not.
        odds = log_odds(logits, index, independent=independent)
        near_decision = decision.is_borderline(logits, index, independent=independent)
        marked: np.ndarray = near_decision | compared.is_borderline(odds)
        return marked

    return is_borderline


def _p_toxic(
    loaded: LoadedComponent, decision: Decision, compared: _Compared, call: Call
) -> np.ndarray:
    """Return P(toxic) of each text from a built-in model."""

    def is_borderline(p_toxic: np.ndarray) -> np.ndarray:
        near_decision = decision.is_borderline_probability(p_toxic)
        marked: np.ndarray = near_decision | compared.is_borderline(logit(p_toxic))
        return marked

    model: StyleModel = loaded.model
    scored = model.p_toxic(
        compared.texts,
        is_borderline=is_borderline,
        progress=call.progress("style"),
    )
    return call.take(["style"], scored)
