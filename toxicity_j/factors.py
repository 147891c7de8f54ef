"""STA, SIM and FL of each segment: a protocol's rules applied to model outputs, and the cases that need no model.

Blank predictions and exact copies are decided here and nowhere else: see `KNOWN_CASES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from .batching import Scored
from .columns import Columns
from .components import Component
from .protocol_records import Content, Fluency, Protocol, Style
from .rules import (
    Decision,
    best_of,
    compares_borderline,
    log_odds,
    logit,
    probabilities,
    relative_fluency,
    relative_style,
    rescale,
    saturate,
)
from .text import detokenize, is_blank, normalize


@dataclass(frozen=True)
class KnownCase:
    """A kind of segment whose score is known without a model.

    Attributes:
        applies: from a prediction and the text it is compared with to whether this is such a segment.
        scores: the known score by role; other roles are left to the models.
    """

    applies: Callable[[str, str], bool]
    scores: dict[str, float]


def _is_copy(prediction: str, other: str) -> bool:
    return prediction == other or normalize(prediction).lower() == normalize(other).lower()


# | case | where | SIM | FL |
# |---|---|---|---|
# | blank prediction | protocols with `blank_is_zero` | 0 | 0 |
# | copy, up to case and normalization | SIM of the built-in encoder | 1 | from the model |
KNOWN_CASES = {
    "blank": KnownCase(lambda prediction, other: is_blank(prediction), {"content": 0.0, "fluency": 0.0}),
    "copy": KnownCase(_is_copy, {"content": 1.0}),
}


def override_known_cases(
    case: str, role: str, scores: np.ndarray, predictions: Sequence[str], others: Sequence[str] | None = None
) -> np.ndarray:
    """Return the scores with the known score put in where a case applies.

    Args:
        case: a key of `KNOWN_CASES`.
        role: "content" or "fluency".
        scores: *Shape:* (n,)
        predictions: n texts.
        others: n texts that the predictions are compared with; not needed for the case "blank".
    """
    known = KNOWN_CASES[case]
    compared = [""] * len(predictions) if others is None else others
    applies = [known.applies(*pair) for pair in zip(predictions, compared, strict=True)]
    return np.where(applies, known.scores[role], scores)


@dataclass
class Call:
    """One call of a scorer, while it is under way.

    Attributes:
        progress: from a role to a tqdm-like class, or to None.
        encoder_scores: what the built-in encoder has scored already, by role.
        truncated: number of texts that were longer than the model reads, by role.
    """

    progress: Callable[[str], Any] = lambda role: None
    encoder_scores: dict[str, np.ndarray] = field(default_factory=dict)
    truncated: dict[str, int] = field(default_factory=dict)

    def take(self, roles: Sequence[str], scored: Scored) -> np.ndarray:
        """Take a model's values, and count for its roles the texts that it truncated."""
        for role in roles:
            if scored.truncated:
                self.truncated[role] = self.truncated.get(role, 0) + scored.truncated
        return scored.values


@dataclass(frozen=True)
class LoadedComponent:
    """A component with its model.

    Attributes:
        component: which model, in which role.
        model: what `components.load` returned.
        index: the class of a classifier that is read.
        meaning: what that class means: "toxic", "neutral" or "acceptable".
    """

    component: Component
    model: Any
    index: int = 0
    meaning: str = ""


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


def style_scores(
    style: Style, loaded: LoadedComponent, decision: Decision, columns: Columns, *, soft: bool, call: Call
) -> StyleScores:
    """Compute STA.

    Args:
        style: the protocol's rules.
        loaded: the style model.
        decision: when a text counts as toxic.
        columns: the texts.
        soft: STA as a probability (compared and rescaled as the protocol says), or as the decision.
        call: this call.
    """
    compared = _Compared.of(columns) if style.relative and soft else _Compared(columns.predictions)
    p_toxic, p_neutral, toxic = _toxicity(style, loaded, decision, compared, call)
    n = len(columns)
    nontoxic = 1.0 - toxic[:n]
    if not soft:
        return StyleScores(nontoxic, p_toxic[:n], nontoxic)
    sta = p_neutral[:n]
    if compared.has_sources:
        groups = None if compared.references is None else [p_neutral[indices] for indices in compared.references]
        sta = relative_style(sta, p_neutral[n : 2 * n], groups)
    return StyleScores(saturate(rescale(sta, style.slope), style.saturation), p_toxic[:n], nontoxic)


