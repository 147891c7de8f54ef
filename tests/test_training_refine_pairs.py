"""The run that refines what reads pairs, and the pairs that it reads."""

from __future__ import annotations

import argparse
import random

import numpy as np
import pandas as pd
import pytest
import torch

from tests.tiny_encoder import tiny_encoder
from training import refine_pairs
from training.data import refining_pairs as room
from training.data.joined_pairs import joined_pairs
from training.data.refining_pairs import (
    RULE_TRUST,
    SHARES,
    TEACHER_TRUST,
    refining_pairs,
)
from training.data.retold_contrasts import RetoldContrasts
from training.data.table_parts import ParaDetox
from training.modules import padded_network as padded
from training.modules.network_parts import PAIR_PARTS, keep_all_but
from training.modules.pair_refinement import PairRefinement
from training.modules.training_rows import LabeledRows, Tokens, TrainingRows
from training.synthetic.lexicon import Lexicon
from training.synthetic.profanity_edits import replace_rude

REWRITES = ["the ferry left the island at noon", "copper boats need yellow paint"]
KNOWN = ParaDetox([], REWRITES, {"silly", "fool", "fools"}, Lexicon(REWRITES))


def content():
    sources = [f"the silly goat number {i} left the island early" for i in range(40)]
    rows = pd.DataFrame({"source": sources, "text": [s[10:] for s in sources]})
    written = rows.assign(kind="rewrite", label=0.9)
    sampled = rows.assign(text=rows.text + " again", kind="sampled", label=np.nan)
    copies = rows.assign(text=rows.source, kind="copy", label=0.98)
    changed = rows.assign(text=rows.text + " not", kind="contrast_antonyms", label=0.1)
    lost = rows.assign(text=rows.source.str[:10], kind="delete", label=0.3)
    told = rows.assign(text="Wow: " + rows.text, kind="restyled", label=np.nan)
    parts = [written, sampled, copies, changed, lost, told]
    return pd.concat(parts, ignore_index=True)


def weighed(frame):
    # Half of the rows are not drawn.
    weights = np.arange(len(frame)) % 2
    return pd.DataFrame({"weight": weights.astype(float), "teacher": 0.25})


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        # One of three content words, one of seven, and the only one.
        ("the silly goat slept", (0.3, 0.35)),
        ("the silly goat slept beside yellow copper boats", (0.55, 0.62)),
        ("you fool", (0.1, 0.1)),
    ],
)
def test_the_less_is_replaced_the_more_is_kept(text, bounds):
    rng = random.Random(3)
    made = [replace_rude(text, KNOWN.rude, rng, KNOWN.lexicon) for _ in range(60)]
    least, most = bounds
    assert all(least <= kept <= most for _, _, kept in made)
    assert len({changed for changed, _, _ in made}) > 5
    assert not any({"silly", "fool"} & {*changed.split()} for changed, _, _ in made)
    nothing_rude = replace_rude("the goat slept", KNOWN.rude, rng, KNOWN.lexicon)
    assert nothing_rude == ("the goat slept", 0.9, 1.0)


def test_one_word_may_stand_for_all_that_is_rude():
    rng = random.Random(4)
    text = "silly fools silly fools silly fools"
    made = [replace_rude(text, KNOWN.rude, rng, KNOWN.lexicon)[0] for _ in range(200)]
    assert sum(len({*changed.split()}) == 1 for changed in made) > 25


def style():
    texts = [f"the goat number {i} likes good yellow paint" for i in range(20)]
    return pd.DataFrame({"text": texts, "kind": "public"})


def test_pairs_are_contrasts_and_rows_by_weight():
    frame = content()
    arguments = frame, weighed(frame), style(), KNOWN, 200, 0
    pairs = refining_pairs(*arguments)
    pd.testing.assert_frame_equal(pairs, refining_pairs(*arguments))
    by_rule = pairs[pairs.share == RULE_TRUST]
    wanted = {kind: round(share * 200) for kind, share in SHARES.items()}
    assert len(by_rule) == sum(wanted.values())
    rows = pairs[pairs.share != RULE_TRUST]
    # Rows with a label keep what the encoder says, the teacher's are learned in part.
    drawn = rows.merge(frame, on=["source", "text"], suffixes=("", "_known"))
    assert len(drawn) == len(rows)
    # A teacher mistakes another tone, so rules alone speak of it.
    assert {*drawn.kind} == {
        "rewrite",
        "sampled",
        "contrast_antonyms",
        "delete",
    }
    is_sampled = drawn.kind == "sampled"
    assert drawn.share.tolist() == np.where(is_sampled, TEACHER_TRUST, 0).tolist()
    assert (drawn.label == 0.25).all()


