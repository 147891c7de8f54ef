"""Pairs of sentences by grammar: tense and mood, converses, amounts."""

import random

import pytest

from training.synthetic import amount_pairs, clause_pairs, converse_pairs
from training.synthetic.amount_pairs import amount_pair
from training.synthetic.clause_pairs import clause_pair
from training.synthetic.converse_pairs import converse_pair

PAIRS_OF = [amount_pair, clause_pair, converse_pair]


def draw(pair_of, is_changed, count=400):
    rng = random.Random(5)
    return [pair_of(is_changed, rng) for _ in range(count)]


@pytest.mark.parametrize("pair_of", PAIRS_OF)
@pytest.mark.parametrize("is_changed", [False, True])
def test_sides_differ_and_labels_say_how_far(pair_of, is_changed):
    rows = draw(pair_of, is_changed)
    assert rows == draw(pair_of, is_changed)
    assert all(source != text for source, text, _ in rows)
    assert not any(set("{}~=|") & {*source, *text} for source, text, _ in rows)
    assert all(text.endswith((".", "?", ".m.")) for row in rows for text in row[:2])
    labels = {label for _, _, label in rows}
    assert max(labels) <= 0.7 if is_changed else min(labels) >= 0.95
    assert len({row[0] for row in rows}) > 200


def test_every_meaning_that_is_named_has_forms():
    named = {name for pair in clause_pairs._NEAR for name in pair}
    named |= {name for group in clause_pairs._MISTAKEN for name in group.split()}
    assert named <= {*clause_pairs._FORMS}
    assert all(len({*forms}) > 1 for forms in clause_pairs._FORMS.values())


@pytest.mark.parametrize(
    ("meaning", "verb", "written"),
    [
        ("must", "sell", "Ada must sell the boat."),
        ("failed", "sell", "Ada failed to sell the boat."),
        ("why", "eat", "Why did Ada eat the cake?"),
        ("ended", "eat", "Ada has stopped eating the cake."),
    ],
)
def test_a_form_is_filled_with_the_forms_of_its_verb(meaning, verb, written):
    forms = next(name for name in clause_pairs._VERBS if name.startswith(verb))
    thing = clause_pairs._VERBS[forms][0]
    words = dict(zip(clause_pairs._PARTS, forms.split(), strict=True))
    first = clause_pairs._FORMS[meaning][0].format(s="Ada", o=thing, **words)
    assert clause_pairs._written(first) == written


def test_a_form_of_another_meaning_keeps_little():
    near = clause_pairs._NEAR
    assert near[frozenset(["managed", "past"])] == 0.7
    assert frozenset(["past", "future"]) not in near
    labels = [label for _, _, label in draw(clause_pair, is_changed=True)]
    assert labels.count(0.15) > len(labels) / 2
    assert {*labels} == {0.15, 0.5, 0.7}


def test_a_rude_subject_has_a_civil_twin():
    rows = draw(clause_pair, is_changed=False)
    rude = [text for source, text, _ in rows if "that idiot" in source.lower()]
    assert rude
    assert not any("that idiot" in text.lower() for text in rude)


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_comparison_is_turned_around(is_changed):
    heavy = [" ".join(words[0]) for words in converse_pairs._ADJECTIVES]
    assert heavy[0] == "heavier heavy"
    opposites = {}
    for (more, _), (less, _) in converse_pairs._ADJECTIVES:
        opposites |= {more: less, less: more}
    seen = 0
    for source, text, _ in draw(converse_pair, is_changed, 2000):
        sides = [side.lower().rstrip(".").split(" is ") for side in (source, text)]
        if any(len(side) != 2 or " than " not in side[1] for side in sides):
            continue
        (one, said), (first, other) = sides
        (more, second), (less, third) = said.split(" than "), other.split(" than ")
        if more not in opposites or (first, third) != (second, one):
            continue
        seen += 1
        # From the other end, the opposite says the same.
        assert less == (more if is_changed else opposites[more])
    assert seen > 30


def test_steps_keep_their_order_in_each_form():
    kept = converse_pairs._orders("stir", "serve")
    assert len({*kept}) == len(kept)
    assert "before you serve, stir" in kept
    assert "before you stir, serve" not in kept


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_amount_is_the_same_in_other_words_or_another_one(is_changed):
    meaning = {}
    for kind, amounts in amount_pairs._AMOUNTS.items():
        for number, amount in enumerate(amounts):
            for place in amount_pairs._WORDS[f"in_{kind}"]:
                for words in amount:
                    filled = place.replace("{x}", words).lower()
                    meaning[filled] = kind, number
    for source, text, _ in draw(amount_pair, is_changed):
        same = meaning[source.lower()] == meaning[text.lower()]
        assert same is not is_changed


def test_no_amount_is_said_twice():
    for kind, amounts in amount_pairs._AMOUNTS.items():
        said = [words.lower() for amount in amounts for words in amount]
        assert len({*said}) == len(said), kind
