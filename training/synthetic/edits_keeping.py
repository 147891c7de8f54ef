"""Edits of a sentence by rule that keep what it says; see `edits`."""

from __future__ import annotations

import re
from random import Random

from training.synthetic import spelling
from training.synthetic.lexicon import EXPLETIVES
from training.synthetic.word_tables import Edited, Rule, by_table

__all__ = ["KEEPS"]

_LEADING_CLAUSE = re.compile(
    r"(?i)^(if|when|because|although|while|since|after|before)\s+([^,]+?)\s*,\s+(.+?)([.!?]?)$"
)
_LEADS_KEPT = (
    "please understand that", "i'm sorry, but", "i am afraid that", "in my opinion,",
    "to be honest,", "honestly,",
    "i have to say that", "i would like to say that", "with respect,",
    "i think that", "well,", "look,", "you know,",
)  # fmt: skip
_TAILS_KEPT = (
    "if i may say so",
    "in my view",
    "i think",
    "to be honest",
    "i am sorry to say",
)


def _lead_kept(text: str, rng: Random) -> Edited:
    lead = rng.choice(_LEADS_KEPT)
    return f"{lead} {text}", 0.9


def _tail_kept(text: str, rng: Random) -> Edited:
    body = text.rstrip(" .!")
    if body.endswith("?"):
        return None
    tail = rng.choice(_TAILS_KEPT)
    return f"{body}, {tail}.", 0.92


def _no_expletive(text: str, rng: Random) -> Edited:
    words = text.split()
    kept = [word for word in words if spelling.bare(word) not in EXPLETIVES]
    if not 1 < len(kept) < len(words):
        return None
    return " ".join(kept), 0.95


def _move_clause(text: str, rng: Random) -> Edited:
    match = _LEADING_CLAUSE.match(text.strip())
    if not match:
        return None
    connective, clause, main, stop = match.groups()
    moved = f"{connective.lower()} {clause}{stop}"
    return f"{spelling.capitalized(main)} {moved}", 0.96


def _respell(text: str, rng: Random) -> Edited:
    return spelling.respell(text, rng), 0.97


def _typing_errors(text: str, rng: Random) -> Edited:
    words = text.split()
    places = []
    for place, word in enumerate(words):
        if word.isalpha() and len(word) > 4:
            places.append(place)
    if not places:
        return None
    count = rng.choice([1, 1, 2])
    for place in rng.sample(places, min(len(places), count)):
        word = words[place]
        index = rng.randrange(1, len(word) - 2)
        swapped = spelling.swap_letters(word, index)
        dropped = spelling.drop_letter(word, index)
        words[place] = rng.choice([swapped, dropped])
    return " ".join(words), 0.93


# Rule and weight, by kind.
KEEPS: dict[str, tuple[Rule, int]] = {
    "contraction": (by_table("contractions", 0.98, most=3), 4),
    "synonym": (by_table("synonyms", 0.92, most=2), 4),
    "spelling": (by_table("spellings", 0.96, most=3), 3),
    "digits": (by_table("digits", 0.97, most=2), 2),
    "lead": (_lead_kept, 1),
    "tail": (_tail_kept, 1),
    "no_expletive": (_no_expletive, 4),
    "moved_clause": (_move_clause, 4),
    "format": (_respell, 3),
    "typing_error": (_typing_errors, 1),
}
