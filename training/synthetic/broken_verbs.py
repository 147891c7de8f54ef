"""A rule that puts a wrong form of a verb, as learners of English do."""

from __future__ import annotations

from random import Random

from training.synthetic.grammar_tables import TABLES, word_set
from training.synthetic.lexicon import FUNCTION_WORDS
from training.synthetic.spelling import bare
from training.synthetic.word_edits import Broken, Words, like, put

__all__ = ["verb_form"]

# Before a base form: "must see". Before a participle: "has seen".
_TAKE_BASE, _TAKE_PARTICIPLE = word_set("take_base"), word_set("take_participle")
_THIRD = frozenset(
    ["he", "she", "it", "who", "everyone", "everybody", "someone", "nobody"]
)
_FIRST = frozenset(["i", "you", "we", "they"])

_PAST_TO_BASE: dict[str, str] = {}
_FROM_BASE: dict[str, tuple[str, str]] = {}
_FROM_PARTICIPLE: dict[str, tuple[str, str]] = {}
for _entry in TABLES["irregular"].split(", "):
    _base, _past, _participle = _entry.split()
    _PAST_TO_BASE[_past] = _base
    _FROM_BASE[_base] = (_past, _participle)
    _FROM_PARTICIPLE[_participle] = (_base, _past)


def _is_long_verb(word: str) -> bool:
    return len(word) > 3 and word not in FUNCTION_WORDS


def _inflected(base: str) -> list[str]:
    if base not in _FROM_BASE:
        return []
    forms = [*_FROM_BASE[base], base + "s", base + "ing"]
    return [form for form in forms if form != base]


def _inflected_by_ending(base: str) -> list[str]:
    if not (base.isalpha() and _is_long_verb(base)):
        return []
    stem = base.rstrip("e")
    return [base + "s", stem + "ing", stem + "ed"]


def _not_participle(participle: str) -> list[str]:
    forms = _FROM_PARTICIPLE.get(participle, ())
    return [form for form in forms if form != participle]


def _without_ing(word: str) -> list[str]:
    if not word.endswith("ing") or len(word) < 6:
        return []
    return [word[:-3]]


def _regular_past(past: str) -> list[str]:
    if past not in _PAST_TO_BASE:
        return []
    return [_PAST_TO_BASE[past] + "ed"]


def _without_s(word: str) -> list[str]:
    if not word.endswith("s") or not _is_long_verb(word):
        return []
    return [word[:-1]]


# Words before a verb, and what makes wrong forms of the verb. The first that gives any
# counts.
_VERB_FORMS = (
    (_TAKE_BASE, _inflected),
    (_TAKE_BASE, _inflected_by_ending),
    (_TAKE_PARTICIPLE, _not_participle),
    (_TAKE_PARTICIPLE, _without_ing),
    (_THIRD | _FIRST, _regular_past),
    (_THIRD, _without_s),
)


def _wrong_verbs(before: str, word: str) -> list[str]:
    for asking, make in _VERB_FORMS:
        if before in asking:
            forms = make(word)
            if forms:
                return forms
    return []


def verb_form(words: Words, rng: Random) -> Broken:
    """Put a wrong form of any verb that the word before it tells; see `_VERB_FORMS`."""
    found: list[tuple[int, str]] = []
    plain = [bare(word) for word in words]
    for place in range(1, len(words)):
        forms = _wrong_verbs(plain[place - 1], plain[place])
        found += [(place, form) for form in forms]
    if not found:
        return None
    place, form = rng.choice(found)
    return put(words, place, like(form, words[place]))