@pytest.mark.parametrize(
    ("kind", "are_right"),
    [
        (
            "replaced",
            lambda rows: (
                rows.source.str.contains("silly") & ~rows.text.str.contains("silly")
            ),
        ),
        ("restyled", lambda rows: rows.label == pytest.approx(0.94)),
        ("swapped", lambda rows: rows.label < 0.5),
        ("contrasts", lambda rows: rows.label == 0.1),
        ("roles", lambda rows: rows.source.str[:1].str.isupper()),
        ("clauses", lambda rows: rows.is_sound & rows.label.between(0.15, 0.95)),
        ("converses", lambda rows: rows.is_sound & rows.label.isin([0.12, 0.95])),
        ("amounts", lambda rows: rows.is_sound & rows.label.isin([0.15, 0.96])),
        ("human", lambda rows: rows.label == 0.92),
        ("deleted", lambda rows: rows.label == 0.3),
    ],
)
def test_each_kind_has_its_share(monkeypatch, kind, are_right):
    monkeypatch.setattr(room, "SHARES", dict.fromkeys(SHARES, 0.0) | {kind: 0.25})
    frame = content()
    pairs = refining_pairs(frame, weighed(frame), style(), KNOWN, 80, 0)
    by_rule = pairs[pairs.share == RULE_TRUST]
    assert len(by_rule) == 20
    assert are_right(by_rule).all()


def test_joined_pairs_keep_what_their_sentences_keep_on_average():
    rows = [(f"the goat number {i} sleeps", f"{i} sleeps!", 0.5) for i in range(8)]
    pairs = pd.DataFrame(rows, columns=["source", "text", "label"])
    found = joined_pairs(pairs, 150, random.Random(2))
    assert found == joined_pairs(pairs, 150, random.Random(2))
    assert len(found) == 150
    lost = 0
    for (source, text), kept in found:
        sentences = source.removesuffix(".").split(". ")
        assert 2 <= len(sentences) <= 5
        # Each side ends its sentences, so that they can be told apart.
        same = [sentence for sentence in sentences if f"{sentence}." in text]
        numbers = [sentence.split()[3] for sentence in sentences]
        retold = [n for n in numbers if f"{n} sleeps!" in text]
        lost += len(sentences) - len(same) - len(retold)
        wanted = (len(same) + 0.5 * len(retold)) / len(sentences)
        assert kept == pytest.approx(wanted)
    assert lost


def test_joined_pairs_are_no_longer_than_an_encoder_reads():
    words = " ".join(["word"] * 40)
    pairs = pd.DataFrame({"source": [words] * 3, "text": "a", "label": 0.5})
    found = joined_pairs(pairs, 4, random.Random(0))
    assert {len(source.split()) for (source, _), _ in found} == {80}
    assert joined_pairs(pairs[:0], 4, random.Random(0)) == []


def test_contrasts_keep_a_share_of_what_their_base_keeps():
    rows = [("the silly goat has two boats", "the goat has two boats", "rewrite")]
    frame = pd.DataFrame(rows, columns=["source", "text", "kind"])
    contrasts = RetoldContrasts(frame, pd.Series([0.8]), style()[:0], KNOWN.rude)
    restyled = contrasts.restyled(10, random.Random(1))
    assert len(restyled) == 10
    assert all(kept == pytest.approx(0.94 * 0.8) for _, kept in restyled)
    swapped = contrasts.swapped(10, random.Random(2))
    # Such a small table has no words that stand in for others: rules change these.
    assert {source for (source, _), _ in swapped} == {rows[0][0]}
    assert all(0 < kept <= 0.35 * 0.8 for _, kept in swapped)
    # What keeps too little is no base.
    without = RetoldContrasts(frame, pd.Series([0.7]), style()[:0], KNOWN.rude)
    assert without.restyled(5, random.Random(0)) == []


TEXTS = [[1, 4, 5, 6, 8, 2], [1, 9, 2], [1, 16, 17, 18, 19, 2]]
CPU = torch.device("cpu")
ALL = torch.arange(3)


