"""One training step of the encoder: its losses, worked out by hand where they can be,
and its gradients.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tiny_encoder import tiny_encoder
from training.data.example_table import LEAST_LABEL
from training.modules import padded_network as padded
from training.modules.encoder_losses import (
    ALONE_WEIGHT,
    FLAW_WEIGHT,
    LIKELIHOOD_WEIGHT,
    NEAR_WEIGHT,
    EncoderLosses,
)
from training.modules.gradients import Batch, Gradients
from training.modules.training_rows import Tokens, TrainingRows, width_of

TEXTS = [[1, 4, 5, 6, 8, 2], [1, 9, 2], [1, 16, 17, 18, 19, 2]]
SOURCES = TEXTS[::-1]
LABELS = np.array([0.9, 0.2, 1.0])
OWN = np.array([0.5, np.nan, -1.0])
RELATIVE = np.array([np.nan, np.nan, 0.7])
# Of the second text nothing is known.
MARKS = np.array([-1, 0, 1, 0, 0, -1, -1, -1, -1, -1, 1, 0, 0, 0, -1])


def _rows():
    sides = (
        Tokens(np.concatenate(side), np.array([len(ids) for ids in side]), CPU)
        for side in (TEXTS, SOURCES)
    )
    return TrainingRows(*sides, LABELS, OWN, RELATIVE, MARKS)


CPU = torch.device("cpu")
ALL = torch.arange(3)


@pytest.fixture
def losses():
    network = tiny_encoder().network
    expected = network(TEXTS, SOURCES)
    values = network.likelihood_head(
        network.body.trunk_states([*TEXTS, *SOURCES]),
        [len(ids) for ids in [*TEXTS, *SOURCES]],
    )
    padded.pad_attention(network)
    found = EncoderLosses(
        network, dict.fromkeys(("style", "content", "fluency"), _rows())
    )
    return found, expected, values.detach().numpy()


def _cross_entropy(logits, labels):
    probability = 1 / (1 + np.exp(-logits.detach().numpy()))
    return -np.mean(
        labels * np.log(probability) + (1 - labels) * np.log(1 - probability)
    )


def _smooth(difference):
    """Huber's loss with a bound of 1."""
    size = np.abs(difference)
    return np.where(size < 1, size**2 / 2, size - 0.5)


def test_losses_are_those_of_the_scores(losses):
    losses_of, expected, _ = losses
    style = losses_of("style", ALL, 8)["style"]
    assert style.item() == pytest.approx(_cross_entropy(expected.style, LABELS))
    content = losses_of("content", ALL, 8)
    wanted = _cross_entropy(expected.content, LABELS)
    assert content["content"].item() == pytest.approx(wanted, rel=1e-4)
    cut = np.clip(LABELS, LEAST_LABEL, 1 - LEAST_LABEL)
    away = expected.content.detach().numpy() - np.log(cut / (1 - cut))
    near = NEAR_WEIGHT * _smooth(away).mean()
    assert content["near"].item() == pytest.approx(near, rel=1e-4)
    fluency = losses_of("fluency", ALL, 8)
    wanted = _cross_entropy(expected.fluency, LABELS)
    assert fluency["fluency"].item() == pytest.approx(wanted, rel=1e-4)
    network = losses_of.network
    trunk = padded.trunk_states(network.body, _rows().texts.padded(ALL, 8))
    is_token = _rows().texts.padded(ALL, 8)[1]
    states = padded.run_layers(network.body.fluency, trunk, is_token)
    alone = padded.text_logits(network.fluency_head, states, is_token)
    wanted = ALONE_WEIGHT * _cross_entropy(alone, LABELS)
    assert fluency["alone"].item() == pytest.approx(wanted, rel=1e-4)
    assert set(fluency) == {"fluency", "alone", "flaws", "likelihood"}


def test_unknown_likelihoods_do_not_count(losses):
    losses_of, _, values = losses
    own, of_sources = values[:3], values[3:]
    # Two texts' own likelihoods are known, one text's beside its source.
    wanted = _smooth(own[[0, 2]] - OWN[[0, 2]]).mean()
    wanted += _smooth(own[2] - of_sources[2] - RELATIVE[2])
    for task in ("content", "fluency"):
        found = losses_of(task, ALL, 8)["likelihood"].item()
        assert found == pytest.approx(LIKELIHOOD_WEIGHT * wanted, rel=1e-4)
    # None at all, and still a number.
    assert losses_of("content", torch.tensor([1]), 8)["likelihood"].item() == 0


