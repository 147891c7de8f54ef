"""Rewrites in another tone, words exchanged for others, and the pairs made of them."""

from __future__ import annotations

import random
import re

import numpy as np
import pandas as pd
import pytest

from training.data.retold_pairs import RetoldPairs, word_swaps
from training.synthetic.restyling import restyled
from training.synthetic.word_swaps import WordSwaps

ORDER = "please water the plants on Friday"
STATEMENT = "The ferry left the island without us."
QUESTION = "why did nobody feed the goat?"
WORDS = ("ferry", "goat", "island", "copper", "boats")
# A goat stands in for a ferry; an island is too near it, copper too far, boats are many.
VECTORS = np.array(
    [[4, 1, 1, 0], [1, 4, 1, 0], [4, 0, 1, 1], [-4, -4, -4, 0], [1, 1, 4, 0]], float
)


def words(text):
    return set(re.findall(r"[a-z']+", text.lower()))


@pytest.fixture(scope="module")
def swaps():
    return WordSwaps(WORDS, VECTORS)


def content():
    """A small content table: rewrites by people and by a language model, and others."""
    rows = [
        (f"this damn {thing} is broken", f"the {thing} is broken", kind)
        for thing in ("ferry", "goat", "island")
        for kind in ("rewrite", "sampled")
    ]
    rows += [("a copy", "a copy", "rewrite"), ("a goat", "one goat", "lossy")]
    return pd.DataFrame(rows, columns=["source", "text", "kind"])


def style():
    texts = [ORDER, STATEMENT, QUESTION, "the goat ate the map of the island"]
    return pd.DataFrame({"text": texts, "kind": "paradetox"})


@pytest.mark.parametrize("text", [ORDER, STATEMENT, QUESTION])
def test_another_tone_loses_no_content_word(text):
    rng = random.Random(5)
    found = {restyled(text, rng) for _ in range(200)} - {None}
    assert len(found) > 50
    kept = words(text) & {"plants", "friday", "ferry", "island", "feed", "goat"}
    assert all(kept <= words(made) for made in found)
    assert text not in found


def test_orders_and_questions_get_leads_of_their_own():
    rng = random.Random(6)
    orders = [restyled("water the plants", rng) or "" for _ in range(300)]
    statements = [restyled("the plants dried", rng) or "" for _ in range(300)]
    # "water" is in no list of verbs, so it counts as a statement.
    asked = [restyled("please sit down", rng) or "" for _ in range(300)]
    assert any(text.startswith("Could you please sit down") for text in asked)
    assert not any(text.startswith("Could you") for text in orders + statements)
    questions = [restyled(QUESTION, rng) or "" for _ in range(300)]
    assert not any("that why" in text for text in questions)
    assert any(text.startswith("May I ask, why did nobody") for text in questions)


def test_words_become_formal():
    rng = random.Random(4)
    told = " ".join(restyled("the kids broke the car", rng) or "" for _ in range(300))
    assert {"children", "vehicle"} <= words(told)
    # The other way round nothing is formal.
    back = " ".join(restyled("the vehicle stopped", rng) or "" for _ in range(300))
    assert "car" not in words(back)


def test_a_word_is_swapped_for_one_that_is_near_but_not_too_near(swaps):
    rng = random.Random(7)
    found = {swaps.swap("The Ferry, sank.", {"ferry"}, rng) for _ in range(50)}
    assert found == {"The Goat, sank."}
    # Only words that are asked for are exchanged, only known ones, and only where
    # another fits.
    assert swaps.swap("the ferry sank", {"sank"}, rng) is None
    assert swaps.swap("the ferry sank", {"goat"}, rng) is None
    assert swaps.swap("copper is red", {"copper"}, rng) is None


def test_a_single_word_stands_in_for_nothing():
    alone = WordSwaps(["ferry"], VECTORS[:1])
    assert alone.swap("the ferry sank", {"ferry"}, random.Random(0)) is None
    without = WordSwaps([], VECTORS[:0])
    assert without.swap("the ferry sank", {"ferry"}, random.Random(0)) is None


def test_pairs_are_retold(swaps):
    retold = RetoldPairs(content(), style(), swaps)
    other_tone = retold.restyled(80, random.Random(8))
    assert other_tone == retold.restyled(80, random.Random(8))
    assert len({*other_tone}) == 80
    sources = {*content().source, *style().text} - {"a copy", "a goat"}
    assert {source for source, _ in other_tone} == sources
    swapped = retold.swapped(40, random.Random(9))
    assert len({*swapped}) == 40
    for source, text in swapped:
        # A word of the source that the exchange knows is gone.
        assert (words(source) - words(text)) & {*WORDS}
    # Some are in another tone too, some in no other.
    assert {len(text.split()) - len(s.split()) > 2 for s, text in swapped} == {
        True,
        False,
    }


def test_without_bases_nothing_is_retold(swaps):
    retold = RetoldPairs(content()[:0], style()[:0], swaps)
    assert retold.restyled(5, random.Random(0)) == []
    # Bases of one kind stand in for the others.
    retold = RetoldPairs(content()[:2], style()[:0], swaps)
    assert len(retold.restyled(5, random.Random(0))) == 5


def test_words_of_a_table_are_exchanged_by_the_backbone_s_embeddings():
    texts = pd.Series(["the quick wolf runs", "a brown horse walks"]).repeat(6)
    texts = [f"{text} {i}" for i, text in enumerate(texts)]
    found = word_swaps(pd.DataFrame({"text": [*texts, "once seldom"]}))
    assert set(found._places) <= {*["quick", "wolf", "runs", "brown", "horse", "walks"]}
    assert {"wolf", "horse"} <= set(found._places)
