"""Pairs that no run has seen before: variations of labelled pairs, edits of real
sentences, and sentences built by grammar.

A network of this size learns hundreds of thousands of pairs by heart, and then reads
the outputs of systems worse that it has not seen than those that it has.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pandas as pd

from training.data.example_table import ExampleTable
from training.synthetic.drawing import draw_distinct
from training.synthetic.lexicon import Lexicon
from training.synthetic.meaning_contrasts import in_chat, meaning_contrasts
from training.synthetic.pair_variations import Pair, PairVariations
from training.synthetic.role_sentences import role_pair

__all__ = ["edited_sentences", "role_pairs", "varied_pairs"]

# Kinds of pairs that are varied beside rewrites by a language model: people or systems
# wrote them.
_VARIED_KINDS = (
    "rewrite", "rewrite_to_rewrite", "delete_unrated", "judged", "to_judge",
    "rated_appdia", "rated_capp", "rated_krishna2020", "rated_mir_yelp",
    "rated_multipit_expert",
)  # fmt: skip
# Share of rewrites by a language model among the pairs that are varied.
_SAMPLED_SHARE = 0.6
# Characters of source and text together.
_MOST_CHARACTERS = 360
# Shares of sentences by grammar that are in lower case, and written as in a chat.
_LOWER_SHARE, _CHAT_SHARE = 0.3, 0.1
# Words of the sentences that are edited.
_FEWEST_WORDS, _MOST_WORDS = 4, 22

Key = tuple[str, str]


def varied_pairs(table: ExampleTable, count: int, rng: Random) -> list[Pair]:
    """Vary pairs of the content table, which must have its labels.

    Raises:
        ValueError: If there are not so many distinct variations.
    """
    frame = table.frame
    chances = _chances(table)
    rows = np.flatnonzero(chances)
    columns = (frame.source, frame.text, table.labels)
    chosen = (np.asarray(column)[rows].tolist() for column in columns)
    known = list(zip(*chosen, strict=True))
    bounds = np.cumsum(chances[rows]).tolist()
    words = Lexicon(frame.text[frame.kind == "rewrite"]).words
    variations = PairVariations(known, words)

    def make(turn: int) -> tuple[Key, float] | None:
        (pair,) = rng.choices(known, cum_weights=bounds)
        varied = variations.vary(pair, rng)
        if varied is None:
            return None
        source, text, label = varied
        is_long = len(source) + len(text) > _MOST_CHARACTERS
        if is_long or source == text:
            return None
        return (source, text), label

    return _drawn(draw_distinct(make, count, rng))


def edited_sentences(frame: pd.DataFrame, count: int, rng: Random) -> list[Pair]:
    """Edit real sentences of the style table's rows by rule.

    Raises:
        ValueError: If there are not so many distinct edits.
    """
    is_real = ~frame.kind.str.startswith("contrast")
    is_short = frame.text.str.count(r"\S+").between(_FEWEST_WORDS, _MOST_WORDS)
    sentences = frame.text[is_real & is_short].tolist()
    rows = meaning_contrasts(rng, count, sentences, handwritten=0.0)
    return [(source, text, label) for source, text, label, _ in rows]


def role_pairs(count: int, rng: Random) -> list[Pair]:
    """Draw pairs of sentences by grammar, half of them with the meaning kept."""

    def make(turn: int) -> tuple[Key, float]:
        source, text, label = role_pair(turn % 2 == 0, rng)
        if rng.random() < _LOWER_SHARE:
            source, text = source.lower(), text.lower()
        if rng.random() < _CHAT_SHARE:
            source, text = in_chat(source, text, rng)
        return (source, text), label

    return _drawn(draw_distinct(make, count, rng))


def _chances(table: ExampleTable) -> np.ndarray:
    """Return how likely each row is to be varied; 0 for those that are not.

    *Shape:* (rows,)
    """
    frame, weights = table.frame, table.weights
    differs = (frame.source != frame.text).to_numpy()
    is_sampled = differs & (frame.kind == "sampled").to_numpy()
    is_other = differs & frame.kind.isin(_VARIED_KINDS).to_numpy()
    sampled, others = is_sampled.astype(float), weights * is_other
    # Either may be empty.
    sampled *= _SAMPLED_SHARE / max(sampled.sum(), 1e-9)
    others *= (1 - _SAMPLED_SHARE) / max(others.sum(), 1e-9)
    return sampled + others


def _drawn(examples: list[tuple[Key, float]]) -> list[Pair]:
    return [(source, text, label) for (source, text), label in examples]
