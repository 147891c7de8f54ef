"""Score one source and its rewrites: numbers, explanations, HTML. The page and the API
call these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toxicity_j import protocols

from .explain import explain
from .limits import InputError, check_pair, check_text
from .models import Choice, score, scorer
from .pair_view import Result, render_results


def rewrites_of(text: str) -> list[str]:
    """Return the rewrites written one per line; blank lines do not count."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def score_pair(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> dict[str, Any]:
    """Score the rewrites of one source.

    Args:
        source: what was rewritten.
        rewrites: at least one.
        choice: the protocol and models.
        reference: a human rewrite, for protocols that use one; "" for none.

    Returns:
        `signature`, and columns `sta`, `sim`, `fl`, `j`, `p_toxic`, one number per
        rewrite in the order given.

    Raises:
        InputError: a text is missing or too long, or a model is not here.
    """
    check_pair(source, rewrites)
    check_text(reference, "The reference")
    protocol = protocols()[choice.protocol]
    columns: dict[str, Any] = {
        "predictions": list(rewrites),
        "sources": [source] * len(rewrites),
    }
    if reference.strip() and protocol.references != "unused":
        columns["references"] = [[reference]] * len(rewrites)
    elif protocol.references == "required":
        raise InputError(
            f"The protocol {choice.protocol} needs a reference: a human rewrite of the"
            " source."
        )
    segments = score(choice, "short", **columns)
    return {"signature": segments.signature, **segments.as_lists()}


def results(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> tuple[list[Result], str]:
    """Return the scored and explained rewrites, best first, and the signature.

    Raises:
        InputError: as `score_pair`.
    """
    scores = score_pair(source, rewrites, choice, reference)
    order = sorted(range(len(rewrites)), key=lambda index: -scores["j"][index])
    ranked = [rewrites[index] for index in order]
    found = []
    for index, explanation in zip(order, explain(source, ranked), strict=True):
        numbers = {
            name: scores[name][index] for name in ("sta", "sim", "fl", "j", "p_toxic")
        }
        found.append(Result(rewrites[index], **numbers, explanation=explanation))
    return found, scores["signature"]


def show(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> tuple[str, str]:
    """Return the HTML of `results` and the signature.

    Raises:
        InputError: as `score_pair`.
    """
    found, signature = results(source, rewrites, choice, reference)
    p_source = float(scorer(Choice(), "short").score(predictions=[source]).p_toxic[0])
    return render_results(found, p_source), signature
