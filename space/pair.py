"""Score one source and its rewrites: numbers, explanations, HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toxicity_j import protocols

from .explain import explain
from .limits import InputError, check_pair, check_text
from .models import Choice, score, scorer
from .pair_view import Result, render_results

# The fields of a `Result` that are numbers.
_NUMBERS = ("sta", "sim", "fl", "j", "p_toxic")


def rewrites_of(text: str) -> list[str]:
    """Return the rewrites written one per line; blank lines do not count."""
    return list(filter(None, map(str.strip, text.splitlines())))


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
    # The box keeps its text when a protocol without references is chosen.
    if reference.strip() and protocol.references != "unused":
        columns["references"] = [[reference]] * len(rewrites)
    elif protocol.references == "required":
        raise InputError(
            f"The protocol {choice.protocol} needs a reference:"
            " a human rewrite of the source."
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
    places = range(len(rewrites))
    # Reversed, but equal ones in the order in which they were given.
    order = sorted(places, key=lambda place: -scores["j"][place])
    ranked = [rewrites[place] for place in order]
    found = []
    for place, explanation in zip(order, explain(source, ranked), strict=True):
        numbers = {name: scores[name][place] for name in _NUMBERS}
        found.append(Result(rewrites[place], **numbers, explanation=explanation))
    return found, scores["signature"]


def show(
    source: str, rewrites: Sequence[str], choice: Choice, reference: str = ""
) -> tuple[str, str]:
    """Return the HTML of `results` and the signature.

    Raises:
        InputError: as `score_pair`.
    """
    found, signature = results(source, rewrites, choice, reference)
    # By the built-in models, as the words are, so that the two agree.
    alone = scorer(Choice(), "short").score(predictions=[source])
    p_source = float(alone.p_toxic[0])
    return render_results(found, p_source), signature
