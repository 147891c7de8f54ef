"""The rows of the content table, and how far the label of each kind counts."""

from __future__ import annotations

import numpy as np

__all__ = ["COLUMNS", "RATED_TRUST", "TRUST", "Rows"]

# How far a constructed label counts beside the teacher's, by kind.
TRUST = {
    "rewrite": 0.4,
    "delete": 0.3,
    "unrated": 0.0,
    "contrast": 0.7,
    "copy": 1.0,
    "foreign": 0.7,
    "lossy": 0.4,
}
# How far the label of a rated pair counts beside the teacher's.
RATED_TRUST = 0.6
COLUMNS = ["source", "text", "label", "weight", "trust", "kind", "tier"]


class Rows(list):
    """Rows of the table."""

    def put(
        self,
        source: str,
        text: str,
        label: float | None,
        kind: str,
        trust: str,
        weight: float = 1.0,
    ) -> None:
        """Append a row; a missing label is left to the teacher."""
        known = np.nan if label is None else label
        self.append((source, text, known, weight, TRUST[trust], kind, "open"))

    def put_rated(
        self,
        source: str,
        text: str,
        label: float,
        weight: float,
        name: str,
        tier: str = "open",
    ) -> None:
        """Append a pair that people rated."""
        self.append((source, text, label, weight, RATED_TRUST, f"rated_{name}", tier))
