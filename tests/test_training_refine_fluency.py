"""What reads fluency is trained on alone: broken sentences fall below their twins."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import pytest
import torch

from tests.tiny_encoder import tiny_encoder
from training.modules import padded_network as padded
from training.modules.encoder_run import DrawnEvenly
from training.modules.fluency_refinement import FluencyRefinement
from training.modules.training_rows import LabeledRows, Tokens, TrainingRows
from training.refine_fluency import refine, twins

SOUND = [[1, 4, 5, 6, 7, 8, 2], [1, 9, 10, 2], [1, 16, 18, 19, 2]]
BROKEN = [[1, 4, 5, 6, 8, 2], [1, 9, 2], [1, 16, 17, 18, 19, 2]]
CPU = torch.device("cpu")
TASKS = ("fluency", "alone", "marked", "twins")


def table(label, share):
    texts, sources = (Tokens.of_texts(ids, CPU) for ids in (BROKEN, SOUND))
    unknown = np.full(3, np.nan)
    rows = TrainingRows(texts, sources, np.full(3, label), unknown, unknown)
    return LabeledRows(rows, torch.full((3,), share))


def losses(task, label=0.0, share=0.0):
    network = tiny_encoder().network
    padded.pad_attention(network)
    losses_of = FluencyRefinement(network, {task: table(label, share)})
    network.eval()
    return losses_of(task, torch.arange(3), 8)


def test_twins_are_what_rules_broke():
    frame = pd.DataFrame(
        {
            "text": ["a goats", "the the goat", "a goats", "a goat"],
            "label": [0.2, 0.2, 0.2, 0.9],
            "kind": ["contrast_rule_agreement", "contrast_rule_doubled"]
            + ["contrast_rule_agreement", "sound_rule_agreement"],
            "sound": ["a goat", "the goat", "a goat", "a goat"],
        }
    )
    found = twins(frame)
    assert found.text.tolist() == ["a goats", "the the goat"]
    assert found.source.tolist() == ["a goat", "the goat"]
    assert found.label.tolist() == [0.2, 0.2]
    assert found.share.tolist() == [1, 1]


@pytest.mark.parametrize("task", ["fluency", "marked"])
def test_without_labels_what_was_said_before_has_the_least_loss(task):
    kept = losses(task)
    assert kept["near_fluency"].item() == pytest.approx(0, abs=1e-6)
    assert losses(task, 0.95, 1.0)["near_fluency"].item() > 0.1


def test_the_loss_of_twins_is_that_of_the_lines():
    network = tiny_encoder().network
    low = network(BROKEN, SOUND).fluency.detach().sigmoid()
    high = network(SOUND, SOUND).fluency.detach().sigmoid()
    found = losses("twins", 0.2, 1.0)
    wanted = -(0.2 * low.log() + 0.8 * (1 - low).log()).mean() / 2
    assert found["broken"].item() == pytest.approx(wanted.item(), rel=1e-4)
    wanted = -(0.95 * high.log() + 0.05 * (1 - high).log()).mean() / 2
    assert found["sound"].item() == pytest.approx(wanted.item(), rel=1e-4)


def test_a_run_lowers_broken_sentences_and_moves_fluency_alone():
    encoder = tiny_encoder()
    tables = {task: table(0.1, 0.0) for task in TASKS}
    tables["twins"] = table(0.05, 1.0)
    drawn = {task: DrawnEvenly(np.array([7, 4, 6])) for task in TASKS}
    args = argparse.Namespace(
        learning_rate=3e-3, batch_sizes=(6, 6, 6, 6), steps=60, minutes=9e9, seed=0
    )
    before = encoder.network(BROKEN, SOUND)
    above = encoder.network(SOUND, SOUND).fluency - before.fluency
    refine(encoder, tables, drawn, args)
    fresh = tiny_encoder()
    fresh.network.load_state_dict(encoder.network.state_dict())
    after = fresh.network(BROKEN, SOUND)
    now = fresh.network(SOUND, SOUND).fluency - after.fluency
    assert now.mean() > above.mean() + 0.3
    for score in ("style", "content"):
        torch.testing.assert_close(getattr(after, score), getattr(before, score))
