"""STA, SIM and FL of each segment: a protocol's rules applied to what a loaded model says of the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .components import Part, class_read
from .model_embedding import chrf
from .options import Columns
from .protocols import Content, Fluency, Style, detokenise
from .rules import Decision, best_of, calibrate, probabilities, relative_fluency, relative_style


def style_scores(
    style: Style,
    part: Part,
    model: Any,
    decision: Decision,
    columns: Columns,
    *,
    soft: bool,
    known: Mapping[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """STA, the probability of the toxic class and the hard decision, in this order, each in [0, 1] and of *Shape:*
    (n,).

    Args:
        style: the protocol's rules.
        part: which class of the model is read.
        model: what `load(part)` gave.
        decision: when a text counts as toxic.
        columns: the texts.
        soft: STA as a probability (compared and calibrated as the protocol says), or as the decision.
        known: what the built-in encoder has scored already.

    Raises:
        ValueError: the model's labels do not say which class is toxic.
    """
    n = len(columns.predictions)
    relative = style.relative and soft and columns.sources is not None
    references = (columns.references or []) if relative else []
    compared = [*columns.sources, *chain.from_iterable(references)] if relative else []
    p_toxic, p_neutral, toxic = _toxicity(style, part, model, decision, [*columns.predictions, *compared], known)
    nontoxic = 1.0 - toxic[:n]
    if not soft:
        return nontoxic, p_toxic[:n], nontoxic
    sta = p_neutral[:n]
    if relative:
        groups = (
            np.split(p_neutral[2 * n :], np.cumsum([len(item) for item in references])[:-1]) if references else None
        )
        sta = relative_style(sta, p_neutral[n : 2 * n], groups)
    return calibrate(sta, style.slope), p_toxic[:n], nontoxic


def content_scores(
    content: Content, part: Part, model: Any, columns: Columns, known: Mapping[str, np.ndarray]
) -> np.ndarray:
    """SIM, in [0, 1] or, for a cosine, [-1, 1]. *Shape:* (n,).

    Several references count by the nearest one.
    """
    if "meaning" in known:
        return calibrate(known["meaning"], content.slope)
    references = columns.references if content.reference_weight > 0 else None
    to_source = references is None or content.source_weight > 0
    counts = [len(item) for item in references or []]
    first = [*(columns.sources if to_source else []), *chain.from_iterable(references or [])]
    second = [
        *(columns.predictions if to_source else []),
        *np.repeat(np.array(columns.predictions, dtype=object), counts or 0),
    ]
    scores = _similarity(part, model, first, second)
    if references is None:
        return calibrate(scores, content.slope)
    n = len(columns.predictions) if to_source else 0
    mixed = content.reference_weight * best_of(scores[n:], counts)
    if to_source:
        mixed = mixed + content.source_weight * scores[:n]
    return calibrate(mixed, content.slope)


def fluency_scores(
    fluency: Fluency, part: Part, model: Any, columns: Columns, known: Mapping[str, np.ndarray]
) -> np.ndarray:
    """FL, in [0, 1]. *Shape:* (n,).

    Raises:
        ValueError: the model's labels do not say which class is acceptable.
    """
    if part.kind == "chrf":
        return chrf(columns.predictions, columns.references)
    if part.kind == "xcomet":
        return model.scores(columns.predictions, columns.sources, columns.references)
    if "fluency" in known:
        return known["fluency"]
    n = len(columns.predictions)
    compared = columns.sources if fluency.relative else []
    scores = _acceptability(fluency, part, model, [*columns.predictions, *compared])
    if fluency.relative:
        return calibrate(relative_fluency(scores[:n], scores[n:]), fluency.slope)
    return scores


def _toxicity(
    style: Style, part: Part, model: Any, decision: Decision, texts: list[str], known: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each text the probability of being toxic and of not being so, and the hard decision."""
    if part.kind != "classifier":
        p_toxic = known["style"] if "style" in known else model.p_toxic(texts)
        return p_toxic, 1 - p_toxic, decision.toxic(None, p_toxic, 0, True)
    index, reads = class_read(part, model)
    is_toxic = reads == "toxic"
    read = [detokenise(text) for text in texts] if style.detokenise else texts
    logits = model.logits(read, near=lambda rows: decision.near(rows, index))
    p_class = probabilities(logits, independent=model.multi_label)[:, index]
    p_toxic, p_neutral = (p_class, 1 - p_class) if is_toxic else (1 - p_class, p_class)
    return p_toxic, p_neutral, decision.toxic(logits, p_toxic, index, is_toxic)


def _similarity(part: Part, model: Any, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    """`first` holds sources and references, `second` predictions."""
    if part.kind == "encoder":
        return model.score(second, first, want=("meaning",))["meaning"]
    return model.similarity(first, second)


def _acceptability(fluency: Fluency, part: Part, model: Any, texts: list[str]) -> np.ndarray:
    if part.kind == "encoder":
        return model.score(texts, None, want=("fluency",))["fluency"]
    index, _ = class_read(part, model)
    read = [detokenise(text) for text in texts] if fluency.detokenise else texts
    decision = Decision("argmax")
    near = None if fluency.rule == "soft" else lambda rows: decision.near(rows, index)
    logits = model.logits(read, near=near)
    if fluency.rule == "argmax":
        return (logits.argmax(axis=1) == index).astype(np.float64)
    return probabilities(logits, independent=model.multi_label)[:, index]