def test_words_of_unknown_soundness_do_not_count(losses):
    losses_of, _, _ = losses
    torch.nn.init.zeros_(losses_of.flaw_head.weight)
    torch.nn.init.constant_(losses_of.flaw_head.bias, 2.0)
    # log(1 + exp(2)) for a right word, 2 less for a wrong one.
    known = MARKS[MARKS >= 0]
    wanted = np.log1p(np.exp(2)) - 2 * known.mean()
    found = losses_of("fluency", ALL, 8)["flaws"].item()
    assert found == pytest.approx(FLAW_WEIGHT * wanted, rel=1e-4)
    assert losses_of("fluency", torch.tensor([1]), 8)["flaws"].item() == 0


def test_padding_changes_no_loss(losses):
    losses_of, _, _ = losses
    for task in ("style", "content", "fluency"):
        narrow, wide = losses_of(task, ALL, 8), losses_of(task, ALL, 24)
        for name, loss in narrow.items():
            torch.testing.assert_close(loss, wide[name], atol=1e-5, rtol=1e-4)


def test_gradients_are_those_of_all_batches_together(losses):
    losses_of, _, _ = losses
    losses_of.network.requires_grad_(True)
    parameters = [*losses_of.network.parameters(), *losses_of.flaw_head.parameters()]
    gradients = Gradients(losses_of, parameters)
    batches = [
        Batch("style", np.array([0, 1]), 8),
        Batch("content", np.array([2, 0]), 8),
        Batch("fluency", np.array([1, 2]), 8),
    ]
    # Twice, because gradients of an earlier step must not stay.
    for _ in range(2):
        found = gradients.of_step(batches)
    taken = [parameter.grad.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    expected = [
        losses_of(batch.task, torch.from_numpy(batch.rows), batch.width)
        for batch in batches
    ]
    sum(loss for each in expected for loss in each.values()).backward()
    for parameter, gradient in zip(parameters, taken, strict=True):
        wanted = parameter.grad
        if wanted is None:
            wanted = torch.zeros_like(parameter)
        torch.testing.assert_close(gradient, wanted, atol=1e-6, rtol=1e-4)
    both = expected[1]["likelihood"] + expected[2]["likelihood"]
    torch.testing.assert_close(found["likelihood"], both.detach())


def test_padded_network_is_the_packed_one():
    encoder = tiny_encoder()
    network = encoder.network
    expected = network(TEXTS, SOURCES)
    rows = _rows()
    padded.pad_attention(network)
    taken = torch.tensor([2, 0, 1])
    blocks = [side.padded(taken, 8) for side in (rows.sources, rows.texts)]
    of_sources, of_texts = (
        padded.trunk_states(network.body, block) for block in blocks
    )
    trunk = padded.PairStates(of_sources, of_texts, blocks[0][1], blocks[1][1])
    together = padded.pair_states(network.body, trunk, blocks)
    is_text = trunk.of_texts
    style = padded.run_layers(network.body.style, of_texts, is_text)
    fluency = padded.run_layers(network.body.fluency, of_texts, is_text)
    alone = padded.text_logits(network.fluency_head, fluency, is_text)
    beside = padded.pair_logits(network.pair_fluency_head, together)
    of_text = padded.text_likelihoods(network.likelihood_head, of_texts, is_text)
    of_source = padded.text_likelihoods(
        network.likelihood_head, of_sources, trunk.of_sources
    )
    found = {
        "style": padded.text_logits(network.style_head, style, is_text),
        "content": padded.pair_logits(network.content_head, together),
        "fluency": alone + beside,
        "likelihood": of_text - of_source,
    }
    for role, values in found.items():
        wanted = getattr(expected, role)[taken]
        torch.testing.assert_close(values, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("longest", "width"), [(1, 8), (8, 8), (9, 16), (72, 72)])
def test_widths_are_few(longest, width):
    assert width_of(np.array([1, longest])) == width


def test_taken_texts_are_padded():
    ids, is_token = _rows().texts.padded(torch.tensor([1, 2]), 8)
    assert ids.tolist() == [[1, 9, 2, *[0] * 5], [1, 16, 17, 18, 19, 2, 0, 0]]
    assert is_token.sum(1).tolist() == [3, 6]
    marks = _rows().marks(torch.tensor([2]), 8)
    assert marks.tolist() == [[-1, 1, 0, 0, 0, -1, -1, -1]]
