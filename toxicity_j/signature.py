"""The signature: every setting that can move a number, in one string that travels with
the number.

In sacrebleu's manner (Post 2018, arXiv 1804.08771):
`j:emnlp2021|style:...|version:0.4.0`. Arithmetic only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from .protocol_records import Protocol
from .protocols import PROTOCOLS
from .rules import Decision


def render(settings: Mapping[str, object]) -> str:
    """Join names and values of settings.

    A bool reads yes or no. "|" in a value would end it, so it is written as "/".
    """
    return "|".join(f"{name}:{_shown(value)}" for name, value in settings.items())


def protocol_name(protocol: Protocol) -> str:
    """Return a published protocol's name, or for a changed one a digest.

    `newline` has a setting of its own in the signature, so it does not make a published
    protocol a custom one.
    """
    # A custom protocol may bear a published name; its fields tell.
    published = PROTOCOLS.get(protocol.name)
    if (
        published is not None
        and replace(protocol, newline=published.newline) == published
    ):
        return protocol.name
    return f"custom@{hashlib.sha256(repr(protocol).encode()).hexdigest()[:8]}"


def shown_decision(decision: Decision) -> object:
    """Return a hard decision as "argmax", `logit>0.8` or a bare threshold."""
    if decision.rule == "argmax":
        return "argmax"
    if decision.rule == "logit":
        return f"logit>{decision.threshold}"
    return decision.threshold


def precision(dtypes: Mapping[str, str]) -> str:
    """Return the models' number format: one if they share it, else each role's.

    Args:
        dtypes: role to the name of a number format.
    """
    distinct = set(dtypes.values())
    if not distinct:
        return "float32"
    if len(distinct) == 1:
        return distinct.pop()
    return ",".join(f"{role}={dtype}" for role, dtype in dtypes.items())


def reference_counts(references: list[list[str]] | None) -> str | bool:
    """Return the references per segment, as "1" or "1-3"; False without any."""
    if references is None:
        return False
    counts = {len(item) for item in references}
    low, high = min(counts), max(counts)
    if low == high:
        return str(low)
    return f"{low}-{high}"


def _shown(value: object) -> str:
    if value is True:
        return "yes"
    if value is False:
        return "no"
    # As people write it: .8, not 0.8.
    if isinstance(value, float) and 0 < value < 1:
        return repr(value).removeprefix("0")
    return str(value).replace("|", "/")
