"""Sentences that an identifier is often wrong about: those that an earlier one suspects
of being toxic, real or with a suspected word put in, and those about groups of people.

Most of them are harmless: a sharper teacher says which, and the next identifier learns
it. They come from the example tables, so nothing is held out among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random

import pandas as pd

from toxicity_j.builtin_identifier import ToxicityIdentifier
from training.data.example_table import read_rows
from training.data.varied_pairs import of_some_words, real_sentences
from training.synthetic.drawing import draw_unlabeled
from training.synthetic.lexicon import content_places
from training.synthetic.spelling import bare, capitalized
from training.synthetic.templates import FOLDER, read_slots
from training.synthetic.word_edits import (
    Broken,
    Rule,
    Words,
    at_one_place,
    insert,
    like,
    places_of,
    put,
)

__all__ = ["about_groups", "planted", "rated_sentences", "suspects"]

# From this P(toxic) on a sentence is suspected. The others are learned well already.
_SUSPECTED = 0.1
# The same of a word alone: rude ones, names of groups, and words that only sound like
# them.
_SUSPECTED_WORD = 0.3
# Longer texts are of several sentences, and cost the teacher most of its time.
_MOST_TOKENS = 40
# Of sentences that get another word: in longer ones it counts less.
_MOST_WORDS = 16
# Words that a group's name may stand before, and words whose place it may take.
_PERSONS = frozenset(
    [
        *("man", "men", "woman", "women", "people", "person", "boy", "boys", "girl"),
        *("girls", "kid", "kids", "child", "children", "lady", "guy", "guys"),
        *("students", "friends", "players", "workers", "fans", "neighbors", "doctors"),
    ]
)
_OTHERS = frozenset(["you", "they", "we"])


def rated_sentences(examples: Path, tier: str = "all") -> pd.Series:
    """Read the distinct rated sentences of the tables of content and fluency.

    Args:
        examples: folder of the tables.
        tier: of the rows; see `read_rows`.
    """
    found = []
    for task in ("content", "fluency"):
        frame, _ = read_rows(examples, task, tier)
        rated = frame[frame.kind.str.startswith("rated_")]
        found += [rated.text, rated.source]
    return pd.concat(found).drop_duplicates()


def suspects(
    rated: pd.Series, known: pd.Series, earlier: ToxicityIdentifier
) -> list[str]:
    """Return the sentences that `earlier` suspects.

    Args:
        rated: distinct sentences.
        known: texts that are learned anyway.
        earlier: judges them.
    """
    is_new = ~rated.isin(known) & (rated.str.strip() != "")
    texts = rated[is_new].tolist()
    ids = earlier.encode(texts)
    chosen = [
        text for text, row in zip(texts, ids, strict=True) if len(row) <= _MOST_TOKENS
    ]
    return _suspected(chosen, earlier)


def planted(
    rated: pd.Series, earlier: ToxicityIdentifier, count: int, rng: Random
) -> list[str]:
    """Put words that `earlier` suspects alone in the place of content words of short
    sentences; return the sentences that it suspects then.

    Whether such a sentence is toxic, the words around decide.

    Args:
        rated: distinct sentences.
        earlier: judges words and sentences.
        count: sentences that are made at first.
        rng: decides everything.
    """
    vocabulary = sorted(earlier.tokenizer.get_vocab())
    whole = [word for word in vocabulary if word.isalpha() and len(word) > 2]
    words = _suspected(whole, earlier, _SUSPECTED_WORD)
    if not words:
        return []
    rule = at_one_place(content_places, partial(_with_word, words))
    return _suspected(_changed(rated, rule, count, rng), earlier)


def about_groups(
    rated: pd.Series, style: pd.DataFrame, count: int, rng: Random
) -> list[str]:
    """Make sentences about groups of people from short ones about others: at most
    `count`.

    Args:
        rated: distinct sentences.
        style: rows of the style table.
        count: how many.
        rng: decides everything.
    """
    sentences = pd.concat([rated, real_sentences(style)]).drop_duplicates()
    groups = read_slots(FOLDER / "style_slots.txt")
    return _changed(sentences, partial(_about_a_group, groups), count, rng)


def _changed(texts: pd.Series, rule: Rule, count: int, rng: Random) -> list[str]:
    """Change short texts by a rule: at most `count` distinct ones."""
    short = of_some_words(texts, _MOST_WORDS, fewest=2).tolist()
    if not short:
        return []

    def make(turn: int) -> str | None:
        changed = rule(rng.choice(short).split(), rng)
        return None if changed is None else " ".join(changed)

    return draw_unlabeled(make, count, rng, at_most=True)


def _with_word(choices: Sequence[str], words: Words, place: int, rng: Random) -> Broken:
    return put(words, place, like(rng.choice(choices), words[place]))


def _about_a_group(
    groups: Mapping[str, Sequence[str]], words: Words, rng: Random
) -> Broken:
    """Say of which group a person is, or say of a group what is said of "you" or
    "them".
    """
    adjective = rng.choice(groups["adj"])
    if bare(words[0]) in _OTHERS:
        several = rng.choice([f"{adjective} people", rng.choice(groups["many"])])
        return put(words, 0, like(several, words[0]))
    rule = at_one_place(_persons, partial(_of_group, adjective))
    return rule(words, rng)


def _persons(words: Words) -> list[int]:
    return places_of(words, _PERSONS)


def _of_group(adjective: str, words: Words, place: int, rng: Random) -> Broken:
    if place == 0 and words[0][:1].isupper():
        return [capitalized(adjective), words[0].lower(), *words[1:]]
    return insert(words, place, adjective)


def _suspected(
    texts: list[str], identifier: ToxicityIdentifier, least: float = _SUSPECTED
) -> list[str]:
    """Select the texts whose P(toxic) is above `least`."""
    scores = identifier.p_toxic(texts).tolist()
    pairs = zip(texts, scores, strict=True)
    return [text for text, score in pairs if score > least]
