"""Pairs of clauses that differ in tense, mood, certainty, or in being a question: built
from forms, so that both sides share their words whether they say the same or not.
"""

from __future__ import annotations

from random import Random

from training.synthetic.role_sentences import Row, lower_at_times, one_person
from training.synthetic.spelling import capitalized
from training.synthetic.templates import FOLDER, read_slots

__all__ = ["clause_pair"]

_FORMS = read_slots(FOLDER / "clause_forms.txt")
_VERBS = read_slots(FOLDER / "clause_verbs.txt")
_PARTS = ("b", "t", "p", "pp", "ing")
# What one meaning keeps of another where they differ; those named lie nearer.
_KEPT, _CHANGED = 0.95, 0.15
_NEARER = {
    0.7: (
        "managed past, surely future, plans future, used ended, habit still,"
        " soon future, promised plans, said claims, failed not_past, tried failed,"
        " who whether, i_should should_i"
    ),
    0.5: (
        "wants plans, must should, may_i should_i, refused not_past, forgot not_past,"
        " begun now, habit now, said past, claims past, used past, can allowed,"
        " cannot must_not, need_not allowed, refused not_future, denied not_past,"
        " everybody somebody, should order"
    ),
}
# Meanings that are easily taken for one another: half of the changed pairs are of one
# of these groups.
_MISTAKEN = (
    "habit now past future begun ended used still soon",
    "can must should need_not must_not allowed cannot",
    "past wants plans tried nearly promised threatened pretended should_have",
    "future perhaps surely wants plans promised threatened not_future",
    "said claims denied past not_past pretended",
    "who somebody nobody everybody",
    "whether why when past will_whether future because",
    "should_i i_should may_i lets",
    "order order_not must lets past",
    "if unless because although",
)
# Shares of rude sources, and of sentences in lower case.
_RUDE_SHARE, _LOWER_SHARE = 0.25, 0.3
_RUDE = ("that idiot", "this clown", "the damn fool", "that moron", "the stupid jerk")
_CIVIL = ("he", "this person", "that man", "the man")


def _near() -> dict[frozenset[str], float]:
    """Return what nearer meanings keep of each other."""
    return {
        frozenset(pair.split()): kept
        for kept, pairs in _NEARER.items()
        for pair in pairs.split(", ")
    }


_NEAR = _near()


def clause_pair(is_changed: bool, rng: Random) -> Row:
    """Draw a pair whose meaning is changed or kept."""
    meaning = other = rng.choice([*_FORMS])
    label = _KEPT
    if is_changed:
        other = _another(meaning, rng)
        label = _NEAR.get(frozenset([meaning, other]), _CHANGED)
    verb = rng.choice([*_VERBS])
    words = dict(zip(_PARTS, verb.split(), strict=True)) | {
        "o": rng.choice(_VERBS[verb])
    }
    subjects = [one_person(rng)] * 2
    if rng.random() < _RUDE_SHARE:
        subjects = [rng.choice(_RUDE), rng.choice(_CIVIL)]
    form = rng.choice(_FORMS[meaning])
    # Another form where the meaning has more than one.
    forms = [text for text in _FORMS[other] if text != form]
    sides = zip((form, rng.choice(forms)), subjects, strict=True)
    source, text = (_written(form.format(s=who, **words)) for form, who in sides)
    return lower_at_times((source, text, label), _LOWER_SHARE, rng)


def _another(meaning: str, rng: Random) -> str:
    """Draw another meaning, as often as not one that is taken for this one."""
    groups = [group.split() for group in _MISTAKEN]
    mistaken = [name for group in groups if meaning in group for name in group]
    choices = mistaken if mistaken and rng.random() < 0.5 else [*_FORMS]
    return rng.choice([name for name in choices if name != meaning])


def _written(clause: str) -> str:
    stop = "" if clause.endswith("?") else "."
    return capitalized(clause.replace(" i ", " I ").replace(" i'", " I'")) + stop
