"""Check what is compared, score texts, and bring all systems into columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..column_checks import checked_references, checked_texts
from ..columns import same_length
from ..results import MEANS, Segments, mean
from .checks import finite
from .records import Texts
from .resampling import Array

if TYPE_CHECKING:
    from ..protocols import Protocol
    from ..scorer import Scorer

# Columns that no `Segments` lacks.
_ALWAYS = ("sta", "nontoxic")


@dataclass(frozen=True)
class ScoredSystems:
    """Systems with their scores.

    Attributes:
        columns: by system and measure, *Shape:* (n,).
        p_toxic: by system, *Shape:* (n,).
        signature: the same for all.
        languages: language of each segment, or None.
        truncated: by system, the number of truncated texts by role.
        texts: what was compared, or None.
    """

    columns: dict[str, dict[str, Array]]
    p_toxic: dict[str, Array]
    signature: str
    languages: list[str] | None = None
    truncated: dict[str, dict[str, int]] = field(default_factory=dict)
    texts: Texts | None = None

    @property
    def n(self) -> int:
        """Number of segments."""
        first, *_ = self.p_toxic.values()
        return len(first)

    @property
    def measures(self) -> list[str]:
        """Measures that every system has."""
        first, *_ = self.columns.values()
        return list(first)


def check_names(systems: object, baseline: object) -> None:
    """Check the names of systems, and that the baseline is one of them.

    Raises:
        TypeError: `systems` is not a mapping, or a name is not a string.
        ValueError: there are no systems, names are empty or the same but for space, or
            `baseline` is not among them.
    """
    if not isinstance(systems, Mapping):
        raise TypeError(
            "`systems` must be a mapping from names to outputs; got"
            f" {type(systems).__name__}"
        )
    if not systems:
        raise ValueError("`systems` must hold at least one system; got none")
    for name in systems:
        if not isinstance(name, str):
            raise TypeError(
                f"`systems` must have strings as names; got {type(name).__name__}"
            )
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError(
                f"`systems` must have names without lone surrogates; got {name!r}"
            )
        if not name.strip():
            raise ValueError(
                f"`systems` must have names that are not empty; got {name!r}"
            )
    seen: dict[str, str] = {}
    for name in systems:
        # Names that look alike in a table cannot be told apart in it.
        spaced = re.sub(r"\s+", " ", name.strip())
        if spaced in seen:
            raise ValueError(
                f"`systems` must have names that differ; got {seen[spaced]!r} and"
                f" {name!r}"
            )
        seen[spaced] = name
    if baseline is not None and baseline not in list(systems):
        raise ValueError(f"`baseline` must be one of {list(systems)}; got {baseline!r}")


def score_systems(
    systems: Mapping[str, Sequence[str] | Segments],
    columns: Mapping[str, Any],
    scorer: Scorer | None,
    protocol: str | Protocol,
    *,
    progress: bool,
) -> ScoredSystems:
    """Return the scores of all systems; those given as texts are scored.

    Args:
        systems: by name, outputs or `Segments`.
        columns: `sources`, `references` and `languages`, each a column or None.
        scorer: scores texts; made from `protocol` when None and needed.
        protocol: a name or a `Protocol`.
        progress: show progress bars.

    Raises:
        TypeError: a column is not of the right type.
        ValueError: lengths, settings, measures or languages differ between systems.
    """
    # Once, because a generator can be read once only.
    checked = _checked(columns)
    outputs: dict[str, list[str]] = {}
    scored: dict[str, Segments] = {}
    for name, given in systems.items():
        if isinstance(given, Segments):
            scored[name] = given
            continue
        # Systems that come with scores need no models.
        if scorer is None:
            scorer = _scorer(protocol, progress)
        outputs[name] = checked_texts(given, f"systems[{name!r}]")
        for column, values in checked.items():
            same_length(**{column: values, f"systems[{name!r}]": outputs[name]})
        scored[name] = scorer.score(outputs[name], **checked)
    by_system: dict[str, dict[str, Array]] = {}
    p_toxic: dict[str, Array] = {}
    truncated: dict[str, dict[str, int]] = {}
    for name, segments in scored.items():
        by_system[name] = _measures(name, segments)
        p_toxic[name] = finite(segments.p_toxic, f"systems[{name!r}].p_toxic")
        truncated[name] = dict(segments.truncated)
    _check_alike(scored, by_system)
    first, *_ = scored.values()
    _check_lengths(checked, len(first.p_toxic))
    return ScoredSystems(
        columns=by_system,
        p_toxic=p_toxic,
        signature=first.signature,
        languages=_common_languages(scored, checked["languages"]),
        truncated=truncated,
        texts=_texts(outputs, checked),
    )


def _checked(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns beside the outputs as checked lists; None for an absent one.

    Their lengths are compared with the number of segments later.
    """
    checked: dict[str, Any] = dict.fromkeys(columns)
    for name, column in columns.items():
        if column is None:
            continue
        if name == "references":
            checked[name] = checked_references(column)
        else:
            checked[name] = checked_texts(column, name, may_be_empty=True)
    return checked


