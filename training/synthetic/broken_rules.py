"""Rules that break a sound sentence in one place, each after an error that people or
systems make.

Each rule takes the words of a sentence and a `random.Random`; it returns the broken
words, or None where it finds nothing to break. Equal states give equal words.
"""

from __future__ import annotations

from training.synthetic.broken_grammar import GRAMMAR_BREAKS
from training.synthetic.broken_order import ORDER_BREAKS

__all__ = ["BREAKS"]

# Rule and weight, by kind. The order is part of the recipe: draws go by it.
BREAKS = GRAMMAR_BREAKS | ORDER_BREAKS
