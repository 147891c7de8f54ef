"""The built-in encoder: its arithmetic on a small random model, and the shipped
weights.
"""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tiny_encoder import PREDICTIONS, SOURCES, WORDS, tiny_encoder
from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_encoder_config import ROLES
from toxicity_j.builtin_heads import pool
from toxicity_j.builtin_network import token_segments
from toxicity_j.builtin_weights import find_weights
from training.modules.backbone import copy_bert


@pytest.fixture(scope="module")
def encoder():
    return tiny_encoder()


def test_scores_are_probabilities_that_differ(encoder):
    scores = encoder.score(PREDICTIONS, SOURCES)
    assert list(scores) == list(ROLES)
    for values in scores.values():
        assert values.shape == (6,)
        assert values.dtype == np.float64
        assert ((values > 0) & (values < 1)).all()
        assert len(np.unique(values.round(6))) > 3


@pytest.mark.parametrize("batch_size", [1, 2, 7, None])
def test_no_score_depends_on_the_batch_or_the_order(encoder, batch_size):
    expected = [
        encoder.score([p], [s]) for p, s in zip(PREDICTIONS, SOURCES, strict=True)
    ]
    order = [3, 0, 5, 1, 4, 2, 0]
    found = encoder.score(
        [PREDICTIONS[i] for i in order],
        [SOURCES[i] for i in order],
        batch_size=batch_size,
    )
    for name in ROLES:
        np.testing.assert_allclose(
            found[name], [expected[i][name][0] for i in order], atol=1e-6
        )


def test_each_head_alone_says_what_all_say_together(encoder):
    together = encoder.score(PREDICTIONS, SOURCES)
    for name in ROLES:
        alone = encoder.score(PREDICTIONS, SOURCES, want=(name,))
        np.testing.assert_allclose(alone[name], together[name], atol=1e-6)
    np.testing.assert_allclose(
        encoder.p_toxic(PREDICTIONS), together["style"], atol=1e-6
    )


def test_known_cases_are_left_to_the_scorer(encoder):
    scores = encoder.score(["", "you are a fool"], ["you are", "you are a fool"])
    assert 0 < scores["content"][0] < 1
    assert 0 < scores["content"][1] < 1
    assert 0 < scores["fluency"][0] < 1


def test_nothing_to_score(encoder):
    assert {
        name: values.tolist() for name, values in encoder.score([], []).items()
    } == {name: [] for name in ROLES}


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("abc", TypeError, "must be a list of strings; got str 'abc'"),
        (None, TypeError, "must be a list of strings; got None"),
        (["a", None], TypeError, "must hold strings only; item 1 is None"),
        (["a", "b\ud800"], ValueError, "item 1 has a lone surrogate"),
    ],
)
def test_texts_are_checked(encoder, texts, error, message):
    with pytest.raises(error, match=f"`texts` .*{message}"):
        encoder.p_toxic(texts)
    with pytest.raises(error, match=f"`predictions` .*{message}"):
        encoder.score(texts, ["a", "b"])
    if texts is not None:
        with pytest.raises(error, match=f"`sources` .*{message}"):
            encoder.score(["a", "b"], texts)


def test_any_column_of_texts_is_read(encoder):
    expected = encoder.score(PREDICTIONS, SOURCES)
    found = encoder.score(iter(PREDICTIONS), np.array(SOURCES))
    for name in ROLES:
        np.testing.assert_array_equal(found[name], expected[name])


def test_a_role_is_asked_for_once(encoder):
    with pytest.raises(ValueError, match="`want` must name each role once"):
        encoder.score(PREDICTIONS, want=("style", "style"))


