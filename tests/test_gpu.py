"""Scores on a GPU against those of the CPU. Skipped where there is none;
`scripts/gpu_check.sh` runs them.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from tests import tiny
from tests.tiny_encoder import tiny_encoder
from toxicity_j.model_classifier import Classifier
from toxicity_j.packed_attention import packed_attention, varlen_kernel_name
from toxicity_j.scorer import Scorer
from training.modules.encoder_losses import EncoderLosses
from training.modules.gradients import Batch, Gradients
from training.modules.padded_network import pad_attention
from training.modules.training_rows import Tokens, TrainingRows

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"
)

TEXTS = [*tiny.TEXTS, "You are a fool. " * 40, "", "  "]


@pytest.mark.parametrize("kind", ["roberta", "bert", "xlm_roberta"])
def test_classifiers_agree_with_the_cpu(tmp_path, kind):
    path = str(getattr(tiny, kind)(tmp_path))
    expected = Classifier(path, role="style", device="cpu").score(TEXTS).values
    for batch_size in (None, 1, 5):
        found = (
            Classifier(path, role="style", device="cuda", batch_size=batch_size)
            .score(TEXTS)
            .values
        )
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_reduced_precision_stays_close(tmp_path, dtype):
    path = str(tiny.roberta(tmp_path))
    expected = Classifier(path, role="style", device="cpu").score(TEXTS).values
    found = (
        Classifier(path, role="style", device="cuda", dtype=dtype).score(TEXTS).values
    )
    assert 0 < np.abs(found - expected).max() < 0.3 * expected.std()


def test_the_built_in_models_agree_with_the_cpu():
    expected = Scorer(device="cpu").score(TEXTS, TEXTS[::-1])
    found = Scorer(device="cuda").score(TEXTS, TEXTS[::-1])
    for name in ("sta", "sim", "fl", "j"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), atol=1e-4
        )
    on_cpu, on_gpu = (
        Scorer(style_model="identifier", device=device).score(TEXTS).p_toxic
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_packed_attention_equals_attention_one_by_one(dtype):
    lengths = [7, 1, 300, 7, 12]
    states = torch.randn(3, sum(lengths), 4, 64, device="cuda", dtype=dtype)
    with torch.inference_mode():
        found = packed_attention(*states, lengths)
        parts = zip(*(x.split(lengths) for x in states), strict=True)
        expected = torch.cat(
            [
                torch.nn.functional.scaled_dot_product_attention(
                    *(x.transpose(0, 1) for x in part)
                ).transpose(0, 1)
                for part in parts
            ]
        )
    torch.testing.assert_close(
        found, expected, atol=2e-2 if dtype.itemsize == 2 else 1e-5, rtol=1e-2
    )


def test_attention_is_variable_length():
    for dtype in (torch.bfloat16, torch.float32):
        assert not varlen_kernel_name(torch.device("cuda", 0), dtype).startswith(
            "grouped"
        )


def test_a_run_waits_for_the_gpu_once(tmp_path):
    classifier = Classifier(
        str(tiny.roberta(tmp_path)), role="style", device="cuda", batch_size=2
    )
    classifier.score(TEXTS)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            classifier.score(TEXTS)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(seen) <= 1, [str(warning.message) for warning in seen]


def test_a_recorded_step_has_the_gradients_of_a_plain_one():
    device = torch.device("cuda")
    generator = np.random.default_rng(0)
    lengths = generator.integers(3, 16, 40)
    sides = (
        Tokens(generator.integers(3, 20, lengths.sum()), lengths, device)
        for _ in range(2)
    )
    labels = generator.random(40)
    rows = TrainingRows(*sides, labels, labels, labels)
    # In its evaluation mode: dropout would differ from run to run.
    network = tiny_encoder().network.to(device).requires_grad_(True)
    pad_attention(network)
    losses_of = EncoderLosses(network, dict.fromkeys(("content", "style"), rows))
    parameters = [*network.parameters()]
    recorded = Gradients(losses_of, parameters)
    # Recorded with the first rows, replayed with others, in two widths.
    for start in (0, 4, 8):
        batches = [
            Batch("content", np.arange(start, start + 4), 16),
            Batch("style", np.arange(start + 2, start + 6), 24),
        ]
        recorded.of_step(batches)
        found = [parameter.grad.clone() for parameter in parameters]
        for parameter in parameters:
            parameter.grad.zero_()
        for batch in batches:
            chosen = torch.from_numpy(batch.rows).to(device)
            losses = losses_of(batch.task, chosen, batch.width)
            sum(losses.values()).backward()
        for parameter, gradient in zip(parameters, found, strict=True):
            torch.testing.assert_close(gradient, parameter.grad, atol=1e-3, rtol=1e-2)
