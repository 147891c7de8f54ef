"""What the source adds to fluency is learned again, and nothing else moves."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import pytest
import torch

from tests.tiny_encoder import tiny_encoder
from training.modules import padded_network as padded
from training.modules.training_rows import LabeledRows, Tokens, TrainingRows
from training.refit_fluency import Refit, refit, rows_of_both

SOURCES = [[1, 4, 5, 6, 7, 8, 2], [1, 9, 10, 2], [1, 16, 18, 19, 2]]
TEXTS = [[1, 4, 5, 6, 8, 2], [1, 9, 2], [1, 16, 17, 18, 19, 2]]
CPU = torch.device("cpu")


def moved():
    """An encoder whose pair layers have learned something else."""
    encoder = tiny_encoder()
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in encoder.network.body.pair.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return encoder


def losses(network, earlier):
    texts, sources = (Tokens.of_texts(ids, CPU) for ids in (TEXTS, SOURCES))
    unknown = np.full(3, np.nan)
    rows = TrainingRows(texts, sources, unknown, unknown, unknown)
    for each in (network, earlier):
        padded.pad_attention(each)
    losses_of = Refit(network, earlier, LabeledRows(rows, torch.zeros(3)))
    network.eval()
    return losses_of("pairs", torch.arange(3), 8)["fluency"].item()


def test_what_the_same_pair_layers_add_has_no_loss():
    assert losses(tiny_encoder().network, tiny_encoder().network) == pytest.approx(0)
    assert losses(moved().network, tiny_encoder().network) > 1e-4


def table(name):
    sources = [f"the {name} goat number {i} has boats" for i in range(20)]
    rows = pd.DataFrame({"source": sources, "text": [s[4:] for s in sources]})
    return rows.assign(weight=np.arange(20) % 2)


def test_pairs_are_drawn_by_weight_from_both_tables():
    pairs = rows_of_both(table("old"), table("new"), 60, 1)
    assert pairs.source.str.contains("old").sum() == 30
    assert pairs.source.str.contains("new").sum() == 30
    numbers = pairs.source.str.extract(r"(\d+)")[0].astype(int)
    assert (numbers % 2 == 1).all()
    assert (pairs.share == 0).all()


def test_a_run_brings_back_what_the_source_adds_and_moves_nothing_else():
    encoder, earlier = moved(), tiny_encoder()
    before = encoder.network(TEXTS, SOURCES)
    wanted = earlier.network(TEXTS, SOURCES).fluency
    kept = {
        name: value.clone()
        for name, value in encoder.network.state_dict().items()
        if not name.startswith("pair_fluency_head.")
    }
    args = argparse.Namespace(
        learning_rate=1e-3, batch_sizes=(16,), steps=80, minutes=9e9, seed=0
    )
    pairs = rows_of_both(table("old"), table("new"), 60, 1)
    refit(encoder, earlier, pairs, args)
    fresh = tiny_encoder()
    fresh.network.load_state_dict(encoder.network.state_dict())
    after = fresh.network(TEXTS, SOURCES)
    for name, value in kept.items():
        torch.testing.assert_close(encoder.network.state_dict()[name], value)
    torch.testing.assert_close(after.content, before.content)
    far, near = (
        (each.fluency - wanted).abs().mean().item() for each in (before, after)
    )
    assert near < far
