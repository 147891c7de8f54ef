"""What reads style is trained on alone, with contrasts that rules label."""

import argparse

import numpy as np
import pandas as pd
import pytest
import torch

from tests.tiny_encoder import tiny_encoder
from training import refine_style
from training.data.style_table import OWN
from training.modules import padded_network as padded
from training.modules.network_parts import STYLE_PARTS, keep_all_but
from training.modules.style_refinement import StyleRefinement
from training.modules.training_rows import LabeledRows, Tokens, TrainingRows
from training.refine_style import (
    CONTRAST_SHARE,
    KEPT_SHARE,
    OWN_SHARE,
    TABLE_TRUST,
    detoxified,
    refining_texts,
)

TEXTS = [[1, 4, 5, 6, 8, 2], [1, 9, 2], [1, 16, 17, 18, 19, 2]]
CPU = torch.device("cpu")


def style():
    rows = [(f"the goat has {i} boats", 0.2, 1.0, 1.0) for i in range(30)]
    rows += [("a silly goat", np.nan, 2.0, 0.8), ("never drawn", 0.9, 0.0, 1.0)]
    table = pd.DataFrame(rows, columns=["text", "label", "weight", "trust"])
    return table.assign(kind="rated")


def test_texts_are_contrasts_and_rows_by_weight():
    texts = refining_texts(style(), 100, 3)
    pd.testing.assert_frame_equal(texts, refining_texts(style(), 100, 3))
    is_contrast = texts.share == 1
    assert is_contrast.sum() == CONTRAST_SHARE * 100
    assert texts.label[is_contrast].between(0.02, 0.98).all()
    assert not (texts.text == "never drawn").any()
    # Of a row without a label, what the encoder said before counts alone.
    unlabeled = texts[texts.text == "a silly goat"]
    assert len(unlabeled)
    assert (unlabeled.share == 0).all()
    rated = texts[~is_contrast & (texts.text != "a silly goat")]
    assert (rated.share == TABLE_TRUST).all()
    assert (rated.label == 0.2).all()


def test_texts_written_one_by_one_have_a_share_of_their_own():
    own = pd.DataFrame([("nice try, goat", 0.7, 1.0, 1.2, OWN)], columns=[*style()])
    texts = refining_texts(pd.concat([style(), own]), 100, 3)
    assert len(texts) == 100
    is_own = texts.text == "nice try, goat"
    assert is_own.sum() == OWN_SHARE * 100
    assert (texts[is_own].label == 0.7).all()
    assert (texts[is_own].share == 1).all()
    assert (texts.share == 1).sum() == round((OWN_SHARE + CONTRAST_SHARE) * 100)


def test_what_systems_wrote_stays_as_it_is():
    of_systems = pd.DataFrame({"text": ["a calm goat"], "kind": ["outputs"]})
    content = pd.DataFrame(
        {
            "text": ["a calm goat", "a kind goat", "a swapped goat"],
            "kind": ["delete", "rewrite", "swapped"],
        }
    )
    kept = detoxified(pd.concat([style(), of_systems]), content)
    assert kept == ["a calm goat", "a kind goat"]
    texts = refining_texts(style(), 100, 3, kept)
    assert len(texts) == 100
    stays = texts.text.isin(kept)
    assert stays.sum() == KEPT_SHARE * 100
    assert (texts[stays].share == 0).all()


def test_what_the_encoder_said_before_is_learned_where_no_label_counts():
    network = tiny_encoder().network
    own = network(TEXTS, want=["style"]).style.detach().sigmoid()
    padded.pad_attention(network)
    ids = Tokens(np.concatenate(TEXTS), np.array([*map(len, TEXTS)]), CPU)
    unknown = np.full(3, np.nan)
    rows = TrainingRows(ids, ids, np.array([0.0, 0.3, 0.3]), unknown, unknown)
    table = LabeledRows(rows, torch.tensor([0.0, 1.0, 0.5]))
    losses_of = StyleRefinement(network, table)
    # Dropout acts on what is trained.
    network.eval()
    found = losses_of("style", torch.arange(3), 8)["style"].item()
    labels = torch.stack([own[0], torch.tensor(0.3), (own[2] + 0.3) / 2])
    wanted = -(labels * own.log() + (1 - labels) * (1 - own).log()).mean()
    assert found == pytest.approx(wanted.item(), rel=1e-4)


def test_only_what_reads_style_is_refined():
    network = tiny_encoder().network
    keep_all_but(network, STYLE_PARTS)
    learning = {n for n, value in network.named_parameters() if value.requires_grad}
    names = {name for name, _ in network.named_parameters()}
    assert learning == {name for name in names if name.startswith(STYLE_PARTS)} != set()
    assert network.body.style.training
    assert not network.body.trunk.training


def test_a_run_brings_texts_nearer_to_their_labels():
    encoder = tiny_encoder()
    texts = pd.DataFrame([{"text": "a c", "label": 0.9, "share": 1.0}] * 8)
    args = argparse.Namespace(
        learning_rate=3e-3, batch_sizes=(8,), steps=20, minutes=9e9, seed=0
    )
    before = encoder.score(["a c"], ["a b c"])
    refine_style.refine(encoder, texts, args)
    fresh = tiny_encoder()
    fresh.network.load_state_dict(encoder.network.state_dict())
    after = fresh.score(["a c"], ["a b c"])
    assert abs(after["style"][0] - 0.9) < abs(before["style"][0] - 0.9)
    for score in ("content", "fluency"):
        assert after[score][0] == pytest.approx(before[score][0], abs=1e-4)
