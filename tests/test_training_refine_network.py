"""A whole encoder trained on: what it learns of each task, and what it keeps."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import pytest
import torch

from tests.tiny_encoder import tiny_encoder
from training.modules import padded_network as padded
from training.modules.encoder_losses import LIKELIHOOD_WEIGHT
from training.modules.encoder_run import DrawnRows
from training.modules.network_refinement import NetworkRefinement
from training.modules.training_rows import LabeledRows, Tokens, TrainingRows
from training.refine_network import (
    TABLE_TRUST,
    TEACHER_SHARE,
    TEACHER_TRUST,
    fluency_labels,
    refine,
)

TEXTS = [[1, 4, 5, 6, 8, 2], [1, 9, 2], [1, 16, 17, 18, 19, 2]]
SOURCES = [[1, 4, 5, 6, 7, 8, 2], [1, 9, 10, 2], [1, 16, 18, 19, 2]]
CPU = torch.device("cpu")
TASKS = ("fluency", "alone", "style", "content")


def table(labels, shares):
    texts, sources = (Tokens.of_texts(ids, CPU) for ids in (TEXTS, SOURCES))
    unknown = np.full(len(TEXTS), np.nan)
    rows = TrainingRows(texts, sources, np.array(labels), unknown, unknown)
    return LabeledRows(rows, torch.tensor(shares))


def losses(network, task, labels=(0.0, 0.0, 0.0), shares=(0.0, 0.0, 0.0)):
    losses_of = NetworkRefinement(network, {task: table(labels, shares)})
    # Dropout acts on what is trained.
    network.eval()
    return losses_of(task, torch.arange(3), 8)


@pytest.fixture
def network():
    network = tiny_encoder().network
    padded.pad_attention(network)
    return network


@pytest.mark.parametrize("task", TASKS)
def test_without_labels_what_was_said_before_has_the_least_loss(network, task):
    kept = losses(network, task)
    for near in (value for key, value in kept.items() if key.startswith("near")):
        assert near.item() == pytest.approx(0, abs=1e-6)
    before = kept[task].item()
    labeled = losses(network, task, (0.9, 0.9, 0.9), (1.0, 1.0, 1.0))
    assert labeled[task].item() != pytest.approx(before, abs=1e-3)


def test_labels_count_as_far_as_their_shares(network):
    rows = table([0.2, 0.8, np.nan], [1.0, 0.25, 0.0])
    said = torch.tensor([3.0, 0.0, -1.0])
    mixed = rows.mixed(torch.tensor([2, 0, 1]), said[[2, 0, 1]])
    wanted = [torch.sigmoid(torch.tensor(-1.0)).item(), 0.2, 0.25 * 0.8 + 0.75 * 0.5]
    assert mixed.tolist() == pytest.approx(wanted)


def test_pairs_of_fluency_keep_style_content_and_likelihood(network):
    kept = losses(network, "fluency", (0.9, 0.9, 0.9), (1.0, 1.0, 1.0))
    assert kept["likelihood"].item() == pytest.approx(0, abs=1e-6)
    losses_of = NetworkRefinement(network, {"fluency": table([0.9] * 3, [1.0] * 3)})
    with torch.no_grad():
        network.likelihood_head.out[-1].bias += 2
        network.style_head.out[-1].bias += 2
    network.eval()
    moved = losses_of("fluency", torch.arange(3), 8)
    # Both sides move alike: what a text adds to its source stays, and smooth L1 of a
    # step of 2 is 1.5.
    assert moved["likelihood"].item() == pytest.approx(1.5 * LIKELIHOOD_WEIGHT)
    assert moved["style"].item() > kept["style"].item() + 0.1
    assert moved["content"].item() == pytest.approx(kept["content"].item())


def test_a_teacher_labels_what_has_no_label():
    frame = pd.DataFrame(
        {
            "label": [0.1, np.nan, 0.7, np.nan],
            "weight": [1.0, 50.0, 3.0, 0.0],
            "trust": [1.0, 0.0, 4.0, 0.0],
        }
    )
    known = fluency_labels(frame, np.array([0.5, 0.6, 0.5, 0.3]))
    assert known.labels.tolist() == [0.1, 0.6, 0.7, 0.3]
    assert known.shares.tolist() == [TABLE_TRUST, TEACHER_TRUST, 1.0, TEACHER_TRUST]
    rest = 1 - TEACHER_SHARE
    wanted = [rest / 4, TEACHER_SHARE / 2, 3 * rest / 4, TEACHER_SHARE / 2]
    assert known.weights.tolist() == pytest.approx(wanted)


def test_a_run_learns_one_task_and_keeps_the_others():
    encoder = tiny_encoder()
    tables = {task: table([0.95] * 3, [0.0] * 3) for task in TASKS}
    tables["alone"] = tables["fluency"] = table([0.95] * 3, [1.0] * 3)
    drawn = {task: DrawnRows(np.array([7, 4, 6])) for task in TASKS}
    args = argparse.Namespace(
        learning_rate=3e-3, batch_sizes=(6, 6, 6, 6), steps=60, minutes=9e9, seed=0
    )
    before = encoder.network(TEXTS, SOURCES)
    refine(encoder, tables, drawn, args)
    fresh = tiny_encoder()
    fresh.network.load_state_dict(encoder.network.state_dict())
    after = fresh.network(TEXTS, SOURCES)
    assert (after.fluency.sigmoid() > before.fluency.sigmoid() + 0.1).all()
    learned = (after.fluency - before.fluency).abs().mean().item()
    for score in ("style", "content"):
        change = getattr(after, score) - getattr(before, score)
        assert change.abs().mean().item() < learned / 3
