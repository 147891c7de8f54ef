"""Pairs of sentences with an amount, a time or a price, in other words or another one:
"7 pm" and "19:00", "half" and "a quarter".
"""

from __future__ import annotations

from random import Random

from training.synthetic.role_sentences import Row, lower_at_times
from training.synthetic.spelling import capitalized
from training.synthetic.templates import FOLDER, read_slots

__all__ = ["amount_pair"]

_WORDS = read_slots(FOLDER / "amounts.txt")
# Of each kind, the amounts, each with its ways to say it.
_AMOUNTS = {
    kind: [amount.split(" = ") for amount in amounts]
    for kind, amounts in _WORDS.items()
    if not kind.startswith("in_")
}
_KEPT, _CHANGED = 0.96, 0.15
_LOWER_SHARE = 0.3
# Share of changed pairs that say the other amount in a like way: "7 pm", "3 pm".
_ALIKE_SHARE = 0.6


def amount_pair(is_changed: bool, rng: Random) -> Row:
    """Draw a pair whose amount is another one, or said in other words."""
    kind = rng.choice([*_AMOUNTS])
    sentence = rng.choice(_WORDS[f"in_{kind}"])
    amount, other = rng.sample(_AMOUNTS[kind], 2)
    if is_changed:
        place = rng.randrange(len(amount))
        said = amount[place]
        # The ways to say an amount stand in a like order.
        is_alike = rng.random() < _ALIKE_SHARE
        written = other[min(place, len(other) - 1)] if is_alike else rng.choice(other)
    else:
        said, written = rng.sample(amount, 2)
    source, text = (
        capitalized(sentence.replace("{x}", words)) for words in (said, written)
    )
    label = _CHANGED if is_changed else _KEPT
    return lower_at_times((source, text, label), _LOWER_SHARE, rng)
