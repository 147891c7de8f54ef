"""Sentences that an identifier is often wrong about: those that an earlier one suspects
of being toxic, real or with a suspected word put in, and those about groups of people.

Most of them are harmless: a sharper teacher says which, and the next identifier learns
it. They come from the example tables, so nothing is held out among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import pandas as pd

from toxicity_j.builtin_identifier import ToxicityIdentifier
from training.data.example_table import read_rows
from training.data.varied_pairs import real_sentences
from training.synthetic.drawing import draw_distinct
from training.synthetic.lexicon import content_places
from training.synthetic.spelling import bare, capitalized
from training.synthetic.templates import FOLDER, read_slots
from training.synthetic.word_edits import Broken, Words, insert, like, places_of, put

__all__ = ["about_groups", "planted", "suspects"]

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


def suspects(
    examples: Path, earlier: ToxicityIdentifier, tier: str = "all"
) -> list[str]:
    """Return the distinct sentences that `earlier` suspects, without those of the style
    table.

    Args:
        examples: folder of the tables.
        earlier: judges them.
        tier: of the rows; see `read_rows`.
    """
    known = set(pd.read_parquet(examples / "style.parquet", columns=["text"]).text)
    found = dict.fromkeys(_rated_sentences(examples, tier))
    texts = [text for text in found if text not in known and text.strip()]
    ids = earlier.encode(texts)
    chosen = [
        text for text, row in zip(texts, ids, strict=True) if len(row) <= _MOST_TOKENS
    ]
    return _suspected(chosen, earlier)


def planted(
    examples: Path,
    earlier: ToxicityIdentifier,
    count: int,
    rng: Random,
    tier: str = "all",
) -> list[str]:
    """Put words that `earlier` suspects alone in the place of content words of short
    rated sentences; return the sentences that it suspects then.

    Whether such a sentence is toxic, the words around decide.

    Args:
        examples: folder of the tables.
        earlier: judges words and sentences.
        count: sentences that are made at first.
        rng: decides everything.
        tier: of the rows; see `read_rows`.
    """
    short = _short_ones(_rated_sentences(examples, tier))
    words = _suspected_words(earlier)
    if not words:
        return []
    made = _made(short, lambda sentence: _with_word(sentence, words, rng), count, rng)
    return _suspected(made, earlier)


def about_groups(
    examples: Path, count: int, rng: Random, tier: str = "all"
) -> list[str]:
    """Make sentences about groups of people from short ones about others, rated ones
    and those of the style table: at most `count`.

    Args:
        examples: folder of the tables.
        count: how many.
        rng: decides everything.
        tier: of the rows; see `read_rows`.
    """
    style, _ = read_rows(examples, "style", tier)
    pool = [*_rated_sentences(examples, tier), *real_sentences(style)]
    groups = read_slots(FOLDER / "style_slots.txt")
    return _made(
        _short_ones(pool),
        lambda sentence: _about_a_group(sentence, groups, rng),
        count,
        rng,
    )


def _short_ones(texts: Iterable[str]) -> list[str]:
    distinct = dict.fromkeys(texts)
    return [text for text in distinct if 1 < len(text.split()) <= _MOST_WORDS]


def _made(
    sentences: Sequence[str],
    change: Callable[[Words], Broken],
    count: int,
    rng: Random,
) -> list[str]:
    """Change sentences by rule: at most `count` distinct ones."""
    if not sentences:
        return []

    def make(turn: int) -> tuple[str, None] | None:
        changed = change(rng.choice(sentences).split())
        return None if changed is None else (" ".join(changed), None)

    return [text for text, _ in draw_distinct(make, count, rng, at_most=True)]


def _with_word(sentence: Words, words: Sequence[str], rng: Random) -> Broken:
    """Put one of the words in the place of a content word."""
    places = content_places(sentence)
    if not places:
        return None
    place = rng.choice(places)
    return put(sentence, place, like(rng.choice(words), sentence[place]))


def _about_a_group(
    sentence: Words, groups: Mapping[str, Sequence[str]], rng: Random
) -> Broken:
    """Say of which group a person is, or say of a group what is said of "you" or
    "them".
    """
    adjective = rng.choice(groups["adj"])
    if bare(sentence[0]) in _OTHERS:
        several = rng.choice([f"{adjective} people", rng.choice(groups["many"])])
        return put(sentence, 0, like(several, sentence[0]))
    places = places_of(sentence, _PERSONS)
    if not places:
        return None
    place = rng.choice(places)
    if place == 0 and sentence[0][:1].isupper():
        return [capitalized(adjective), sentence[0].lower(), *sentence[1:]]
    return insert(sentence, place, adjective)


def _suspected_words(identifier: ToxicityIdentifier) -> list[str]:
    """List the whole words of the vocabulary that are suspected alone."""
    words = sorted(word for word in identifier.tokenizer.get_vocab() if word.isalpha())
    scores = identifier.p_toxic(words).tolist()
    pairs = zip(words, scores, strict=True)
    return [word for word, score in pairs if score > _SUSPECTED_WORD and len(word) > 2]


def _suspected(texts: list[str], identifier: ToxicityIdentifier) -> list[str]:
    scores = identifier.p_toxic(texts).tolist()
    pairs = zip(texts, scores, strict=True)
    return [text for text, score in pairs if score > _SUSPECTED]


def _rated_sentences(examples: Path, tier: str) -> Iterator[str]:
    for task in ("content", "fluency"):
        frame, _ = read_rows(examples, task, tier)
        rated = frame[frame.kind.str.startswith("rated_")]
        yield from rated.text
        yield from rated.source
