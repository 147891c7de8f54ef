"""Comparison of systems: statistics, tables and reports (installed package only)."""

from .compare import Comparison, compare
from .records import Difference, Estimate, Pair, System, Texts

__all__ = ["Comparison", "Difference", "Estimate", "Pair", "System", "Texts", "compare"]
