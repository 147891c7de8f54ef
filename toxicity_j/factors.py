"""SIM and FL of each segment, and the pass in which the built-in encoder plays several
roles at once.

STA is in `factor_style`, what needs no model in `known_cases`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .columns import Columns
from .components import Role
from .known_cases import override_known_cases
from .loaded_components import LoadedComponent, LoadedComponents
from .model_interface import Call, PairModel, QualityModel
from .protocol_records import Content, Fluency, Protocol
from .rules import (
    Decision,
    best_of,
    probabilities,
    relative_fluency,
    rescale,
)
from .text import detokenize

__all__ = ["content_scores", "encoder_scores", "fluency_scores"]


def encoder_scores(
    protocol: Protocol,
    models: LoadedComponents,
    decision: Decision,
    roles: Sequence[Role],
    columns: Columns,
    call: Call,
) -> dict[str, np.ndarray]:
    """Run the built-in encoder once for every role that it plays on pairs.

    Args:
        protocol: the protocol's rules.
        models: the protocol's components.
        decision: when a text counts as toxic.
        roles: the factors to compute.
        columns: the texts.
        call: this call.

    Returns:
        Its scores by role; without sources, none.
    """
    if columns.sources is None:
        return {}
    played = [
        role
        for role in roles
        if models.kind(role) == "encoder" and _reads_pairs(protocol, role, columns)
    ]
    if not played:
        return {}
    # Only STA has a hard decision that rounding could flip.
    is_borderline = None
    if "style" in played:
        is_borderline = decision.is_borderline_probability
    scored = models.get(played[0]).model.score_roles(
        columns.predictions,
        columns.sources,
        played,
        is_borderline=is_borderline,
        progress=call.progress(played[0]),
    )
    values = call.take(played, scored)
    # One column per role.
    return dict(zip(played, values.T, strict=True))


def _reads_pairs(protocol: Protocol, role: Role, columns: Columns) -> bool:
    """Return whether a role is about pairs of source and prediction alone."""
    content, fluency = protocol.content, protocol.fluency
    if role == "style":
        return not protocol.style.relative
    if role == "content":
        uses_references = content is not None and content.reference_weight > 0
        return columns.references is None or not uses_references
    return fluency is None or not fluency.relative


def content_scores(
    protocol: Protocol,
    loaded: LoadedComponent,
    columns: Columns,
    *,
    known: np.ndarray | None,
    call: Call,
) -> np.ndarray:
    """Compute SIM, in [0, 1] or, for a cosine, [-1, 1]. *Shape:* (n,).

    Of several references the most similar one counts.

    Args:
        protocol: the protocol's rules, with a content factor.
        loaded: the content model.
        columns: the texts.
        known: what `encoder_scores` says of the pairs, if it has read them.
        call: this call.
    """
    content = protocol.content
    if content is None:
        raise ValueError(f"the protocol {protocol.name!r} has no content factor")
    if known is not None:
        scores = override_known_cases(
            "copy", "content", known, columns.predictions, _sources(columns)
        )
    else:
        scores = _weighted_similarity(content, loaded, columns, call)
    rescaled = rescale(scores, content.slope)
    return _zero_blank(protocol, "content", rescaled, columns)


def fluency_scores(
    protocol: Protocol,
    loaded: LoadedComponent,
    columns: Columns,
    *,
    known: np.ndarray | None,
    call: Call,
) -> np.ndarray:
    """Compute FL, in [0, 1]. *Shape:* (n,); arguments are as in `content_scores`."""
    fluency = protocol.fluency
    if fluency is None:
        raise ValueError(f"the protocol {protocol.name!r} has no fluency factor")
    if known is not None:
        scores = known
    elif loaded.component.kind in ("encoder", "classifier"):
        scores = _fluency_of_texts(fluency, loaded, columns, call)
    else:
        scores = _quality(loaded, columns, call)
    return _zero_blank(protocol, "fluency", scores, columns)


def _zero_blank(
    protocol: Protocol, role: str, scores: np.ndarray, columns: Columns
) -> np.ndarray:
    if not protocol.blank_is_zero:
        return scores
    return override_known_cases("blank", role, scores, columns.predictions)


def _weighted_similarity(
    content: Content, loaded: LoadedComponent, columns: Columns, call: Call
) -> np.ndarray:
    """Return the similarity to source and references, weighted. *Shape:* (n,)."""
    references = columns.references
    if references is None or content.reference_weight == 0:
        return _similarity(loaded, _sources(columns), columns.predictions, call)
    # One call for sources and references, so that a prediction is embedded once.
    compared: list[str] = []
    predictions: list[str] = []
    if content.source_weight > 0:
        compared.extend(_sources(columns))
        predictions.extend(columns.predictions)
    n = len(compared)
    counts = []
    for prediction, item in zip(columns.predictions, references, strict=True):
        compared.extend(item)
        predictions.extend([prediction] * len(item))
        counts.append(len(item))
    scores = _similarity(loaded, compared, predictions, call)
    weighted: np.ndarray = content.reference_weight * best_of(scores[n:], counts)
    if n:
        weighted = weighted + content.source_weight * scores[:n]
    return weighted


def _sources(columns: Columns) -> list[str]:
    if columns.sources is None:
        raise ValueError("`sources` must be given: SIM compares with them; got None")
    return columns.sources


def _similarity(
    loaded: LoadedComponent, compared: list[str], predictions: list[str], call: Call
) -> np.ndarray:
    """Return how similar predictions are to sources or references. *Shape:* (n,)."""
    model: PairModel = loaded.model
    scored = model.score(compared, predictions, progress=call.progress("content"))
    scores = call.take(["content"], scored)
    if loaded.component.kind == "encoder":
        return override_known_cases("copy", "content", scores, predictions, compared)
    return scores


def _quality(loaded: LoadedComponent, columns: Columns, call: Call) -> np.ndarray:
    """Return FL by a model that reads all columns, such as chrF. *Shape:* (n,)."""
    model: QualityModel = loaded.model
    scored = model.score(
        columns.predictions,
        columns.sources,
        columns.references,
        progress=call.progress("fluency"),
    )
    return call.take(["fluency"], scored)


def _fluency_of_texts(
    fluency: Fluency, loaded: LoadedComponent, columns: Columns, call: Call
) -> np.ndarray:
    """Return FL by a model that reads texts one by one. *Shape:* (n,)."""
    if not fluency.relative or columns.sources is None:
        return _acceptability(fluency, loaded, columns.predictions, call)
    texts = [*columns.predictions, *columns.sources]
    scores = _acceptability(fluency, loaded, texts, call)
    n = len(columns)
    # A prediction may be as clumsy as its source; only what the rewrite lost counts.
    relative = relative_fluency(scores[:n], scores[n:])
    return rescale(relative, fluency.slope)


def _acceptability(
    fluency: Fluency, loaded: LoadedComponent, texts: list[str], call: Call
) -> np.ndarray:
    model = loaded.model
    progress = call.progress("fluency")
    if loaded.component.kind == "encoder":
        scored = model.score_roles(texts, None, ("fluency",), progress=progress)
        return call.take(["fluency"], scored)[:, 0]
    if fluency.detokenize:
        texts = [detokenize(text) for text in texts]
    is_argmax, index = fluency.rule == "argmax", loaded.index
    is_borderline = None
    if is_argmax:
        is_borderline = partial(Decision("argmax").is_borderline, index=index)
    scored = model.score(texts, is_borderline=is_borderline, progress=progress)
    logits = call.take(["fluency"], scored)
    if is_argmax:
        return np.array(logits.argmax(axis=1) == index, dtype=np.float64)
    p_class = probabilities(logits, independent=model.multi_label)[:, index]
    if loaded.meaning == "unacceptable":
        return 1 - p_class
    return p_class