def test_content_of_a_long_pair_is_the_mean_of_its_pieces(encoder):
    # 16 tokens with the special ones; the cut is where both sides end a sentence.
    first = ("the dog ran home .", "the dog is home .")
    second = ("you are a silly fool i think so !", "you are a fool i think !")
    prediction, source = (" ".join(side) for side in zip(first, second, strict=True))
    read = encoder.score([first[0], second[0]], [first[1], second[1]])
    # Tokens of the longer side of each piece.
    share = np.array([5, 9]) / 14
    small = replace(encoder.config, max_length=13)
    encoder.network.config, before = small, encoder.config
    try:
        found = encoder.score([prediction, "i"], [source, "you"])
    finally:
        encoder.network.config = before
    for name in ("content", "fluency"):
        assert found[name][0] == pytest.approx(share @ read[name], abs=1e-6)
    alone = encoder.score(["i"], ["you"])
    assert found["content"][1] == pytest.approx(alone["content"][0], abs=1e-6)


def test_what_a_long_text_lost_keeps_nothing(encoder):
    kept = "you are a fool and so the dog ran home ."
    lost = "i think that is not so good and a silly dog ran ."
    (whole,) = encoder.score([kept], [kept])["content"]
    (half,) = encoder.score([kept], [f"{kept} {lost}"])["content"]
    assert half < whole


def test_a_prediction_that_fits_is_read_whole_for_fluency(encoder):
    source = "the dog ran home . " * 6
    pieces = ["the dog ran home . " * 3] * 2
    found = encoder.score(["you are a fool"], [source])["fluency"]
    beside = encoder.score(["you are a fool"] * 2, pieces)["fluency"]
    assert found[0] == pytest.approx(beside.mean(), abs=1e-6)


def test_style_reads_long_texts_in_windows(encoder):
    # Of 16 tokens 14 are the text's: windows start at words 0, 7, 14, ... and the last
    # one ends with the text.
    words = (
        "you are a silly fool i think that is not so good the dog ran home " * 2
    ).split()
    starts = [0, 7, 14, len(words) - 14]
    expected = max(
        encoder.p_toxic([" ".join(words[start : start + 14]) for start in starts])
    )
    assert encoder.p_toxic([" ".join(words)])[0] == pytest.approx(expected, abs=1e-6)


def test_style_reads_a_short_text_in_windows_if_its_emoji_make_it_long():
    # Each emoji becomes "(grinning face)", four tokens: 17 in all, of which a window
    # holds 14. Windows start at token 0 and, to end with the text, at token 3.
    text = "\U0001f600" * 4 + " you"
    tokens = ["(", "grinning", "face", ")"] * 4 + ["you"]
    windows = [" ".join(tokens[:14]), " ".join(tokens[3:])]
    # In some random network the last window is the more toxic one.
    for seed in range(20):
        encoder = tiny_encoder(seed)
        first, last = encoder.p_toxic(windows)
        if last > first + 1e-4:
            break
    assert last > first + 1e-4
    assert encoder.p_toxic([text])[0] == pytest.approx(last, abs=1e-6)


def test_fluency_without_a_source_is_that_beside_itself(encoder):
    alone = encoder.score(PREDICTIONS, want=("fluency",))["fluency"]
    np.testing.assert_allclose(
        alone, encoder.score(PREDICTIONS, PREDICTIONS)["fluency"], atol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"predictions": ["a"], "want": ("toxicity",)}, "`want`"),
        ({"predictions": ["a"], "want": ()}, "`want`"),
        ({"predictions": ["a"], "want": ("content",)}, "`sources`"),
        ({"predictions": ["a"], "sources": ["a", "b"]}, "got 2 items for 1"),
    ],
)
def test_bad_arguments(encoder, arguments, message):
    with pytest.raises(ValueError, match=message):
        encoder.score(**arguments)


def test_saved_and_loaded(encoder, tmp_path):
    path = tmp_path / "encoder.safetensors"
    expected = encoder.score(PREDICTIONS, SOURCES)
    encoder.save_pretrained(path, int8=False)
    for name, values in (
        Encoder.from_pretrained(path, device="cpu").score(PREDICTIONS, SOURCES).items()
    ):
        np.testing.assert_allclose(values, expected[name], atol=1e-6)
    # Int8: each weight moves by at most 1/254 of its row's largest.
    encoder.save_pretrained(path)
    for name, values in (
        Encoder.from_pretrained(path, device="cpu").score(PREDICTIONS, SOURCES).items()
    ):
        np.testing.assert_allclose(values, expected[name], atol=0.1)
    lower = Encoder.from_pretrained(path, device="cpu", dtype="bfloat16").score(
        PREDICTIONS, SOURCES
    )
    for name, values in lower.items():
        np.testing.assert_allclose(values, expected[name], atol=0.2)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        Encoder.from_pretrained(tmp_path / "none.safetensors")