def content_scores(protocol: Protocol, loaded: LoadedComponent, columns: Columns, call: Call) -> np.ndarray:
    """Compute SIM, in [0, 1] or, for a cosine, [-1, 1]. *Shape:* (n,).

    Of several references the most similar one counts.
    """
    content = protocol.content
    if content is None:
        raise ValueError(f"the protocol {protocol.name!r} has no content factor")
    if "content" in call.encoder_scores and columns.sources is not None:
        scores = call.encoder_scores["content"]
        scores = override_known_cases("copy", "content", scores, columns.predictions, columns.sources)
    else:
        scores = _weighted_similarity(content, loaded, columns, call)
    return _zero_blank(protocol, "content", rescale(scores, content.slope), columns)


def fluency_scores(protocol: Protocol, loaded: LoadedComponent, columns: Columns, call: Call) -> np.ndarray:
    """Compute FL, in [0, 1]. *Shape:* (n,)."""
    fluency = protocol.fluency
    if fluency is None:
        raise ValueError(f"the protocol {protocol.name!r} has no fluency factor")
    kind = loaded.component.kind
    if "fluency" in call.encoder_scores:
        scores = call.encoder_scores["fluency"]
    elif kind in ("encoder", "classifier"):
        scores = _fluency_of_texts(fluency, loaded, columns, call)
    else:
        texts = (columns.predictions, columns.sources, columns.references)
        scores = call.take(["fluency"], loaded.model.score(*texts, progress=call.progress("fluency")))
    return _zero_blank(protocol, "fluency", scores, columns)


def _zero_blank(protocol: Protocol, role: str, scores: np.ndarray, columns: Columns) -> np.ndarray:
    if not protocol.blank_is_zero:
        return scores
    return override_known_cases("blank", role, scores, columns.predictions)


@dataclass(frozen=True)
class _Compared:
    """The texts whose toxicity is needed, in one list: predictions, then sources, then references.

    Attributes:
        texts: all of them.
        has_sources: whether STA compares with sources, which follow the predictions.
        references: for each prediction, the indices of its references; None if there are none.
    """

    texts: list[str]
    has_sources: bool = False
    references: list[np.ndarray] | None = None

    @classmethod
    def of(cls, columns: Columns) -> _Compared:
        """Return the texts of a protocol whose STA compares; without sources, the predictions alone."""
        if columns.sources is None:
            return cls(columns.predictions)
        texts = [*columns.predictions, *columns.sources]
        if columns.references is None:
            return cls(texts, has_sources=True)
        ends = len(texts) + np.cumsum([len(item) for item in columns.references])
        starts = [len(texts), *ends[:-1]]
        indices = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
        return cls([*texts, *chain.from_iterable(columns.references)], has_sources=True, references=indices)


