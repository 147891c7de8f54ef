"""Rules that break the grammar of a sentence in one place: articles, verbs, pronouns,
prepositions, negations.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from training.synthetic.broken_verbs import verb_form
from training.synthetic.grammar_tables import TABLES, both_ways, word_set
from training.synthetic.spelling import bare
from training.synthetic.word_edits import (
    Broken,
    Rule,
    Words,
    at_one_place,
    followed,
    insert,
    like,
    places_of,
    put,
)

__all__ = ["GRAMMAR_BREAKS"]


_PREPOSITIONS = TABLES["prepositions"].split()
_LINKING, _MANY = word_set("linking"), word_set("plurals")
_ONE = frozenset(["a", "an", "every", "each"])
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


def _confused(name: str) -> Rule:
    """Make a rule that takes a word for another by a table."""
    table = both_ways(name)

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
    if not fits:
        return None
    return put(words, place + 1, like(changed, following))


def _of_for_have(words: Words, rng: Random) -> Broken:
    modals = places_of(words, _MODALS)
    for place in places_of(words, ["have"]):
        if place - 1 in modals:
            return put(words, place, "of")
    return None


def _misplaced_not(words: Words, rng: Random) -> Broken:
    negations = places_of(words, ("not", "never"))
    if negations and negations[0] == 0:
        del negations[0]
    if negations:
        place = rng.choice(negations)
        rest = list(words)
        negation = rest.pop(place)
        return insert(rest, place - 1, negation)
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
    "verb_form": (verb_form, 6),
    "number_of_nouns": (at_one_place(followed(_MANY | _ONE), _other_number), 3),
    "preposition": (at_one_place(followed(_PREPOSITIONS), _other_preposition), 3),
    "of_for_have": (_of_for_have, 3),
    "misplaced_not": (_misplaced_not, 3),
}