def test_pickled(encoder):
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(
        copy.p_toxic(PREDICTIONS), encoder.p_toxic(PREDICTIONS)
    )


@pytest.mark.parametrize("role", ROLES)
def test_calibration_moves_the_logit(role):
    calibration = dict.fromkeys(ROLES, (1.0, 0.0)) | {role: (2.0, -0.5)}
    # Fluency is scaled with what the likelihood adds.
    plain = tiny_encoder(likelihood_weight=0.6)
    moved = tiny_encoder(likelihood_weight=0.6, calibration=calibration)
    p = plain.score(PREDICTIONS, SOURCES)[role]
    expected = 1 / (1 + np.exp(-(2.0 * np.log(p / (1 - p)) - 0.5)))
    found = moved.score(PREDICTIONS, SOURCES)[role]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_the_source_adds_to_fluency_has_a_weight():
    def logits(weight):
        encoder = tiny_encoder(pair_fluency_weight=weight)
        fluency = encoder.score(PREDICTIONS, SOURCES)["fluency"]
        return np.log(fluency / (1 - fluency))

    alone, half, whole = logits(0.0), logits(0.5), logits(1.0)
    assert np.abs(whole - alone).max() > 1e-4
    np.testing.assert_allclose(half, (alone + whole) / 2, atol=1e-5)


def test_what_a_source_adds_to_its_copy_is_fixed():
    def logits(**options):
        encoder = tiny_encoder(**options)
        predictions, sources = [*PREDICTIONS, *SOURCES], [*SOURCES, *SOURCES]
        fluency = encoder.score(predictions, sources)["fluency"]
        return np.split(np.log(fluency / (1 - fluency)), 2)

    _, alone = logits(pair_fluency_weight=0.0)
    said, said_of_copies = logits()
    found, found_of_copies = logits(copy_fluency=0.8)
    np.testing.assert_allclose(found, said, atol=1e-5)
    np.testing.assert_allclose(found_of_copies, alone + 0.8, atol=1e-5)
    assert np.abs(found_of_copies - said_of_copies).max() > 0.1


def test_pool():
    # Segments [1, 3] and [5]: means 2 and 5, maxima 3 and 5; the second column is
    # negated.
    states = torch.tensor([[1.0, -1.0], [3.0, -3.0], [5.0, -5.0]])
    mean, highest = pool(states, [2, 1])
    assert mean.tolist() == [[2.0, -2.0], [5.0, -5.0]]
    assert highest.tolist() == [[3.0, -1.0], [5.0, -5.0]]


def test_the_transformer_is_bert():
    """Trunk and branch together give what transformers' BertModel gives for the same
    weights.
    """
    from transformers import BertConfig, BertModel

    encoder = tiny_encoder()
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_attention_heads=4, intermediate_size=64, num_hidden_layers=3,
        max_position_embeddings=40,
    )  # fmt: skip
    torch.manual_seed(1)
    bert = BertModel(config).eval()
    copy_bert(encoder.network, bert.state_dict())
    body = encoder.network.body
    ids = [[1, 4, 5, 6, 8, 2], [1, 9, 2], [1, 16, 17, 18, 19, 2]]
    lengths = [len(x) for x in ids]
    with torch.no_grad():
        expected = torch.cat(
            [bert(torch.tensor([x])).last_hidden_state[0] for x in ids]
        )
        states = body.trunk_states(ids)
        found = [
            body.style_states(states, lengths),
            body.fluency_states(states, lengths),
        ]
        # A pair of one empty side passes the pair layers as a text passes the branch,
        # but for the side's vector.
        body.segment_embeddings.weight.zero_()
        none = states.new_zeros(0, 32)
        pairs, segments = [(length, 0) for length in lengths], torch.zeros(15).long()
        found.append(body.pair_states(states, none, pairs, segments))
    for states in found:
        torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)


