"""STA, SIM and FL of each segment: a protocol's rules applied to what a loaded model says of the texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from .batching import Scored
from .components import Component, resolve_class
from .options import Columns
from .protocols import Content, Fluency, Style, detokenise
from .rules import Decision, best_of, calibrate, probabilities, relative_fluency, relative_style


@dataclass
class Run:
    """One call of a scorer, while it is under way.

    Attributes:
        known: what the built-in encoder has scored already, by role.
        progress: from a role to a tqdm-like class, or to None.
        truncated: how many texts each model did not read to their end, by role ("encoder" for the encoder's pass).
    """

    known: dict[str, np.ndarray] = field(default_factory=dict)
    progress: Callable[[str], Any] = lambda role: None
    truncated: dict[str, int] = field(default_factory=dict)

    def values(self, name: str, scored: Scored) -> np.ndarray:
        """Take a model's values, and count the texts that it truncated."""
        if scored.truncated:
            self.truncated[name] = self.truncated.get(name, 0) + scored.truncated
        return scored.values


def style_scores(
    style: Style,
    part: Component,
    model: Any,
    decision: Decision,
    columns: Columns,
    *,
    soft: bool,
    run: Run,
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
        run: this call.

    Raises:
        ValueError: the model's labels do not say which class is toxic.
    """
    n = len(columns.predictions)
    relative = style.relative and soft and columns.sources is not None
    references = (columns.references or []) if relative else []
    compared = [*columns.sources, *chain.from_iterable(references)] if relative else []
    p_toxic, p_neutral, toxic = _toxicity(style, part, model, decision, [*columns.predictions, *compared], run)
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


def content_scores(content: Content, part: Component, model: Any, columns: Columns, *, run: Run) -> np.ndarray:
    """SIM, in [0, 1] or, for a cosine, [-1, 1]. *Shape:* (n,).

    Several references count by the nearest one.
    """
    if "content" in run.known:
        return calibrate(run.known["content"], content.slope)
    references = columns.references if content.reference_weight > 0 else None
    to_source = references is None or content.source_weight > 0
    counts = [len(item) for item in references or []]
    first = [*(columns.sources if to_source else []), *chain.from_iterable(references or [])]
    second = [
        *(columns.predictions if to_source else []),
        *np.repeat(np.array(columns.predictions, dtype=object), counts or 0),
    ]
    scored = model.score(first, second, progress=run.progress(part.role))
    scores = run.values(part.role, scored)
    if references is None:
        return calibrate(scores, content.slope)
    n = len(columns.predictions) if to_source else 0
    mixed = content.reference_weight * best_of(scores[n:], counts)
    if to_source:
        mixed = mixed + content.source_weight * scores[:n]
    return calibrate(mixed, content.slope)


def fluency_scores(fluency: Fluency, part: Component, model: Any, columns: Columns, *, run: Run) -> np.ndarray:
    """FL, in [0, 1]. *Shape:* (n,).

    Raises:
        ValueError: the model's labels do not say which class is acceptable.
    """
    progress = run.progress(part.role)
    if part.kind not in ("encoder", "classifier"):
        scored = model.score(columns.predictions, columns.sources, columns.references, progress=progress)
        return run.values(part.role, scored)
    if "fluency" in run.known:
        return run.known["fluency"]
    n = len(columns.predictions)
    compared = columns.sources if fluency.relative else []
    scores = _acceptability(fluency, part, model, [*columns.predictions, *compared], run)
    if fluency.relative:
        return calibrate(relative_fluency(scores[:n], scores[n:]), fluency.slope)
    return scores


def _toxicity(
    style: Style, part: Component, model: Any, decision: Decision, texts: list[str], run: Run
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each text the probability of being toxic and of not being so, and the hard decision."""
    if part.kind != "classifier":
        p_toxic = run.known.get("style")
        if p_toxic is None:
            scored = model.p_toxic(texts, is_borderline=decision.is_borderline, progress=run.progress("style"))
            p_toxic = run.values("style", scored)
        return p_toxic, 1 - p_toxic, decision.toxic(None, p_toxic, 0, True)
    index, reads = resolve_class(part, model)
    is_toxic = reads == "toxic"
    read = [detokenise(text) for text in texts] if style.detokenise else texts
    scored = model.score(read, is_borderline=lambda rows: decision.near(rows, index), progress=run.progress("style"))
    logits = run.values("style", scored)
    p_class = probabilities(logits, independent=model.multi_label)[:, index]
    p_toxic, p_neutral = (p_class, 1 - p_class) if is_toxic else (1 - p_class, p_class)
    return p_toxic, p_neutral, decision.toxic(logits, p_toxic, index, is_toxic)


def _acceptability(fluency: Fluency, part: Component, model: Any, texts: list[str], run: Run) -> np.ndarray:
    progress = run.progress("fluency")
    if part.kind == "encoder":
        return run.values("fluency", model.score_roles(texts, None, ("fluency",), progress=progress))[:, 0]
    index, _ = resolve_class(part, model)
    read = [detokenise(text) for text in texts] if fluency.detokenise else texts
    decision = Decision("argmax")
    near = None if fluency.rule == "soft" else lambda rows: decision.near(rows, index)
    logits = run.values("fluency", model.score(read, is_borderline=near, progress=progress))
    if fluency.rule == "argmax":
        return (logits.argmax(axis=1) == index).astype(np.float64)
    return probabilities(logits, independent=model.multi_label)[:, index]
