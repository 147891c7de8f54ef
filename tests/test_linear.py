"""Linear layers by oneDNN against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import gelu

from toxicity_j.cpu_linear import OneDNNLinear, can_use_onednn, use_onednn_linear

CPU = torch.device("cpu")

pytestmark = pytest.mark.skipif(not can_use_onednn(CPU, torch.float32), reason="PyTorch is built without oneDNN")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 24), (7, 24), (2, 5, 24)])
def test_equals_torch(shape, bias):
    torch.manual_seed(0)
    layer, states = nn.Linear(24, 10, bias=bias), torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(OneDNNLinear(layer)(states), layer(states), atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(OneDNNLinear(layer, gelu=True)(states), gelu(layer(states)), atol=1e-6, rtol=1e-5)


def test_rows_do_not_depend_on_their_number():
    torch.manual_seed(0)
    layer, states = OneDNNLinear(nn.Linear(768, 768)), torch.randn(300, 768)
    with torch.inference_mode():
        whole = layer(states)
        for count in (1, 2, 7, 64, 299):
            torch.testing.assert_close(layer(states[:count]), whole[:count], atol=1e-6, rtol=1e-6)


def test_bfloat16():
    if not can_use_onednn(CPU, torch.bfloat16):
        pytest.skip("this processor lacks the instructions")
    torch.manual_seed(0)
    layer, states = nn.Linear(24, 10).bfloat16(), torch.randn(7, 24).bfloat16()
    with torch.inference_mode():
        exact = nn.functional.linear(states.float(), layer.weight.float(), layer.bias.float())
        found = OneDNNLinear(layer)(states)
    assert found.dtype is torch.bfloat16
    torch.testing.assert_close(found.float(), exact, atol=2e-2, rtol=2**-7)


def test_replaces_what_it_can():
    class Own(nn.Linear):
        """A subclass may compute something else."""

    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.GELU(), nn.Linear(4, 2)), Own(2, 2))
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
