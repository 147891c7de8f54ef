"""Edits of real sentences by rule: some change what is said, some keep it. Equal states
give equal texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from training.synthetic.drawing import draw_rules
from training.synthetic.edits_changing import CHANGES
from training.synthetic.edits_keeping import KEEPS
from training.synthetic.word_tables import Rule

__all__ = ["CHANGES", "KEEPS", "edit"]


def edit(
    text: str, rules: Mapping[str, tuple[Rule, int]], rng: Random
) -> tuple[str, float, str] | None:
    """Apply one rule, drawn by weight among those that find something to edit.

    Returns:
        The edited text, its kept meaning in [0, 1], and the rule's name; None where no
        rule fits.
    """
    for name, rule in draw_rules(rules, rng):
        edited = rule(text, rng)
        if edited is None:
            continue
        changed, label = edited
        # Spaces alone are not an edit.
        if changed.split() != text.split():
            return changed, label, name
    return None
