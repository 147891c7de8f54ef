"""Rules that break the grammar of a sentence in one place: articles, verbs, pronouns,
prepositions, negations.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from training.synthetic.lexicon import FUNCTION_WORDS
from training.synthetic.spelling import bare
from training.synthetic.templates import FOLDER
from training.synthetic.word_edits import (
    Broken,
    Rule,
    Words,
    at_one_place,
    followed,
    like,
    places_of,
    put,
)

__all__ = ["GRAMMAR_BREAKS"]


def _read_tables() -> dict[str, str]:
    text = (FOLDER / "fluency_tables.txt").read_text(encoding="utf-8")
    tables = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, entries = line.split(": ", 1)
            tables[name] = entries
    return tables


_TABLES = _read_tables()


def _both_ways(name: str) -> dict[str, list[str]]:
    """Read a table of "a/b, c/d" as word -> words it is confused with."""
    table: dict[str, list[str]] = {}
    for entry in _TABLES[name].split(", "):
        one, two = entry.split("/")
        table.setdefault(one, []).append(two)
        table.setdefault(two, []).append(one)
    return table


def _word_set(name: str) -> frozenset[str]:
    words = _TABLES[name].split()
    return frozenset(words)


_PREPOSITIONS = _TABLES["prepositions"].split()
_LINKING, _MANY = _word_set("linking"), _word_set("plurals")
_ONE = frozenset(["a", "an", "every", "each"])
# Before a base form: "must see". Before a participle: "has seen".
_TAKE_BASE, _TAKE_PARTICIPLE = _word_set("take_base"), _word_set("take_participle")
_THIRD = frozenset(
    ["he", "she", "it", "who", "everyone", "everybody", "someone", "nobody"]
)
_FIRST = frozenset(["i", "you", "we", "they"])
_MODALS = ("could", "should", "would", "must", "might")
_ARTICLES = ("a", "an", "the")
_AUXILIARIES = (
    "is",
    "are",
    "was",
    "were",
    "am",
    "be",
    "been",
    "has",
    "have",
    "had",
    "do",
    "does",
    "did",
)
_PERSONS = ("i", "you", "he", "she", "it", "we", "they", "me", "him", "them", "us")
_BEFORE_STRAY_ARTICLE = _LINKING | {"the", "a", "an", "very", "my", "your"}

_PAST_TO_BASE: dict[str, str] = {}
_FROM_BASE: dict[str, tuple[str, str]] = {}
_FROM_PARTICIPLE: dict[str, tuple[str, str]] = {}
for _entry in _TABLES["irregular"].split(", "):
    _base, _past, _participle = _entry.split()
    _PAST_TO_BASE[_past] = _base
    _FROM_BASE[_base] = (_past, _participle)
    _FROM_PARTICIPLE[_participle] = (_base, _past)


def _confused(name: str) -> Rule:
    """Make a rule that takes a word for another by a table."""
    table = _both_ways(name)

    def change(words: Words, place: int, rng: Random) -> Broken:
        word = words[place]
        other = rng.choice(table[bare(word)])
        return put(words, place, like(other, word))

    return at_one_place(lambda words: places_of(words, table), change)


def _lose(wanted: Collection[str]) -> Rule:
    """Make a rule that leaves out one of these words."""
    return at_one_place(followed(wanted), lambda words, place, rng: put(words, place))


def _other_article(words: Words, place: int, rng: Random) -> Broken:
    word = words[place]
    other = "a" if bare(word) == "an" else "an"
    return put(words, place, like(other, word))


def _before_stray_article(words: Words) -> list[int]:
    places = places_of(words, _BEFORE_STRAY_ARTICLE)
    return [place for place in places if place > 0]


def _add_article(words: Words, place: int, rng: Random) -> Broken:
    article = rng.choice(["a", "the", "an", "a"])
    return put(words, place, words[place], article)


def _other_preposition(words: Words, place: int, rng: Random) -> Broken:
    word = words[place]
    others = list(_PREPOSITIONS)
    others.remove(bare(word))
    return put(words, place, like(rng.choice(others), word))


def _other_number(words: Words, place: int, rng: Random) -> Broken:
    """Put a plural in the singular after "many", and a singular in the plural after
    "a".
    """
    following = words[place + 1]
    noun = bare(following)
    is_plural = noun.endswith("s")
    if bare(words[place]) in _MANY:
        changed = noun[:-1]
        fits = is_plural and len(noun) > 3
    else:
        changed = noun + "s"
        fits = noun.isalpha() and not is_plural
    return put(words, place + 1, like(changed, following)) if fits else None


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
    return [word[:-3]] if word.endswith("ing") and len(word) > 5 else []


def _regular_past(past: str) -> list[str]:
    return [_PAST_TO_BASE[past] + "ed"] if past in _PAST_TO_BASE else []


def _without_s(word: str) -> list[str]:
    return [word[:-1]] if word.endswith("s") and _is_long_verb(word) else []


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
        forms = make(word) if before in asking else []
        if forms:
            return forms
    return []


def _verb_form(words: Words, rng: Random) -> Broken:
    found: list[tuple[int, str]] = []
    plain = [bare(word) for word in words]
    for place in range(1, len(words)):
        forms = _wrong_verbs(plain[place - 1], plain[place])
        found += [(place, form) for form in forms]
    if not found:
        return None
    place, form = rng.choice(found)
    return put(words, place, like(form, words[place]))


def _of_for_have(words: Words, rng: Random) -> Broken:
    for place in range(1, len(words)):
        if bare(words[place]) == "have" and bare(words[place - 1]) in _MODALS:
            return put(words, place, "of")
    return None


def _misplaced_not(words: Words, rng: Random) -> Broken:
    negations = [place for place in places_of(words, ("not", "never")) if place > 0]
    if negations:
        place = rng.choice(negations)
        return [
            *words[: place - 1],
            words[place],
            words[place - 1],
            *words[place + 1 :],
        ]
    contracted = places_of(words[:-1], ("don't", "doesn't", "didn't"))
    if not contracted:
        return None
    word = rng.choice(["no", "not"])
    return put(words, contracted[0], word)


# Rule and weight, by kind.
GRAMMAR_BREAKS: dict[str, tuple[Rule, int]] = {
    "article": (at_one_place(followed(("a", "an")), _other_article), 8),
    "stray_article": (at_one_place(_before_stray_article, _add_article), 3),
    "lost_article": (_lose(_ARTICLES), 3),
    "lost_verb": (_lose(_AUXILIARIES), 5),
    "lost_preposition": (_lose(_PREPOSITIONS), 3),
    "lost_pronoun": (_lose(_PERSONS), 3),
    "agreement": (_confused("agreement"), 6),
    "homophone": (_confused("homophones"), 5),
    "pronoun_case": (_confused("pronouns"), 2),
    "verb_form": (_verb_form, 6),
    "number_of_nouns": (at_one_place(followed(_MANY | _ONE), _other_number), 3),
    "preposition": (at_one_place(followed(_PREPOSITIONS), _other_preposition), 3),
    "of_for_have": (_of_for_have, 3),
    "misplaced_not": (_misplaced_not, 3),
}