def _toxicity(
    style: Style, loaded: LoadedComponent, decision: Decision, compared: _Compared, call: Call
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the probability of being toxic and of not being so, and the hard decision, of each text."""
    if loaded.component.kind != "classifier":
        p_toxic = _p_toxic(loaded, decision, compared, call)
        return p_toxic, 1 - p_toxic, decision.toxic(None, p_toxic, 0, True)
    model, index = loaded.model, loaded.index
    texts = compared.texts
    read = [detokenize(text) for text in texts] if style.detokenize else texts

    def is_borderline(logits: np.ndarray) -> np.ndarray:
        borderline = decision.is_borderline(logits, index, independent=model.multi_label)
        odds = log_odds(logits, index, independent=model.multi_label)
        either: np.ndarray = borderline | _is_comparison_borderline(odds, compared)
        return either

    scored = model.score(read, is_borderline=is_borderline, progress=call.progress("style"))
    logits = call.take(["style"], scored)
    p_class = probabilities(logits, independent=model.multi_label)[:, index]
    is_toxic = loaded.meaning == "toxic"
    p_toxic, p_neutral = (p_class, 1 - p_class) if is_toxic else (1 - p_class, p_class)
    return p_toxic, p_neutral, decision.toxic(logits, p_toxic, index, is_toxic)


def _p_toxic(loaded: LoadedComponent, decision: Decision, compared: _Compared, call: Call) -> np.ndarray:
    """Return P(toxic) of each text from a built-in model."""
    if "style" in call.encoder_scores:
        return call.encoder_scores["style"]

    def is_borderline(p_toxic: np.ndarray) -> np.ndarray:
        borderline = decision.is_borderline_probability(p_toxic)
        either: np.ndarray = borderline | _is_comparison_borderline(logit(p_toxic), compared)
        return either

    scored = loaded.model.p_toxic(compared.texts, is_borderline=is_borderline, progress=call.progress("style"))
    return call.take(["style"], scored)


def _is_comparison_borderline(odds: np.ndarray, compared: _Compared) -> np.ndarray:
    """Return the texts whose comparison with another rounding could flip. *Shape:* (n,) to (n,), bool."""
    if not compared.has_sources:
        return np.zeros(len(odds), dtype=bool)
    n = len(compared.texts) if compared.references is None else int(compared.references[0][0])
    return compares_borderline(odds, slice(0, n // 2), slice(n // 2, n), compared.references)


def _weighted_similarity(content: Content, loaded: LoadedComponent, columns: Columns, call: Call) -> np.ndarray:
    """Return the similarity to the source, to the most similar reference, or both by their weights. *Shape:* (n,)."""
    references = columns.references if content.reference_weight > 0 else None
    uses_source = references is None or content.source_weight > 0
    first: list[str] = []
    second: list[str] = []
    if uses_source and columns.sources is not None:
        first += columns.sources
        second += columns.predictions
    for prediction, item in zip(columns.predictions, references or [], strict=False):
        first += item
        second += [prediction] * len(item)
    scores = call.take(["content"], loaded.model.score(first, second, progress=call.progress("content")))
    if loaded.component.kind == "encoder":
        scores = override_known_cases("copy", "content", scores, second, first)
    if references is None:
        return scores
    n = len(columns) if uses_source else 0
    to_reference = best_of(scores[n:], [len(item) for item in references])
    weighted: np.ndarray = content.reference_weight * to_reference
    if uses_source:
        weighted = weighted + content.source_weight * scores[:n]
    return weighted


def _fluency_of_texts(fluency: Fluency, loaded: LoadedComponent, columns: Columns, call: Call) -> np.ndarray:
    """Return the acceptability of the predictions, or what of it was lost against the sources. *Shape:* (n,)."""
    if not fluency.relative or columns.sources is None:
        return _acceptability(fluency, loaded, columns.predictions, call)
    scores = _acceptability(fluency, loaded, [*columns.predictions, *columns.sources], call)
    n = len(columns)
    return rescale(relative_fluency(scores[:n], scores[n:]), fluency.slope)


def _acceptability(fluency: Fluency, loaded: LoadedComponent, texts: list[str], call: Call) -> np.ndarray:
    model, index, progress = loaded.model, loaded.index, call.progress("fluency")
    if loaded.component.kind == "encoder":
        return call.take(["fluency"], model.score_roles(texts, None, ("fluency",), progress=progress))[:, 0]
    decision = Decision("argmax")
    read = [detokenize(text) for text in texts] if fluency.detokenize else texts

    def is_borderline(logits: np.ndarray) -> np.ndarray:
        return decision.is_borderline(logits, index)

    guard = is_borderline if fluency.rule == "argmax" else None
    logits = call.take(["fluency"], model.score(read, is_borderline=guard, progress=progress))
    if fluency.rule == "argmax":
        return np.array(logits.argmax(axis=1) == index, dtype=np.float64)
    return probabilities(logits, independent=model.multi_label)[:, index]
