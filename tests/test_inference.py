"""The engine: batches, order, memory, packed attention."""

import contextlib

import numpy as np
import pytest
import torch

from toxicity_j import batching as inference
from toxicity_j.batching import run_batched
from toxicity_j.devices import resolve_device, resolve_dtype
from toxicity_j.packed_attention import packed_attention
from toxicity_j.token_batches import deduplicate, token_batches


def _encode(texts):
    return [[len(word) for word in text.split()] for text in texts]


def _forward(batch):
    return torch.tensor([[float(sum(ids)), float(len(ids))] for ids in batch])


TEXTS = ["a bb ccc", "dddd", "a bb ccc", "ee ff gg hh", "i"]
# Letters and words of each text, counted by hand.
COUNTS = [[6, 3], [4, 1], [6, 3], [8, 4], [1, 1]]


@pytest.mark.parametrize("batch_size", [None, 1, 2, 7, 5])
@pytest.mark.parametrize("token_budget", [1, 4, 1000])
@pytest.mark.parametrize("window", [1, 2, 100])
def test_order_is_restored(monkeypatch, batch_size, token_budget, window):
    monkeypatch.setattr(inference, "WINDOW", window)
    assert (
        run_batched(
            TEXTS, _encode, _forward, token_budget=token_budget, batch_size=batch_size
        ).tolist()
        == COUNTS
    )


def test_equal_items_are_scored_once():
    seen = []
    run_batched(
        TEXTS,
        _encode,
        lambda batch: seen.extend(batch) or _forward(batch),
        token_budget=100,
    )
    assert sorted(seen) == sorted([[1, 2, 3], [4], [2, 2, 2, 2], [1]])


def test_nothing_in_nothing_out():
    assert run_batched([], _encode, _forward, token_budget=100).shape == (0,)


def test_progress_counts_distinct_items():
    told = []

    class Bar(contextlib.nullcontext):
        def __init__(self, total):
            super().__init__(self)
            told.append(total)

        def update(self, n):
            told.append(n)

    run_batched(TEXTS, _encode, _forward, token_budget=100, batch_size=3, progress=Bar)
    assert told == [4, 3, 1]


def test_items_may_be_pairs():
    pairs = [("a b", "c"), ("d", "e f g"), ("a b", "c")]

    def encode(batch):
        return [tuple(_encode(pair)) for pair in batch]

    def forward(batch):
        return torch.tensor([float(len(a) - len(b)) for a, b in batch])

    out = run_batched(
        pairs, encode, forward, token_budget=4, length=lambda x: len(x[0]) + len(x[1])
    )
    assert out.tolist() == [1.0, -2.0, 1.0]


def test_token_batches_by_hand():
    # Longest first: 9 alone (over the budget of 8), then 4+4, then 2+1+1.
    batches = token_batches([1, 9, 4, 2, 4, 1], token_budget=8)
    assert [b.tolist() for b in batches] == [[1], [2, 4], [3, 0, 5]]
    assert [b.tolist() for b in token_batches([1, 9, 4, 2, 4, 1], 8, batch_size=2)] == [
        [1],
        [2, 4],
        [3, 0],
        [5],
    ]


def test_token_batches_of_equal_lengths_by_hand():
    batches = token_batches([1, 9, 4, 2, 4, 1, 4], token_budget=8, equal_lengths=True)
    assert [b.tolist() for b in batches] == [[1], [2, 4], [6], [3], [0, 5]]


@pytest.mark.parametrize(
    ("arguments", "name"), [((0,), "token_budget"), ((5, 0), "batch_size")]
)
def test_token_batches_rejects(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1; got 0"):
        token_batches([1, 2], *arguments)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("out of memory"),
        MemoryError(),
        RuntimeError("can't allocate memory: 9 bytes"),
        RuntimeError("could not create a primitive"),
    ],
)
def test_a_batch_too_large_is_halved(error):
    sizes = []

    def forward(batch):
        sizes.append(len(batch))
        if len(batch) > 1:
            raise error
        return _forward(batch)

    assert run_batched(TEXTS, _encode, forward, token_budget=100).tolist() == COUNTS
    assert sizes == [4, 2, 1, 1, 2, 1, 1]


def test_other_errors_and_single_items_are_raised():
    def forward(batch):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run_batched(TEXTS, _encode, forward, token_budget=100)

    def hungry(batch):
        raise MemoryError("one text is too much")

    with pytest.raises(MemoryError, match="one text"):
        run_batched(TEXTS, _encode, hungry, token_budget=100)


def test_deduplicate():
    distinct, inverse = deduplicate(["b", "a", "b", "c", "a"])
    assert distinct == ["b", "a", "c"]
    assert inverse.dtype == np.int64
    assert inverse.tolist() == [0, 1, 0, 2, 1]


def test_packed_attention_is_attention_of_each_segment():
    generator = torch.Generator().manual_seed(1)
    lengths = [5, 3, 3, 1, 4, 3]
    query, key, value = (
        torch.randn(sum(lengths), 2, 8, generator=generator, dtype=torch.float64)
        for _ in range(3)
    )
    expected = []
    for q, k, v in zip(*(x.split(lengths) for x in (query, key, value)), strict=True):
        weights = torch.softmax(torch.einsum("qhd,khd->hqk", q, k) / 8**0.5, dim=-1)
        expected.append(torch.einsum("hqk,khd->qhd", weights, v))
    torch.testing.assert_close(
        packed_attention(query, key, value, lengths), torch.cat(expected)
    )


def test_packed_attention_has_gradients():
    x = torch.randn(6, 2, 4, requires_grad=True, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: packed_attention(x, 2 * x, x, [3, 2, 1]), (x,)
    )


def test_devices():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device().type in {"cpu", "cuda", "mps"}
    for absent in ("cuda:99", "abacus"):
        with pytest.raises(
            ValueError, match="`device` must be a device of this machine"
        ):
            resolve_device(absent)


def test_dtypes():
    assert resolve_dtype("bfloat16") is torch.bfloat16
    with pytest.raises(
        ValueError,
        match=r"`dtype` must be one of \['bfloat16', 'float16', 'float32'\]; got",
    ):
        resolve_dtype("half")