def _check_lengths(columns: Mapping[str, list[Any] | None], n: int) -> None:
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise ValueError(
                f"`{name}` must have one item per segment; got {len(column)} for {n}"
            )


def _common_languages(
    scored: Mapping[str, Segments], languages: list[str] | None
) -> list[str] | None:
    """Return the languages of all systems, which must be those of the argument.

    Raises:
        ValueError: two systems, or a system and the argument, have other languages.
    """
    common, owner = languages, "`languages`"
    for name, segments in scored.items():
        if segments.languages is None:
            continue
        place = f"systems[{name!r}]"
        own = checked_texts(segments.languages, f"{place}.languages")
        _check_lengths({f"{place}.languages": own}, len(segments.p_toxic))
        if common is None:
            common, owner = own, place
        elif own != common:
            pairs = zip(own, common, strict=True)
            index = [one != other for one, other in pairs].index(True)
            raise ValueError(
                f"`systems` must have the same languages; {place} has other languages"
                f" than {owner}: {own[index]!r} and {common[index]!r} at index {index}"
            )
    return common


def _scorer(protocol: str | Protocol, progress: bool) -> Scorer:
    # Not at the head of the module: it imports torch, which systems with scores do not
    # need.
    from ..scorer import Scorer

    return Scorer(protocol, progress=progress)


def _measures(name: str, segments: Segments) -> dict[str, Array]:
    found = {}
    for measure, column in MEANS.items():
        values = getattr(segments, column)
        if values is not None or column in _ALWAYS:
            found[measure] = finite(values, f"systems[{name!r}].{column}")
    return found


def _check_alike(
    scored: Mapping[str, Segments], columns: Mapping[str, Mapping[str, Array]]
) -> None:
    """Check that all systems have the first one's signature, measures and length."""
    first, *_ = scored
    signature, measures = scored[first].signature, list(columns[first])
    n = len(columns[first]["sta"])
    for name, segments in scored.items():
        # Scores of other settings are other quantities.
        if segments.signature != signature:
            raise ValueError(
                f"`systems` must be scored with the same settings; {first!r} has the"
                f" signature {signature!r}, {name!r} has {segments.signature!r}"
            )
        found = list(columns[name])
        if found != measures:
            raise ValueError(
                f"`systems` must have the same scores; {first!r} has {measures},"
                f" {name!r} has {found}"
            )
        lengths = {len(segments.p_toxic), *map(len, columns[name].values())}
        if lengths != {n}:
            raise ValueError(
                f"`systems` must have the same number of segments; {first!r} has {n},"
                f" {name!r} has {sorted(lengths)}"
            )


def _texts(
    predictions: dict[str, list[str]], columns: Mapping[str, list[Any] | None]
) -> Texts | None:
    # Systems that came with scores only have no texts to show.
    if not predictions and columns["sources"] is None:
        return None
    return Texts(predictions, columns["sources"], columns["references"])


def language_means(
    columns: Mapping[str, Array], languages: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the mean of each measure by language, in order of their names."""
    labels = np.array(languages, dtype=object)
    means: dict[str, dict[str, float]] = {}
    for language in sorted(set(languages)):
        chosen = labels == language
        means[language] = {}
        for measure, values in columns.items():
            means[language][measure] = mean(values[chosen].tolist())
    return means
