"""Comparison of systems: statistics, tables and reports (installed package only)."""

from . import intervals, model_index, readers, records, render, report, statistics
from .compare import compare
from .comparison import Comparison
from .records import Difference, Estimate, Pair, System, Texts

__all__ = ["Comparison", "Difference", "Estimate", "Pair", "System", "Texts", "compare"]

# `toxicity_j.compare` is the function, which hides this package of the same name. With
# the package's names on it, `import toxicity_j.compare.statistics as statistics` and
# `toxicity_j.compare.Comparison` work all the same.
_MODULES = (intervals, model_index, readers, records, render, report, statistics)
for _name, _value in (("Comparison", Comparison), ("Texts", Texts)):
    setattr(compare, _name, _value)
for _module in _MODULES:
    setattr(compare, _module.__name__.rpartition(".")[2], _module)
