"""Linear layers by oneDNN against PyTorch's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import gelu

from toxicity_j import cpu_linear
from toxicity_j.cpu_linear import OneDNNLinear, can_use_onednn, use_onednn_linear
from toxicity_j.model_classifier import Classifier

CPU = torch.device("cpu")

pytestmark = pytest.mark.skipif(
    not can_use_onednn(CPU, torch.float32), reason="PyTorch is built without oneDNN"
)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 24), (7, 24), (2, 5, 24)])
def test_equals_torch(shape, bias):
    torch.manual_seed(0)
    layer, states = nn.Linear(24, 10, bias=bias), torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(
            OneDNNLinear(layer)(states), layer(states), atol=1e-6, rtol=1e-5
        )
        torch.testing.assert_close(
            OneDNNLinear(layer, gelu=True)(states),
            gelu(layer(states)),
            atol=1e-6,
            rtol=1e-5,
        )


def test_rows_do_not_depend_on_their_number():
    torch.manual_seed(0)
    layer, states = OneDNNLinear(nn.Linear(768, 768)), torch.randn(300, 768)
    with torch.inference_mode():
        whole = layer(states)
        for count in (1, 2, 7, 64, 299):
            # It is 3e-6 by torch 2.6.
            torch.testing.assert_close(
                layer(states[:count]), whole[:count], atol=5e-6, rtol=5e-6
            )


def test_bfloat16():
    if not can_use_onednn(CPU, torch.bfloat16):
        pytest.skip("this processor lacks the instructions")
    torch.manual_seed(0)
    layer, states = nn.Linear(24, 10).bfloat16(), torch.randn(7, 24).bfloat16()
    with torch.inference_mode():
        exact = nn.functional.linear(
            states.float(), layer.weight.float(), layer.bias.float()
        )
        found = OneDNNLinear(layer)(states)
    assert found.dtype is torch.bfloat16
    torch.testing.assert_close(found.float(), exact, atol=2e-2, rtol=2**-7)


def test_replaces_what_it_can():
    class Own(nn.Linear):
        """A subclass may compute something else."""

    network = nn.Sequential(
        nn.Linear(4, 4), nn.Sequential(nn.GELU(), nn.Linear(4, 2)), Own(2, 2)
    )
    half = nn.Sequential(nn.Linear(4, 4)).half()
    states = torch.randn(3, 4)
    with torch.inference_mode():
        before = network(states)
        use_onednn_linear(network)
        use_onednn_linear(half)
        torch.testing.assert_close(network(states), before, atol=1e-6, rtol=1e-5)
    assert [type(x) for x in (network[0], network[1][1], network[2], half[0])] == [
        OneDNNLinear,
        OneDNNLinear,
        Own,
        nn.Linear,
    ]


def test_not_for_other_devices_and_types():
    assert not can_use_onednn(torch.device("cuda"), torch.float32)
    assert not can_use_onednn(CPU, torch.float16)


@pytest.fixture
def trial():
    """The trial's memory, cleared before and after."""
    cpu_linear.onednn_is_faster.cache_clear()
    yield
    cpu_linear.onednn_is_faster.cache_clear()


@pytest.mark.parametrize("name", cpu_linear._OPERATORS)
def test_torch_linear_stays_where_this_torch_lacks_an_operator(monkeypatch, name):
    class Lacking:
        """torch.ops.mkldnn without one operator, as another version of torch may have
        it.
        """

        def __getattr__(self, asked):
            if asked == name:
                raise AttributeError(asked)
            return torch.ops.aten.relu

    monkeypatch.setattr(torch.ops, "mkldnn", Lacking())
    assert not can_use_onednn(CPU, torch.float32)
    network = nn.Sequential(nn.Linear(4, 4))
    use_onednn_linear(network)
    assert type(network[0]) is nn.Linear


def test_scores_are_the_same_without_the_operators(checkpoints, monkeypatch):
    path = checkpoints("roberta")
    texts = ["You are a fool.", "a", ""]
    quick = Classifier(path, role="style", device="cpu").score(texts).values
    monkeypatch.setattr(cpu_linear, "can_use_onednn", lambda device, dtype: False)
    plain = Classifier(path, role="style", device="cpu")
    assert not any(
        isinstance(module, OneDNNLinear) for module in plain.network.modules()
    )
    np.testing.assert_allclose(plain.score(texts).values, quick, atol=1e-5)


@pytest.mark.parametrize(
    ("onednn", "torch_own", "is_used"),
    [(1.0, 2.0, True), (1.0, 0.8, True), (1.0, 0.5, False)],
)
def test_the_trial_keeps_torch_linear_only_where_it_clearly_wins(
    monkeypatch, trial, onednn, torch_own, is_used
):
    # Ratios of 0.5, 1.25 and 2: of these only the last is over the limit of 1.5.
    def seconds(layer, states):
        return onednn if isinstance(layer, OneDNNLinear) else torch_own

    monkeypatch.setattr(cpu_linear, "_seconds", seconds)
    network = nn.Sequential(nn.Linear(4, 4))
    use_onednn_linear(network)
    assert isinstance(network[0], OneDNNLinear) == is_used


def test_the_trial_runs_once_and_leaves_the_random_generator_alone(monkeypatch, trial):
    calls = []
    own = cpu_linear._seconds
    monkeypatch.setattr(
        cpu_linear, "_seconds", lambda *given: calls.append(given) or own(*given)
    )
    before = torch.get_rng_state()
    for _ in range(3):
        cpu_linear.onednn_is_faster(torch.float32, torch.get_num_threads())
    # One trial: each kind of layer once per round. Under heavy load up to three trials
    # are made, so it is held here.
    assert len(calls) in {2 * n * cpu_linear._TRIAL_ROUNDS for n in (1, 2, 3)}
    assert torch.equal(torch.get_rng_state(), before)


def test_one_slow_trial_does_not_decide(monkeypatch, trial):
    # 3 s against 1 s in the first trial, as where another program takes the core; 1 s
    # against 1 s in the second.
    slow = [3.0, 1.0] * cpu_linear._TRIAL_ROUNDS
    times = iter(slow + [1.0, 1.0] * cpu_linear._TRIAL_ROUNDS)
    monkeypatch.setattr(cpu_linear, "_seconds", lambda layer, states: next(times))
    assert cpu_linear.onednn_is_faster(torch.float32, 1)


def test_operators_that_fail_are_not_used(monkeypatch, trial):
    def fail(*given):
        raise RuntimeError("could not create a primitive descriptor")

    monkeypatch.setattr(cpu_linear, "OneDNNLinear", fail)
    assert not cpu_linear.onednn_is_faster(torch.float32, 1)