def test_pairs_lie_side_by_side():
    """The pair layers see each pair alone: packed with others, a pair's states are
    those it has by itself.
    """
    body = tiny_encoder().network.body
    torch.manual_seed(0)
    sources, predictions = torch.randn(5, 32), torch.randn(4, 32)
    of_sources, of_predictions = (
        torch.tensor([0, 1, 0, 1, 1]),
        torch.tensor([2, 3, 3, 2]),
    )

    def states(rows: slice, columns: slice, lengths: list[tuple[int, int]]):
        segments = torch.cat([of_sources[rows], of_predictions[columns]])
        return body.pair_states(sources[rows], predictions[columns], lengths, segments)

    together = states(slice(None), slice(None), [(2, 3), (3, 1)])
    first = states(slice(2), slice(3), [(2, 3)])
    second = states(slice(2, None), slice(3, None), [(3, 1)])
    torch.testing.assert_close(
        together, torch.cat([first, second]), atol=1e-5, rtol=1e-4
    )


def test_segments_say_what_both_sides_of_a_pair_have():
    sources, predictions = [[1, 7, 8, 2], [1, 9, 2]], [[1, 8, 8, 5, 2], [1, 7, 2]]
    found = token_segments(sources, predictions, torch.device("cpu"))
    # The 7 of the first source is in the second prediction only, another pair's.
    assert found.tolist() == [1, 0, 1, 1, 1, 0, 1, 3, 3, 3, 2, 3, 3, 2, 3]


def test_a_pair_sees_both_sides():
    encoder = tiny_encoder()
    one, two = encoder.score(
        ["you are a fool"] * 2, ["you are a dog", "i ran home"], want=("content",)
    )["content"]
    assert abs(one - two) > 1e-4


@pytest.fixture(scope="module")
def shipped():
    return Encoder.from_pretrained(device="cpu")


# Own sentences; what the shipped encoder must tell apart at the least.
TOXIC = [
    "you are a stupid idiot and nobody likes you",
    "shut the f**k up , moron",
    "what a load of sh1t",
]
NEUTRAL = [
    "you are wrong about this",
    "please be quiet , everyone",
    "this is not very good",
]


def test_the_shipped_encoder_tells_toxic_from_neutral(shipped):
    assert (shipped.p_toxic(TOXIC) > 0.8).all()
    assert (shipped.p_toxic(NEUTRAL) < 0.2).all()


def test_the_shipped_encoder_tells_kept_from_lost_meaning(shipped):
    sources = [TOXIC[0]] * 4
    predictions = [
        "you are not smart and nobody likes you",
        "he is smart and i like him",
        "the bus is late",
        "you are",
    ]
    kept, *lost = shipped.score(predictions, sources, want=("content",))["content"]
    assert kept > max(lost) + 0.2


def test_the_shipped_encoder_tells_whole_from_broken(shipped):
    whole = [
        "i don 't know .",
        "Nobody was at home when we called.",
        "lol that is so true",
    ]
    broken = [
        "know do i not n't .",
        "Nobody was at the when we we we.",
        "lol that of so",
    ]
    scores = shipped.score(whole + broken, want=("fluency",))["fluency"]
    assert scores[:3].min() > scores[3:].max() + 0.2


def test_the_shipped_encoder_does_not_depend_on_the_batch(shipped):
    texts = [*TOXIC, *NEUTRAL]
    expected = shipped.score(texts, texts[::-1])
    for size in (1, 2, 7):
        for name, values in shipped.score(texts, texts[::-1], batch_size=size).items():
            np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_the_shipped_encoder_in_bfloat16(shipped):
    lower = Encoder.from_pretrained(device="cpu", dtype="bfloat16")
    for name, values in lower.score(TOXIC, NEUTRAL).items():
        np.testing.assert_allclose(
            values, shipped.score(TOXIC, NEUTRAL)[name], atol=0.05
        )


def test_the_shipped_file_is_small_enough():
    assert find_weights("encoder.safetensors").stat().st_size <= 32_000_000