def _rows(labels):
    sides = (
        Tokens(np.concatenate(side), np.array([len(ids) for ids in side]), CPU)
        for side in (TEXTS, TEXTS[::-1])
    )
    unknown = np.full(3, np.nan)
    return TrainingRows(*sides, np.array(labels), unknown, unknown)


def test_what_the_encoder_said_before_is_learned_where_no_label_counts():
    network = tiny_encoder().network
    said = network(TEXTS, TEXTS[::-1])
    own = said.content.detach().sigmoid()
    padded.pad_attention(network)
    shares = torch.tensor([0.0, 1.0, 0.5])
    rows = _rows([np.nan, 0.3, 0.3])
    losses_of = PairRefinement(
        network, LabeledRows(rows, shares), torch.zeros(3, dtype=torch.bool)
    )
    labels = torch.stack([own[0], torch.tensor(0.3), (own[2] + 0.3) / 2])
    # Dropout acts on what is trained.
    network.eval()
    found = losses_of("content", ALL, 8)
    wanted = -(labels * own.log() + (1 - labels) * (1 - own).log()).mean()
    assert found["content"].item() == pytest.approx(wanted.item(), rel=1e-4)
    # Nothing was learned yet, so fluency has not moved.
    assert found["fluency"].item() == pytest.approx(0, abs=1e-8)
    assert found["near"].item() > 0


def test_no_source_takes_fluency_from_a_sound_text():
    network = tiny_encoder().network
    padded.pad_attention(network)
    with torch.no_grad():
        # So that every source does.
        network.pair_fluency_head.out[-1].bias.fill_(-9.0)
    shares = torch.zeros(3)
    network.eval()
    found = []
    for is_sound in ([False] * 3, [False, True, False], [True] * 3):
        losses_of = PairRefinement(
            network,
            LabeledRows(_rows([0.3] * 3), shares),
            torch.tensor(is_sound),
        )
        network.eval()
        found.append(losses_of("content", ALL, 8)["fluency"].item())
    kept, one, all_three = found
    assert kept == pytest.approx(0, abs=1e-8)
    assert all_three > 2 * one > 0


def test_only_what_reads_pairs_is_refined():
    network = tiny_encoder().network
    keep_all_but(network, PAIR_PARTS)
    learning = {n for n, value in network.named_parameters() if value.requires_grad}
    assert learning
    assert learning == {
        name for name, _ in network.named_parameters() if name.startswith(PAIR_PARTS)
    }
    assert network.body.pair.training
    assert not network.body.trunk.training


def test_a_run_brings_pairs_nearer_to_their_labels():
    encoder = tiny_encoder()
    pair = {"source": "a b c", "text": "a c", "label": 0.9, "share": 1.0}
    pairs = pd.DataFrame([pair] * 8).assign(is_sound=False)
    args = argparse.Namespace(
        learning_rate=3e-3, batch_sizes=(8,), steps=20, minutes=9e9, seed=0
    )
    before = encoder.score(["a c"], ["a b c"])
    refine_pairs.refine(encoder, pairs, args)
    fresh = tiny_encoder()
    fresh.network.load_state_dict(encoder.network.state_dict())
    after = fresh.score(["a c"], ["a b c"])
    assert abs(after["content"][0] - 0.9) < abs(before["content"][0] - 0.9)
    assert after["style"][0] == pytest.approx(before["style"][0], abs=1e-4)


def test_marked_pairs_are_drawn_as_often_as_is_said():
    frame = content()
    made = refining_pairs(frame, weighed(frame), style(), KNOWN, 200, 0)
    marked = pd.DataFrame(
        {
            "source": ["a goat left", "a goat left", "a goat"],
            "text": ["the goat left", "goat left it", "goats"],
            "label": [0.9, 0.7, 0.4],
            "share": [0.9, 0.9, 0.6],
            "is_sound": [True, False, False],
            "weight": [0.3, 0.3, 0.4],
        }
    )
    both = refine_pairs.with_marked(made, marked, 0.5)
    assert both.weight[: len(made)].sum() == pytest.approx(0.5)
    last = both[-3:].reset_index(drop=True)
    assert last.weight.tolist() == pytest.approx([0.15, 0.15, 0.2])
    columns = ["source", "text", "label", "share", "is_sound"]
    pd.testing.assert_frame_equal(
        last[columns], marked[columns], check_dtype=False, check_like=True
    )
    _, drawn = refine_pairs.pair_rows(tiny_encoder(), both)
    assert drawn.weights.tolist() == both.weight.tolist()
