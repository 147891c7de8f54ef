"""Pairs that rules make of others, and how they join the content table."""

from __future__ import annotations

import random
import re

import numpy as np
import pandas as pd
import pytest

from training import write_variations
from training.data.varied_pairs import (
    MOST_CHARACTERS,
    edited_sentences,
    pairs_between,
    role_pairs,
    varied_pairs,
)
from training.synthetic import drawing
from training.synthetic.pair_variations import PairVariations
from training.synthetic.role_sentences import role_pair
from training.synthetic.word_swaps import WordSwaps

# Each with a word of its own that both sides have.
PAIRS = [
    (f"This damn {thing} is never good enough for you.", f"The {thing} is not good.")
    for thing in ("lamp", "kettle", "ladder", "tent")
]
WORDS = ["copper", "violin"]
# A lamp stands in for a kettle.
SWAPS = WordSwaps(
    ["lamp", "kettle", "moss"], np.array([[4.0, 0, 1], [0, 4, 1], [-4, -4, -4]])
)
LONG = "so " * 120 + "bad"


def words(text):
    return set(re.findall(r"\w+", text.lower()))


def drawn(count=300):
    variations = PairVariations(PAIRS, WORDS)
    rng = random.Random(4)
    made = [(pair, variations.vary(pair, rng)) for pair in PAIRS * count]
    return [(pair, varied) for pair, varied in made if varied is not None]


def test_a_renamed_pair_has_the_new_word_on_both_sides():
    renamed = [
        (pair, varied) for pair, varied in drawn() if words(varied[0]) & {*WORDS}
    ]
    assert renamed
    for (source, text), (new_source, new_text) in renamed:
        lost = words(source) - words(new_source)
        # What one side lost is not left on the other.
        assert lost
        assert not lost & words(new_text)
        assert lost <= words(text)
        assert len(new_text.split()) == len(text.split())


def test_a_pair_is_edited_on_one_side_or_joined_with_another():
    made = drawn()
    edited = [
        (pair, new) for pair, new in made if (pair[0] == new[0]) != (pair[1] == new[1])
    ]
    assert {pair[0] == new[0] for pair, new in edited} == {True, False}
    joined = [new for _, new in made if len(words(new[0]) & {"lamp", "tent"}) == 2]
    # One of the two may be lost.
    assert {len(words(text) & {"lamp", "tent"}) for _, text in joined} >= {1, 2}


def test_without_words_nothing_is_renamed():
    variations = PairVariations(PAIRS, [])
    rng = random.Random(1)
    assert any(variations.vary(pair, rng) for pair in PAIRS * 20)


def test_sentences_by_grammar_say_the_same_or_not():
    rng = random.Random(2)
    for _ in range(300):
        source, text, label = role_pair(False, rng)
        assert label > 0.9
        assert source != text
        source, text, label = role_pair(True, rng)
        assert label <= 0.3
        assert source != text
    changed = [role_pair(True, rng) for _ in range(300)]
    roles = [(source, text) for source, text, label in changed if label == 0.1]
    assert roles
    # The same words, but for those of the voice.
    voice = {"was", "were", "by"}
    assert any(words(source) - voice == words(text) - voice for source, text in roles)


def test_a_time_of_day_changes_its_half_alone():
    rng = random.Random(4)
    pairs = [role_pair(True, rng) for _ in range(3000)]
    halves = re.compile(r"(?i)(?<=\d)( ?)[ap](?=\.?m\b)")
    timed = [(source, text) for source, text, label in pairs if label == 0.3]
    timed = [(source, text) for source, text in timed if halves.search(source)]
    assert timed
    for source, text in timed:
        found = [halves.search(side) for side in (source, text)]
        assert {match[0].strip().lower() for match in found} == {"a", "p"}
    assert not any(".." in side for pair in pairs for side in pair[:2])


def test_teams_change_places():
    rng = random.Random(5)
    pairs = [role_pair(True, rng) for _ in range(600)]
    places = [(source, text) for source, text, label in pairs if label == 0.12]
    assert places
    for source, text in places:
        assert words(source) == words(text)
        assert source.lower() != text.lower()


def test_a_number_is_written_out_or_changed():
    rng = random.Random(3)
    pairs = [role_pair(bool(turn % 2), rng) for turn in range(2000)]
    changed = [pair for pair in pairs if pair[2] == 0.2]
    written = [pair for pair in pairs if pair[2] == 0.97]
    assert changed
    assert written
    for source, text, _ in changed:
        # Nothing but the number differs.
        assert len(source.split()) - len(text.split()) in (0, 1)
        assert re.search(r"\d", text)


def rows(pairs, kind, **fields):
    frame = pd.DataFrame(pairs, columns=["source", "text"])
    fields = {"label": 0.5, "weight": 1.0, "trust": 0.5, "tier": "open"} | fields
    return frame.assign(kind=kind, **fields)


def sampled():
    """Two or three rewrites of each source."""
    pairs = [
        (source, f"{text[:-1]}{end}")
        for source, text in PAIRS
        for end in (", marzipan.", " at all.")
    ]
    # One more, one again, one long.
    source, text = pairs[0]
    pairs += [(source, "That is bad."), (source, text), (source, LONG)]
    return rows(pairs, "sampled", label=np.nan)


