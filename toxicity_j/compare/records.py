"""Records of estimates, systems, pairs and texts. No arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field

# Measures in the order of tables, and how they are written in prose. The keys are those
# of `compute()`, so that a saved comparison is read like its result.
MEASURES: dict[str, str] = {
    "sta": "STA",
    "nontoxic_share": "non-toxic",
    "sim": "SIM",
    "fl": "FL",
    "j": "J",
}

FACTORS: tuple[str, ...] = ("sta", "sim", "fl")


@dataclass(frozen=True)
class Estimate:
    """A corpus score with its interval.

    Attributes:
        value: the mean over segments.
        low: lower end of the interval; None where there are too few segments for one.
        high: upper end of the interval; None where there are too few segments for one.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """The difference of two systems in one measure, on the same segments.

    It is always first minus second.

    Attributes:
        value: difference of the means; positive where the first system is better.
        low: lower end of the interval, or None.
        high: upper end of the interval, or None.
        p_value: two-sided p-value of "equal means".
        p_corrected: the same after Holm's correction over all pairs of systems.
        effect_size: mean of the differences over their standard deviation (Cohen's
            d_z); None where it is undefined.
    """

    value: float
    low: float | None
    high: float | None
    p_value: float
    p_corrected: float
    effect_size: float | None


@dataclass(frozen=True)
class Pair:
    """Two systems compared in every measure.

    Attributes:
        first: name of the system that stands higher (or, with a baseline, of the one
            that is not the baseline).
        second: name of the other system.
        differences: by measure, first minus second.
        contributions: by factor, the part of the difference in J that comes from it;
            the parts add up to it. Empty without J.
        wins: segments in which the first system scores higher.
        ties: segments in which both score the same, up to 0.000001.
        losses: segments in which the second system scores higher.
    """

    first: str
    second: str
    differences: dict[str, Difference]
    contributions: dict[str, float]
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class System:
    """One system's scores.

    Attributes:
        name: unique within a comparison.
        rank: 1 for the highest main measure; equal scores share a rank.
        letters: systems that share a letter cannot be told apart.
        scores: by measure (`sta`, `nontoxic_share`, and with sources `sim`, `fl`, `j`).
        by_language: by language, the mean of each measure; None without languages.
        macro: the unweighted mean over languages of each measure; None without
            languages, and in files of 0.13.0 and earlier.
        segments: per-segment columns `sta`, `nontoxic`, `p_toxic`, `sim`, `fl`, `j`;
            empty if they were not kept.
        truncated: number of texts that were truncated, by role; empty if none.
    """

    name: str
    rank: int
    letters: str
    scores: dict[str, Estimate]
    by_language: dict[str, dict[str, float]] | None = None
    macro: dict[str, float] | None = None
    segments: dict[str, list[float]] = field(default_factory=dict)
    truncated: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Texts:
    """The texts behind a comparison, for the browser of segments in a report.

    Attributes:
        predictions: outputs by system name, one per segment.
        sources: one per segment, or None.
        references: one list per segment, or None.
    """

    predictions: dict[str, list[str]]
    sources: list[str] | None = None
    references: list[list[str]] | None = None
