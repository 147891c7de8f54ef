"""Edits of real sentences by rule: some change what is said, some keep it. Equal states give equal texts."""

from __future__ import annotations

import random
from collections.abc import Mapping

from training.synthetic.edits_changing import CHANGES
from training.synthetic.edits_keeping import KEEPS
from training.synthetic.word_tables import Rule

__all__ = ["CHANGES", "KEEPS", "edit"]


def edit(text: str, rules: Mapping[str, tuple[Rule, int]], rng: random.Random) -> tuple[str, float, str] | None:
    """Apply one rule, drawn by weight among those that find something to edit.

    Returns:
        The edited text, its kept meaning in [0, 1], and the rule's name; None where no rule fits.
    """
    names = list(rules)
    while names:
        name = rng.choices(names, [rules[name][1] for name in names])[0]
        edited = rules[name][0](text, rng)
        if edited and edited[0].split() != text.split():
            return edited[0], edited[1], name
        names.remove(name)
    return None