def content():
    other = rows([("A bus came.", "A bus was there.")], "sampled_other", label=np.nan)
    return pd.concat([rows(PAIRS, "rewrite"), sampled(), other], ignore_index=True)


def style():
    sentences = [
        f"The {beast} has not seen number {n} yet."
        for n in range(9)
        for beast in ("dog", "cat", "horse")
    ]
    real = pd.DataFrame({"text": sentences, "kind": "public"})
    made = {"text": ["A made sentence stands here."] * 2}
    made = pd.DataFrame(made | {"kind": ["contrast_order", "noisy_surge"]})
    return pd.concat([real, made], ignore_index=True).assign(tier="open")


@pytest.fixture
def examples(tmp_path):
    content().to_parquet(tmp_path / "content.parquet")
    style().to_parquet(tmp_path / "style.parquet")
    fluency = content()[:3].assign(sound="")
    fluency.to_parquet(tmp_path / "fluency.parquet")
    return tmp_path


def test_rewrites_of_one_source_make_pairs_in_either_order():
    found = pairs_between(content(), 100, random.Random(1))
    # Four rewrites of one source, two of three others: 6 + 3 pairs in both orders.
    assert len(found) == len({*found}) == 18
    assert {(text, source) for source, text in found} == {*found}
    groups = content().set_index("text").source.to_dict()
    assert all(groups[one] == groups[other] for one, other in found)
    # The other order follows later.
    first = pairs_between(content(), 9, random.Random(1))
    assert len({frozenset(pair) for pair in first}) == 9


def test_equal_seeds_give_equal_pairs():
    for make in (
        lambda rng: varied_pairs(content(), 50, rng),
        lambda rng: edited_sentences(style(), 50, rng),
        lambda rng: role_pairs(50, rng),
    ):
        made = make(random.Random(5))
        assert made == make(random.Random(5))
        assert made != make(random.Random(6))
        assert len({*made}) == 50


def test_fewer_pairs_are_made_where_there_are_not_so_many(monkeypatch):
    few = rows([("Go on.", "No.")], "rewrite")
    assert len(varied_pairs(few, 500, random.Random(0))) < 500
    assert varied_pairs(few.assign(kind="copy"), 500, random.Random(0)) == []
    monkeypatch.setattr(drawing, "_TRIES", 1)
    assert 0 < len(edited_sentences(style()[:1], 500, random.Random(0))) < 500
    assert edited_sentences(style()[:0], 500, random.Random(0)) == []
    assert pairs_between(few, 500, random.Random(0)) == []


def run(monkeypatch, examples, *flags):
    counts = ["--between", "30", "--varied", "40", "--edited", "10", "--roles", "10"]
    counts += ["--restyled", "10", "--swapped", "10"]
    arguments = ["write_variations", "--examples", str(examples), *counts, *flags]
    monkeypatch.setattr("sys.argv", arguments)
    # No words of so small a table stand in for each other.
    monkeypatch.setattr(write_variations, "word_swaps", lambda frame: SWAPS)
    write_variations.main()
    return pd.read_parquet(examples / "content.parquet")


def test_pairs_replace_those_of_an_earlier_run(examples, monkeypatch, capsys):
    before = content()
    run(monkeypatch, examples, "--seed", "1")
    first = run(monkeypatch, examples, "--seed", "2")
    run(monkeypatch, examples, "--seed", "1")
    again = run(monkeypatch, examples, "--seed", "2")
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first[: len(before)], before)
    new = first[len(before) :]
    counts = new.kind.value_counts()
    assert set(counts.index) == set(write_variations.KINDS)
    # Those with a long side are left out.
    assert counts["between"] == 12
    assert f"{len(new)} pairs added: 12 between" in capsys.readouterr().out
    assert np.isnan(new.label).all()
    assert {*zip(new.weight, new.trust, new.tier, strict=True)} == {
        (1.0, 0.0, "research")
    }
    assert (new.source != new.text).all()
    assert (new.source.str.len() + new.text.str.len()).max() <= MOST_CHARACTERS
    assert not pd.concat([new, before]).duplicated(["source", "text"])[: len(new)].any()


def test_fluency_gets_some_of_the_pairs(examples, monkeypatch):
    before = pd.read_parquet(examples / "fluency.parquet")
    run(monkeypatch, examples, "--seed", "1")
    made = run(monkeypatch, examples, "--fluency", "7")
    fluency = pd.read_parquet(examples / "fluency.parquet")
    pd.testing.assert_frame_equal(fluency[: len(before)], before)
    new = fluency[len(before) :]
    assert len(new) == 7
    assert set(new.kind) <= set(write_variations.FLUENCY_KINDS)
    assert {*zip(new.source, new.text, strict=True)} <= {
        *zip(made.source, made.text, strict=True)
    }
    # Training from the start does not draw them.
    assert (new.weight == 0).all()
    assert new.label.isna().all()


def test_the_open_tier_varies_open_pairs_alone(examples, monkeypatch):
    closed = content().assign(tier="research")
    is_sampled = closed.kind == "sampled"
    closed.loc[~is_sampled, "tier"] = "open"
    closed.to_parquet(examples / "content.parquet")
    joined = run(monkeypatch, examples, "--tier", "open")
    new = joined[len(closed) :]
    assert set(new.tier) == {"open"}
    assert "between" not in set(new.kind)
    assert not new.text.str.contains("marzipan").any()
