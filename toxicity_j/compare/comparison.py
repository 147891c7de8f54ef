"""The result of a comparison, and the forms in which it can be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .records import Pair, System, Texts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Systems compared on the same segments.

    Attributes:
        systems: best first.
        pairs: every pair of systems, the higher one first; empty for one system.
        groups: names of systems that cannot be told apart, best group first; a system
            may stand in several.
        main: the measure that ranks: "j", or "sta" without sources.
        n: number of segments.
        smallest_difference: by measure, the smallest difference that this number of
            segments shows in 80 of 100 repetitions; empty for one system, and where no
            difference can be significant.
        verdict: sentences in words, the most important one first.
        warnings: what limits these results (few segments, texts that were truncated).
        signature: the settings that can move a score, equal for all systems.
        protocol: name of the protocol.
        baseline: the system that the others are held against, or None.
        confidence: level of the intervals, in (0, 1).
        n_resamples: bootstrap samples and random sign flips.
        seed: seed of both.
        versions: versions of the packages used, by name.
        files: SHA-256 of the input files, by name.
        date: when it was made, UTC, ISO 8601.
        languages: language of each segment, or None.
        texts: the texts, kept for the report; None if they were not given.
    """

    systems: tuple[System, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    main: str
    n: int
    smallest_difference: dict[str, float]
    verdict: tuple[str, ...]
    warnings: tuple[str, ...]
    signature: str
    protocol: str
    baseline: str | None
    confidence: float
    n_resamples: int
    seed: int
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    date: str = ""
    languages: list[str] | None = None
    texts: Texts | None = None

    def system(self, name: str) -> System:
        """Return the system of a name.

        Raises:
            ValueError: there is none of that name.
        """
        for system in self.systems:
            if system.name == name:
                return system
        names = [system.name for system in self.systems]
        raise ValueError(f"`name` must be one of {names}; got {name!r}")

    def to_text(self) -> str:
        """Return an aligned table, the verdict and the signature, for a terminal."""
        # Here and below: `render` imports this module.
        from .render import to_text

        return to_text(self)

    def to_markdown(self) -> str:
        """Return the same as Markdown."""
        from .render import to_markdown

        return to_markdown(self)

    def to_latex(self) -> str:
        """Return a LaTeX table (booktabs)."""
        from .render import to_latex

        return to_latex(self)

    def to_csv(self) -> str:
        """Return one row per system as CSV, with columns `j`, `j_low`, `j_high` etc."""
        from .render import to_csv

        return to_csv(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per system, with columns `j`, `j_low`, `j_high` and so on."""
        from .render import to_pandas

        return to_pandas(self)

    def to_json(
        self, *, segments: bool = True, texts: bool = True, indent: int | None = 2
    ) -> str:
        """Return everything as JSON, which `from_json` reads back.

        Args:
            segments: keep per-segment scores, which a later test on the same segments
                needs.
            texts: keep the texts, which a report's browser of segments needs.
            indent: spaces per level, or None for one line.
        """
        from .saved import to_json

        return to_json(self, segments=segments, texts=texts, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Comparison:
        """Read what `to_json` wrote.

        Raises:
            TypeError: it is not a string.
            ValueError: it is not JSON, or not a saved comparison.
        """
        from .saved import from_json

        return from_json(text)

    def _repr_html_(self) -> str:
        from .render import to_html

        return to_html(self)
