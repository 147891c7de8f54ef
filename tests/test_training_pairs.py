"""The second run of the encoder: pairs made anew, and what reads pairs trained alone."""

from __future__ import annotations

import argparse
import random
import re

import numpy as np
import pandas as pd
import pytest
import torch

from tests.test_encoder import PREDICTIONS, SOURCES, tiny_encoder
from training.data.example_table import ExampleTable
from training.data.varied_pairs import edited_sentences, role_pairs, varied_pairs
from training.synthetic.pair_variations import PairVariations
from training.synthetic.role_sentences import role_pair
from training.train_pairs import (
    FIRST_SHARE,
    PARTS,
    WAY,
    add_new_pairs,
    interpolate,
    train,
)

# Each with a word of its own that both sides have.
PAIRS = [
    (f"This damn {thing} is never good enough for you.", f"The {thing} is not good.", y)
    for thing, y in [("lamp", 0.9), ("kettle", 0.8), ("ladder", 0.3), ("tent", 0.6)]
]
WORDS = ["copper", "violin"]


def words(text):
    return set(re.findall(r"\w+", text.lower()))


def drawn(count=300):
    variations = PairVariations(PAIRS, WORDS)
    rng = random.Random(4)
    made = [(pair, variations.vary(pair, rng)) for pair in PAIRS * count]
    return [(pair, varied) for pair, varied in made if varied is not None]


def test_a_renamed_pair_keeps_its_label():
    renamed = [
        (pair, varied) for pair, varied in drawn() if words(varied[0]) & {*WORDS}
    ]
    assert renamed
    for (source, text, label), (new_source, new_text, new_label) in renamed:
        assert new_label == label
        lost = words(source) - words(new_source)
        # What one side lost is not left on the other.
        assert lost
        assert not lost & words(new_text)
        assert lost <= words(text)
        assert len(new_text.split()) == len(text.split())


def test_no_variation_is_better_than_its_pair():
    best = max(label for _, _, label in PAIRS)
    labels = {}
    for (source, _, label), (new_source, _, new_label) in drawn():
        assert 0 < new_label <= best
        if new_source == source:
            # An edit of the text, which keeps its meaning or changes it.
            assert new_label <= label
            labels.setdefault(label, []).append(new_label / label)
    assert all(min(shares) < 0.3 < 0.9 < max(shares) for shares in labels.values())


def test_a_joined_pair_with_one_half_lost_is_bad():
    halved = [
        varied
        for (source, text, _), varied in drawn()
        if len(varied[0].split()) > len(source.split()) + 4 and varied[1] == text
    ]
    assert halved
    assert max(label for _, _, label in halved) < 0.4


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


@pytest.fixture
def tables(tmp_path):
    rows = [
        (*pair, 1.0, 0.5, kind) for pair in PAIRS for kind in ("rewrite", "sampled")
    ]
    columns = ["source", "text", "label", "weight", "trust", "kind"]
    content = pd.DataFrame(rows, columns=columns).assign(tier="open", sound="")
    sentences = [
        f"The {beast} has not seen number {n} yet."
        for n in range(9)
        for beast in ("dog", "cat", "horse")
    ]
    style = pd.DataFrame({"text": sentences, "kind": "public"})
    content.assign(text=content.text).to_parquet(tmp_path / "content.parquet")
    content.to_parquet(tmp_path / "fluency.parquet")
    style.assign(label=0.1, weight=1.0, trust=0.5, tier="open").to_parquet(
        tmp_path / "style.parquet"
    )
    args = argparse.Namespace(examples=tmp_path, tier="all")
    tokenizer = tiny_encoder().tokenizer
    made = {
        task: ExampleTable(task, args, tokenizer)
        for task in ("style", "content", "fluency")
    }
    for table in made.values():
        table.labels = table.frame.label.to_numpy(np.float32)
    return made


def test_new_pairs_take_their_shares(tables):
    encoder = tiny_encoder()
    first = len(tables["content"].labels)
    table, style = tables["content"], tables["style"].frame
    add_new_pairs(table, style, 60, encoder.tokenizer, random.Random(1))
    counts = {*map(len, (table.labels, table.weights, table.lengths, table.texts))}
    # The counts of the ways are rounded.
    assert counts <= {first + 59, first + 60, first + 61}
    assert len(counts) == 1
    assert table.weights.sum() == pytest.approx(1)
    assert table.weights[:first].sum() == pytest.approx(FIRST_SHARE)
    assert table.labels.min() >= 0
    assert table.labels.max() <= 1


def test_equal_seeds_give_equal_pairs(tables):
    for make in (
        lambda rng: varied_pairs(tables["content"], 50, rng),
        lambda rng: edited_sentences(tables["style"].frame, 50, rng),
        lambda rng: role_pairs(50, rng),
    ):
        made = make(random.Random(5))
        assert made == make(random.Random(5))
        assert made != make(random.Random(6))
        assert len({pair[:2] for pair in made}) == 50


def test_only_what_reads_pairs_learns(tables):
    encoder = tiny_encoder()
    before = {
        name: value.clone() for name, value in encoder.network.state_dict().items()
    }
    scores = encoder.score(PREDICTIONS, SOURCES)
    del tables["style"]
    args = argparse.Namespace(
        learning_rate=1e-2, steps=3, minutes=1e9, batch_sizes=(4, 4), seed=1
    )
    train(encoder, tables, args)
    encoder.network.eval()
    changed = {
        name
        for name, value in encoder.network.state_dict().items()
        if not value.equal(before[name])
    }
    assert changed
    assert all(name.startswith(PARTS) for name in changed)
    after = encoder.score(PREDICTIONS, SOURCES)
    # But for the order of sums in the attention of training.
    np.testing.assert_allclose(after["style"], scores["style"], rtol=1e-6)
    assert np.abs(after["content"] - scores["content"]).max() > 1e-3
    learned = {
        name: value.clone() for name, value in encoder.network.state_dict().items()
    }
    interpolate(encoder.network, before)
    for name, value in encoder.network.state_dict().items():
        way = before[name] + WAY * (learned[name] - before[name])
        torch.testing.assert_close(value, way)
