"""Means of two encoders' weights, worked out by hand."""

from __future__ import annotations

import pytest
import torch

from tests.tiny_encoder import tiny_encoder
from training.average_encoders import PAIR_SHARE, SHARE, average
from training.modules.network_parts import FLUENCY_PARTS
from training.modules.vocabulary import count_tokens, prune

WORDS = "body.word_embeddings.weight"


def _filled(value):
    encoder = tiny_encoder()
    with torch.no_grad():
        for weights in encoder.network.state_dict().values():
            weights.fill_(value)
    return encoder


def test_weights_move_by_the_share_of_their_part():
    encoder = _filled(1.0)
    average(encoder, _filled(0.0))
    found = encoder.network.state_dict()
    kept, kept_of_pairs = 1 - SHARE, 1 - PAIR_SHARE
    assert found["body.trunk.0.qkv.weight"].unique().item() == pytest.approx(kept)
    assert found["style_head.out.0.bias"].unique().item() == pytest.approx(kept)
    assert found[WORDS].unique().item() == pytest.approx(kept)
    for name in (
        "body.pair.0.qkv.weight",
        "body.segment_embeddings.weight",
        "content_head.out.0.weight",
        "pair_fluency_head.out.0.weight",
    ):
        assert found[name].unique().item() == pytest.approx(kept_of_pairs)


def test_other_shares_are_taken():
    encoder = _filled(1.0)
    average(encoder, _filled(0.0), pair_share=0.25, share=0.0)
    found = encoder.network.state_dict()
    assert found["body.trunk.0.qkv.weight"].unique().item() == 1
    assert found["body.pair.0.qkv.weight"].unique().item() == 0.75


def test_what_reads_fluency_has_a_share_of_its_own():
    encoder = _filled(1.0)
    average(encoder, _filled(0.0), pair_share=1.0, share=1.0, fluency_share=0.25)
    found = encoder.network.state_dict()
    learned = {name for name, value in found.items() if value.unique().item() == 0.75}
    assert learned == {name for name in found if name.startswith(FLUENCY_PARTS)}
    assert {name.split(".")[0] for name in learned} == {"body", "fluency_head"}
    others = found.keys() - learned
    assert {found[name].unique().item() for name in others} == {0}


def test_words_are_averaged_by_their_spelling():
    count = tiny_encoder().config.vocab_size
    # Fewer words, the first ones of the others, under other numbers.
    encoder = prune(tiny_encoder(), count_tokens([]), keep=count)
    earlier = prune(tiny_encoder(), count_tokens([[count - 1]]), keep=count - 2)
    numbers = encoder.tokenizer.get_vocab()
    others = earlier.tokenizer.get_vocab()
    with torch.no_grad():
        earlier.network.state_dict()[WORDS].zero_()
    before = encoder.network.state_dict()[WORDS].clone()
    average(encoder, earlier)
    after = encoder.network.state_dict()[WORDS]
    assert 0 < len(numbers.keys() - others.keys()) < len(numbers)
    for token, number in numbers.items():
        left = 1 - SHARE if token in others else 1.0
        torch.testing.assert_close(after[number], left * before[number])


def test_encoders_of_other_shapes_are_refused():
    deeper = tiny_encoder()
    deeper.network.body.pair.append(deeper.network.body.pair[0])
    wider = tiny_encoder()
    wider.network.style_head.out[2] = torch.nn.Linear(8, 2)
    for other in (deeper, wider):
        with pytest.raises(ValueError, match="`earlier` must have the layers"):
            average(tiny_encoder(), other)
