"""The signature: every setting that can move a number, in one string beside it.

In sacrebleu's manner (Post 2018, arXiv 1804.08771):
`j:emnlp2021|style:...|version:0.5.0`. Arithmetic only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .protocol_records import Protocol
from .protocols import PROTOCOLS
from .rules import Decision
from .version import VERSION

if TYPE_CHECKING:
    # Both import torch, which the cold identifier does without.
    from .components import Role
    from .loaded_components import LoadedComponents


def signature_of(
    protocol: Protocol,
    models: LoadedComponents,
    decision: Decision,
    roles: Sequence[Role],
    references: list[list[str]] | None,
    *,
    soft: bool,
    has_sources: bool,
) -> str:
    """Return every setting that can move a number, and none that cannot.

    Args:
        protocol: the protocol's rules.
        models: its components, which are loaded for their names.
        decision: when a text counts as toxic.
        roles: the factors that are computed.
        references: those that are read; None without any.
        soft: whether STA is a probability.
        has_sources: whether there are sources.
    """
    names: dict[str, str] = {}
    dtypes: dict[str, str] = {}
    for role in roles:
        loaded = models.get(role)
        names[role] = models.name_in_signature(role)
        # chrF counts characters, so no number format can move it.
        if loaded.component.kind != "chrf":
            dtypes[role] = loaded.model.dtype
    return in_order(
        protocol,
        names,
        decision,
        soft=soft,
        detokenizes=_detokenizes(protocol, models, roles),
        references=reference_counts(references),
        lacks_sources=not has_sources and _reads_sources(protocol, models, roles, soft),
        dtype=precision(dtypes),
    )


def in_order(
    protocol: Protocol,
    names: Mapping[str, str],
    decision: Decision,
    *,
    soft: bool,
    detokenizes: bool = False,
    references: str | bool = False,
    lacks_sources: bool = False,
    dtype: str = "float32",
) -> str:
    """Write the settings in the one order that all signatures have.

    Args:
        protocol: the protocol's rules.
        names: the models, by role.
        decision: when a text counts as toxic.
        soft: whether STA is a probability.
        detokenizes: whether a classifier reads texts with their punctuation joined.
        references: how many there are per segment, or False.
        lacks_sources: whether a factor was computed without the sources that it reads
            where there are any.
        dtype: the models' number format.
    """
    settings: dict[str, object] = {"j": protocol_name(protocol), **names}
    settings["sta"] = "soft" if soft else "hard"
    settings["threshold"] = shown_decision(decision)
    settings["newline"] = protocol.newline
    settings["detok"] = detokenizes
    settings["references"] = references
    if lacks_sources:
        settings["sources"] = False
    settings["dtype"] = dtype
    settings["version"] = VERSION
    return render(settings)


def _detokenizes(
    protocol: Protocol, models: LoadedComponents, roles: Sequence[Role]
) -> bool:
    """Return whether a classifier reads texts with their punctuation joined."""
    detokenizing = []
    if protocol.style.detokenize:
        detokenizing.append("style")
    if protocol.fluency is not None and protocol.fluency.detokenize:
        detokenizing.append("fluency")
    # A model of another kind may have replaced it, which reads texts as they are.
    return any(
        role in detokenizing and models.kind(role) == "classifier" for role in roles
    )


def _reads_sources(
    protocol: Protocol, models: LoadedComponents, roles: Sequence[Role], soft: bool
) -> bool:
    """Return whether a factor can be computed without sources, but by another rule."""
    if protocol.style.relative and soft:
        return True
    # Beside its source the encoder judges what the rewrite did to it.
    return "fluency" in roles and models.kind("fluency") == "encoder"


def render(settings: Mapping[str, object]) -> str:
    """Join names and values of settings.

    A bool reads yes or no. "|" in a value would end it, so it is written as "/".
    """
    shown = {name: _shown(value) for name, value in settings.items()}
    return "|".join(f"{name}:{value}" for name, value in shown.items())


def protocol_name(protocol: Protocol) -> str:
    """Return a published protocol's name, or for a changed one a digest.

    `newline` has a setting of its own in the signature, so it does not make a published
    protocol a custom one.
    """
    # A custom protocol may bear a published name; its fields tell.
    published = PROTOCOLS.get(protocol.name)
    if published is not None:
        same_newline = replace(protocol, newline=published.newline)
        if same_newline == published:
            return protocol.name
    digest = hashlib.sha256(repr(protocol).encode()).hexdigest()
    return f"custom@{digest[:8]}"


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
