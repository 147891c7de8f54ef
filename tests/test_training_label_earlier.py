"""What an earlier encoder says of the tables, and what is left to the teachers."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch

from tests import tiny_encoder as tiny
from tests.tiny_encoder import SOURCES, tiny_encoder
from training import label_earlier, train_teacher
from training.calibrate_encoder import uncalibrate
from training.data.example_table import CENTER, SPREAD
from training.label_earlier import labels_of, likelihoods_of
from training.modules.tiny_models import write_tiny_models

# With a copy, which calibration treats apart.
PREDICTIONS = [SOURCES[0], *tiny.PREDICTIONS[1:]]


def table():
    frame = pd.DataFrame({"source": SOURCES, "text": PREDICTIONS})
    labels = [0.5, np.nan, 0.1, 0.9, np.nan, 0.3]
    return frame.assign(label=labels, kind="rewrite", weight=1.0, tier="open")


@pytest.fixture
def encoder():
    shipped = tiny_encoder(
        calibration={"style": (2.0, 1.0), "content": (1.0, 0.5), "fluency": (1.0, 0.0)},
        pair_fluency_weight=0.5,
        copy_fluency=0.8,
        likelihood_weight=0.6,
    )
    uncalibrate(shipped)
    return shipped


def logits(encoder):
    """The network's own logits of the pairs."""
    ids = [
        [encoder.tokenizer.encode(text.lower()).ids for text in texts]
        for texts in (PREDICTIONS, SOURCES)
    ]
    with torch.inference_mode():
        return encoder.network(*ids)


def test_labels_are_what_the_network_says_without_calibration(encoder):
    said = logits(encoder)
    style = labels_of(encoder, table().drop(columns="source"), "style")
    assert style == pytest.approx(torch.sigmoid(said.style).numpy(), abs=1e-5)
    for task in ("content", "fluency"):
        found = labels_of(encoder, table(), task)
        wanted = torch.sigmoid(getattr(said, task)).numpy()
        is_known = table().label.notna().to_numpy()
        assert found[is_known] == pytest.approx(wanted[is_known], abs=1e-5)
        # These are new to it.
        assert np.isnan(found[~is_known]).all()


def test_likelihoods_differ_as_the_network_says(encoder):
    said = logits(encoder).likelihood.numpy()
    one, other = (likelihoods_of(encoder, texts) for texts in (PREDICTIONS, SOURCES))
    assert one - other == pytest.approx(SPREAD * said, abs=1e-4)
    assert abs(one.mean() - CENTER) < 5 * SPREAD


@pytest.fixture
def examples(tmp_path):
    for task in ("content", "fluency", "style"):
        table().to_parquet(tmp_path / f"{task}.parquet")
    tiny_encoder().save_pretrained(tmp_path / "encoder.safetensors")
    return tmp_path


def run(monkeypatch, module, *arguments):
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    module.main()


def test_a_teacher_labels_what_the_encoder_does_not_know(examples, monkeypatch):
    earlier = ["--encoder", examples / "encoder.safetensors", "--device", "cpu"]
    run(monkeypatch, label_earlier, "--examples", examples, *earlier)
    before = pd.read_parquet(examples / "content.teacher.parquet").teacher
    assert before.isna().tolist() == table().label.isna().tolist()
    likelihood = pd.read_parquet(examples / "likelihood.parquet")
    asked = table()[table().label.notna()]
    assert {*likelihood.text} == {*asked.source, *asked.text}
    write_tiny_models(examples)
    taught = ["--backbone", examples / "teacher", "--steps", 1, "--batch_size", 2]
    flags = ["--task", "content", "--examples", examples, "--device", "cpu", *taught]
    run(monkeypatch, train_teacher, *flags)
    after = pd.read_parquet(examples / "content.teacher.parquet").teacher
    assert after.between(0, 1).all()
    assert after[before.notna()].tolist() == before.dropna().tolist()
    # Without a file it labels every row.
    (examples / "content.teacher.parquet").unlink()
    run(monkeypatch, train_teacher, *flags)
    alone = pd.read_parquet(examples / "content.teacher.parquet").teacher
    assert alone.between(0, 1).all()
    assert alone[before.notna()].tolist() != before.dropna().tolist()


def test_a_teacher_joins_in_what_an_encoder_says_of_texts(examples, monkeypatch):
    scores = examples / "p_toxic.parquet"
    texts = ["you silly fool", "the dog ran home"]
    pd.DataFrame({"text": texts, "p_toxic": [0.9, 0.2]}).to_parquet(scores)
    write_tiny_models(examples)
    taught = ["--backbone", examples / "teacher", "--steps", 1, "--batch_size", 2]
    flags = ["--examples", examples, "--device", "cpu", *taught, "--scores", scores]
    monkeypatch.setattr(
        train_teacher, "label", lambda _, ids, __: np.full(len(ids), 0.5)
    )
    run(monkeypatch, train_teacher, "--task", "style", *flags)
    found = pd.read_parquet(examples / "p_toxic.teacher.parquet")
    assert found.text.tolist() == texts
    # Once more gives the same, because what the encoder said stays.
    assert pd.read_parquet(scores).p_toxic.tolist() == [0.9, 0.2]
    # The teacher's logit is 0, so 0.4 of the encoder's is left.
    odds = np.array([9, 0.25]) ** 0.4
    assert found.p_toxic.to_numpy() == pytest.approx(odds / (1 + odds))
    with pytest.raises(ValueError, match="`scores` is for the task style"):
        run(monkeypatch, train_teacher, "--task", "content", *flags)


def test_mixed_scores_lie_between_both_and_are_finite():
    own, other = np.array([0.0, 1.0, 0.3, 0.4]), np.array([1.0, 1.0, 0.6, 0.4])
    mixed = train_teacher.mixed_scores(own, other)
    # What is sure is cut to [0.001, 0.999].
    assert mixed[1] == pytest.approx(0.999)
    assert mixed[3] == pytest.approx(0.4)
    # Nearer to the teacher.
    assert mixed[0] > 0.5
    assert 0.45 < mixed[2] < 0.6
