"""The toxicity loss on a toy identifier: what it equals, how it differentiates, what it
leaves alone.
"""

from __future__ import annotations

import math
import string

import numpy as np
import pytest
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from toxicity_j.builtin_identifier import IdentifierConfig, ToxicityIdentifier
from toxicity_j.objectives.expectation import expect
from toxicity_j.objectives.loss import ToxicityLoss
from toxicity_j.objectives.vocabulary import Vocabulary, find_convention, surface

WORDS = [
    "[UNK]",
    "[PAD]",
    "you",
    "are",
    "an",
    "idiot",
    "friend",
    "my",
    "good",
    "not",
    "un",
    "##fair",
    "##s",
    "##ly",
    ".",
]
WORDS += [
    mark + letter
    for mark in ("", "##")
    for letter in string.ascii_lowercase
    if mark + letter not in WORDS
]
TEXTS = [
    "you are an idiot .",
    "you are my good friend",
    "idiots are not friends .",
    "not unfairly",
    ".",
]
# Every subword of these texts is whole words to all tokenizers below, so the bridge has
# nothing to approximate.
CORPUS = [
    "you are an idiot .",
    "you are my good friend",
    "idiots are not friends .",
    "not unfairly .",
] * 20


def wordpiece(words: list[str] = WORDS) -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordPiece(
            {word: place for place, word in enumerate(words)}, unk_token="[UNK]"
        )
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    tokenizer.add_special_tokens(["[PAD]"])
    return tokenizer


def byte_level(size: int = 400) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=alphabet,
        special_tokens=["<|end|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def sentencepiece() -> Tokenizer:
    words = ["▁" + word for word in WORDS[2:11]] + ["fair", "s", "ly", "▁.", "."]
    tokenizer = Tokenizer(
        models.Unigram(
            [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
            + [(w, -1.0) for w in words],
            unk_id=2,
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return tokenizer


@pytest.fixture
def identifier() -> ToxicityIdentifier:
    return toy_identifier()


def toy_identifier(max_length: int = 1024) -> ToxicityIdentifier:
    torch.manual_seed(1)
    config = IdentifierConfig(
        len(WORDS), dim=6, channels=5, hidden=(7,), max_length=max_length
    )
    model = ToxicityIdentifier(config, wordpiece())
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    with torch.no_grad():
        model.embedding.weight[-1] = 0
    return model.eval()


def padded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(map(len, rows))
    ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    return ids, torch.tensor(
        [[1] * len(row) + [0] * (length - len(row)) for row in rows]
    )


def test_one_hot_input_of_the_same_tokenizer_gives_the_identifiers_own_score(
    identifier,
):
    ids, mask = padded(identifier.encode(TEXTS))
    loss = ToxicityLoss(identifier, kind="expected", reduction="none")
    expected = torch.tensor(identifier.p_toxic(TEXTS)).float()
    torch.testing.assert_close(loss(ids, mask, form="ids"), expected, rtol=0, atol=1e-6)
    one_hot = torch.nn.functional.one_hot(ids, len(WORDS)).float()
    torch.testing.assert_close(
        loss(one_hot, mask, form="probabilities"), expected, rtol=0, atol=1e-6
    )
    torch.testing.assert_close(
        loss((one_hot - 0.5) * 200, mask), expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    "generator",
    [byte_level(), sentencepiece(), wordpiece(WORDS[::-1])],
    ids=["bpe", "unigram", "wordpiece"],
)
def test_one_hot_input_through_the_bridge_gives_the_score_of_the_decoded_text(
    identifier, generator
):
    rows = [
        encoding.ids
        for encoding in generator.encode_batch(TEXTS, add_special_tokens=False)
    ]
    assert [generator.decode(row) for row in rows] == TEXTS
    ids, mask = padded(rows)
    loss = ToxicityLoss(identifier, generator, kind="expected", reduction="none")
    # Tolerance 1e-6: all these tokens are words, or word pieces that the identifier
    # cuts at the same places.
    expected = torch.tensor(identifier.p_toxic(TEXTS)).float()
    torch.testing.assert_close(loss(ids, mask, form="ids"), expected, rtol=0, atol=1e-6)


def test_log_loss_is_minus_log_of_p_non_toxic(identifier):
    ids, mask = padded(identifier.encode(TEXTS))
    p_toxic = torch.tensor(identifier.p_toxic(TEXTS)).float()
    torch.testing.assert_close(
        ToxicityLoss(identifier, reduction="none")(ids, mask, form="ids"),
        -torch.log(1 - p_toxic),
    )
    assert ToxicityLoss(identifier, weight=3)(
        ids, mask, form="ids"
    ).item() == pytest.approx(3 * -torch.log(1 - p_toxic).mean().item(), rel=1e-5)
    assert ToxicityLoss(identifier, reduction="sum")(
        ids, mask, form="ids"
    ).item() == pytest.approx(-torch.log(1 - p_toxic).sum().item(), rel=1e-5)


@pytest.mark.parametrize("words", [0, 1, 7, 8, 9, 14, 15])
def test_a_long_sequence_is_read_in_windows_as_the_identifier_does(words):
    # Windows of 8 tokens, of which each starts 6 behind the one before it.
    identifier = toy_identifier(max_length=8)
    long = "you are my good friend . " * 3 + "you are an idiot ."
    texts = [long, " ".join(long.split()[:words]), "you are an idiot ."]
    encodings = identifier.tokenizer.encode_batch(texts)
    ids, mask = padded([encoding.ids for encoding in encodings])
    loss = ToxicityLoss(identifier, kind="expected", reduction="none")
    expected = torch.tensor(identifier.p_toxic(texts)).float()
    torch.testing.assert_close(loss(ids, mask, form="ids"), expected, rtol=0, atol=1e-6)


def test_the_end_of_a_long_sequence_has_a_gradient():
    identifier = toy_identifier(max_length=8)
    good = WORDS.index("good")
    logits = torch.full((1, 30, len(WORDS)), -9.0)
    logits[0, :, good] = 9
    loss = ToxicityLoss(identifier)
    plain = loss(logits)
    logits[0, -1, good] = -9
    logits[0, -1, WORDS.index("idiot")] = 9
    logits.requires_grad_()
    value = loss(logits)
    # So the last window is the most toxic one.
    assert value > plain
    value.backward()
    has_gradient = logits.grad.abs().amax(-1)[0] > 0
    assert has_gradient.tolist() == [False] * 22 + [True] * 8


@pytest.mark.parametrize("kind", ["expected", "log"])
@pytest.mark.parametrize("generator", [None, byte_level()], ids=["same", "bridge"])
def test_gradient_agrees_with_finite_differences_in_float64(
    identifier, kind, generator
):
    loss = ToxicityLoss(identifier, generator, kind=kind, temperature=0.7).double()
    torch.manual_seed(3)
    logits = torch.randn(2, 4, loss.aligner.vocab_size, dtype=torch.float64)
    chosen = generator.encode("you are my idiot").ids[:4] if generator else [2, 3, 7, 5]
    logits[:, range(4), chosen] += 6  # keeps the likeliest tokens under small changes
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    places = torch.randint(0, loss.aligner.vocab_size, (3,))

    def of_some(values: torch.Tensor) -> torch.Tensor:
        changed = logits.clone()
        changed[:, :, places] = values
        return loss(changed, mask)

    assert torch.autograd.gradcheck(
        of_some, logits[:, :, places].clone().requires_grad_()
    )


def test_no_gradient_and_no_change_reaches_the_identifier(identifier):
    loss = ToxicityLoss(identifier)
    logits = torch.randn(2, 3, len(WORDS), requires_grad=True)
    loss(logits).backward()
    assert logits.grad.abs().sum() > 0
    assert all(
        parameter.grad is None
        for parameter in [*identifier.parameters(), *loss.parameters()]
    )
    assert not any(parameter.requires_grad for parameter in loss.parameters())
    # The user's own is not frozen.
    assert all(parameter.requires_grad for parameter in identifier.parameters())
    assert loss.train().training
    assert not loss.identifier.training


@pytest.mark.parametrize("generator", [None, byte_level()], ids=["same", "bridge"])
def test_padding_on_either_side_has_no_effect_nor_a_gradient(identifier, generator):
    loss = ToxicityLoss(identifier, generator, reduction="none")
    torch.manual_seed(5)
    logits = torch.randn(2, 4, loss.aligner.vocab_size)
    noise = torch.randn(2, 3, loss.aligner.vocab_size)
    expected = loss(logits)
    ones, zeros = torch.ones(2, 4), torch.zeros(2, 3)
    for tensors, mask in (
        ([logits, noise], [ones, zeros]),
        ([noise, logits], [zeros, ones]),
    ):
        joined = torch.cat(tensors, 1).requires_grad_()
        result = loss(joined, torch.cat(mask, 1))
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)
        result.sum().backward()
        assert (joined.grad[torch.cat(mask, 1) == 0] == 0).all()


def test_bfloat16_logits_and_autocast_stay_close_and_finite(identifier):
    loss = ToxicityLoss(identifier, reduction="none")
    logits = torch.randn(3, 5, len(WORDS)) * 4
    expected = loss(logits)
    low = logits.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = loss(low)
    assert result.dtype == torch.float32
    # bfloat16 keeps 8 bits of a logit: up to 4 * 3 * 2**-8 = .05 off.
    torch.testing.assert_close(result, expected, rtol=0, atol=0.1)
    result.sum().backward()
    assert low.grad.isfinite().all()


def test_gradient_descent_on_the_logits_lowers_the_identifiers_score(identifier):
    loss = ToxicityLoss(identifier, byte_level())
    generator = byte_level()
    ids = generator.encode("you are an idiot .").ids
    logits = (
        torch.nn.functional.one_hot(
            torch.tensor([ids]), loss.aligner.vocab_size
        ).float()
        * 8
    ).requires_grad_()
    before = loss(logits).item()
    optimiser = torch.optim.Adam([logits], lr=0.5)
    for _ in range(30):
        optimiser.zero_grad()
        loss(logits).backward()
        optimiser.step()
    assert loss(logits).item() < before


def test_straight_through_gumbel_reads_tokens_and_still_differentiates(identifier):
    loss = ToxicityLoss(identifier, gumbel=True, kind="expected", reduction="none")
    logits = torch.zeros(1, 2, len(WORDS), requires_grad=True)
    ids = torch.cartesian_prod(torch.arange(len(WORDS)), torch.arange(len(WORDS)))
    possible = ToxicityLoss(identifier, kind="expected", reduction="none")(
        ids, form="ids"
    )
    torch.manual_seed(0)
    for _ in range(5):
        result = loss(logits)
        assert (
            possible - result
        ).abs().min() < 1e-6  # the score of some pair of tokens, not of a mixture
    result.sum().backward()
    assert logits.grad.abs().sum() > 0


def test_gumbel_samples_probabilities_as_the_softmax_of_their_logits(identifier):
    loss = ToxicityLoss(identifier, gumbel=True, temperature=0.7)
    # float64, so that softmax and logarithm lose nothing that a sample could turn on.
    loss = loss.double()
    logits = torch.randn(2, 3, len(WORDS), dtype=torch.float64)
    logits[..., 5] = -torch.inf
    probabilities = logits.softmax(-1).requires_grad_()
    for seed in range(5):
        torch.manual_seed(seed)
        expected = loss(logits)
        torch.manual_seed(seed)
        found = loss(probabilities, form="probabilities")
        torch.testing.assert_close(found, expected)
    found.backward()
    assert probabilities.grad.isfinite().all()
    assert probabilities.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("value", "match"), [(torch.nan, "finite"), (torch.inf, "finite"), (-0.1, "not be")]
)
def test_gumbel_refuses_what_is_not_a_probability(identifier, value, match):
    loss = ToxicityLoss(identifier, gumbel=True)
    probabilities = torch.full((1, 3, len(WORDS)), 1 / len(WORDS))
    probabilities[0, 2, 7] = value
    with pytest.raises(ValueError, match=f"`inputs` must {match}|must be {match}"):
        loss(probabilities, form="probabilities")


def test_low_temperature_tends_to_the_likeliest_tokens(identifier):
    torch.manual_seed(2)
    logits = torch.randn(2, 4, len(WORDS))
    hard = ToxicityLoss(identifier)(logits.argmax(-1), form="ids")
    torch.testing.assert_close(
        ToxicityLoss(identifier, temperature=0.002)(logits), hard, rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("behind", [-30.0, 90.0, float("nan")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_columns_behind_the_vocabulary_count_for_nothing(
    identifier, dtype, behind, temperature
):
    loss = ToxicityLoss(identifier, temperature=temperature)
    own = torch.randn(1, 3, len(WORDS), dtype=dtype, requires_grad=True)
    wider = torch.cat([own.detach(), torch.full((1, 3, 4), behind)], dim=-1).to(dtype)
    wider.requires_grad_()
    found, expected = loss(wider), loss(own)
    torch.testing.assert_close(found, expected)
    found.backward()
    expected.backward()
    torch.testing.assert_close(wider.grad[..., : len(WORDS)], own.grad)
    assert wider.grad[..., len(WORDS) :].abs().max() == 0


def test_labels_may_hold_minus_100(identifier):
    loss = ToxicityLoss(identifier)
    ids = torch.tensor([[2, 3, -100]])
    torch.testing.assert_close(
        loss(ids, ids != -100, form="ids"), loss(ids[:, :2], form="ids")
    )


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.uint64])
def test_ids_may_be_of_any_type_of_integers(identifier, dtype):
    loss = ToxicityLoss(identifier)
    ids = torch.tensor([[2, 3, 5]])
    mask = torch.tensor([[1, 1, 0]])
    torch.testing.assert_close(
        loss(ids.to(dtype), mask, form="ids"), loss(ids, mask, form="ids")
    )


@pytest.mark.parametrize(
    ("inputs", "mask", "form", "match"),
    [
        (torch.zeros(2, 3), None, "logits", "`inputs` must have 3 dimensions"),
        (
            torch.zeros(2, 3, 4),
            None,
            "logits",
            "must cover the tokenizer's 66 tokens; got 4",
        ),
        (torch.zeros(2, 3, 66), torch.ones(2, 4), "logits", "`mask` must have shape"),
        (torch.full((1, 1), 66), None, "ids", "`inputs` must be ids in"),
        (torch.zeros(2, 3, 66), None, "onehot", "`form` must be one of"),
        (torch.zeros(0, 3, 66), None, "logits", "`inputs` must hold a sequence"),
        (torch.zeros(2, 0, 66), None, "probabilities", "`inputs` must hold a sequence"),
        (
            torch.zeros(0, 3, dtype=torch.long),
            None,
            "ids",
            "`inputs` must hold a sequence",
        ),
        (
            torch.full((2, 3, 66), torch.nan),
            None,
            "logits",
            "`inputs` must be finite .* sequence 0 .* position 0",
        ),
        (torch.full((2, 3, 66), -torch.inf), None, "logits", "`inputs` must be finite"),
        (
            torch.full((2, 3, 66), torch.inf),
            None,
            "probabilities",
            "`inputs` must be finite",
        ),
        (
            torch.zeros(2, 3, 66, device="meta"),
            None,
            "logits",
            "`inputs` must be on the loss's device, cpu; got meta",
        ),
    ],
)
def test_bad_inputs_are_named(identifier, inputs, mask, form, match):
    with pytest.raises(ValueError, match=match):
        ToxicityLoss(identifier)(inputs, mask, form=form)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "nll"},
        {"reduction": "max"},
        {"weight": -1},
        {"weight": float("nan")},
        {"temperature": 0},
        {"convention": "x"},
    ],
)
def test_bad_options_are_named(identifier, options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        ToxicityLoss(identifier, {"a": 0}, **options)


@pytest.mark.parametrize(
    ("inputs", "mask", "form", "match"),
    [
        ([[1.0]], None, "logits", "`inputs` must be a tensor; got list"),
        (
            torch.zeros(2, 3, 66, dtype=torch.long),
            None,
            "logits",
            "`inputs` must be floating-point numbers as logits",
        ),
        (torch.zeros(2, 3), None, "ids", "`inputs` must be integers as ids"),
        (
            torch.zeros(2, 3, 66).to(torch.float8_e5m2),
            None,
            "logits",
            "`inputs` must be .* at least 16 bits; got torch.float8_e5m2",
        ),
        (
            torch.zeros(2, 3, 66).to_sparse(),
            None,
            "logits",
            "`inputs` must be a dense tensor; got torch.sparse_coo",
        ),
        (
            torch.nested.nested_tensor([torch.zeros(3, 66), torch.zeros(2, 66)]),
            None,
            "logits",
            "`inputs` must be a dense tensor",
        ),
        (
            torch.zeros(2, 3, 66),
            torch.ones(2, 3).to_sparse(),
            "logits",
            "`mask` must be a dense tensor; got torch.sparse_coo",
        ),
        (torch.zeros(2, 3, 66), [[1]], "logits", "`mask` must be a tensor; got list"),
        (
            torch.zeros(2, 3, 66),
            None,
            np.array([None, None], dtype=object),
            "`form` must be one of logits, probabilities, ids; got array",
        ),
    ],
)
def test_bad_types_are_named(identifier, inputs, mask, form, match):
    with pytest.raises(TypeError, match=match):
        ToxicityLoss(identifier)(inputs, mask, form=form)


def test_padding_may_hold_anything(identifier):
    loss = ToxicityLoss(identifier)
    logits = torch.randn(1, 4, len(WORDS))
    expected = loss(logits[:, :3])
    logits[:, 3] = torch.nan
    torch.testing.assert_close(loss(logits, torch.tensor([[1, 1, 1, 0]])), expected)


@pytest.mark.parametrize("filler", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("form", "gumbel"),
    [("logits", False), ("logits", True), ("probabilities", False)],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_positions_that_do_not_count_have_a_gradient_of_exactly_zero(
    identifier, dtype, form, gumbel, filler
):
    loss = ToxicityLoss(identifier, gumbel=gumbel, reduction="none")
    inputs = torch.rand(2, 4, len(WORDS)).to(dtype)
    # The second sequence is shorter, so the identifier reads padding there.
    mask = torch.tensor([[0, 1, 1, 1], [0, 1, 0, 0]])

    def result_and_gradient(value: float) -> tuple[torch.Tensor, torch.Tensor]:
        filled = inputs.masked_fill(mask[..., None] == 0, value).requires_grad_()
        torch.manual_seed(0)  # of the Gumbel noise
        result = loss(filled, mask, form=form)
        result.sum().backward()
        return result, filled.grad

    result, gradient = result_and_gradient(filler)
    expected, expected_gradient = result_and_gradient(0.0)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(gradient, expected_gradient)
    assert (gradient[mask == 0] == 0).all()
    assert (gradient[mask == 1] != 0).any()


def test_sequences_of_other_lengths_change_nothing_beside_non_finite_padding(
    identifier,
):
    loss = ToxicityLoss(identifier, byte_level(), reduction="none")
    logits = torch.randn(2, 5, loss.aligner.vocab_size)
    alone = torch.cat([loss(logits[:1]), loss(logits[1:, :2])])
    logits[1, 2:] = math.nan
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    torch.testing.assert_close(loss(logits, mask), alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("form", ["logits", "probabilities", "ids"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 0.5, 2])
def test_a_mask_holds_only_zeros_and_ones(identifier, form, value):
    loss = ToxicityLoss(identifier)
    inputs = torch.full((2, 3, len(WORDS)), 1 / len(WORDS))
    if form == "ids":
        inputs = torch.tensor([[2, 3, 4], [2, 3, -100]])
    mask = torch.tensor([[1, 1, 1], [1, 1, value]])
    with pytest.raises(
        ValueError, match="`mask` must hold .* sequence 1 .* position 2"
    ):
        loss(inputs, mask, form=form)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.long, torch.bfloat16])
def test_a_mask_may_be_of_any_type_of_numbers(identifier, dtype):
    loss = ToxicityLoss(identifier)
    ids = torch.tensor([[2, 3, 5]])
    mask = torch.tensor([[1, 1, 0]]).to(dtype)
    torch.testing.assert_close(
        loss(ids, mask, form="ids"), loss(ids[:, :2], form="ids")
    )


def test_probabilities_are_not_negative_where_the_mask_is_on(identifier):
    loss = ToxicityLoss(identifier)
    probabilities = torch.full((1, 3, len(WORDS)), 1 / len(WORDS))
    expected = loss(probabilities[:, :2], form="probabilities")
    probabilities[0, 2, 7] = -0.01
    with pytest.raises(
        ValueError, match="`inputs` must not be negative .* sequence 0 .* position 2"
    ):
        loss(probabilities, form="probabilities")
    masked = loss(probabilities, torch.tensor([[1, 1, 0]]), form="probabilities")
    torch.testing.assert_close(masked, expected)
    # Rounding may take a probability below 0.
    probabilities[0, 2, 7] = -1e-7
    assert loss(probabilities, form="probabilities").isfinite()


@pytest.mark.parametrize(
    "options",
    [{"weight": "1"}, {"temperature": None}, {"weight": True}, {"gumbel": "yes"}],
)
def test_options_of_other_types_are_named(identifier, options):
    with pytest.raises(
        TypeError, match=f"`{next(iter(options))}` must be (a number|True)"
    ):
        ToxicityLoss(identifier, **options)


@pytest.mark.parametrize(
    "options", [{"kind": 3}, {"reduction": None}, {"convention": ["words"]}]
)
def test_options_that_are_not_strings_are_named(identifier, options):
    with pytest.raises(TypeError, match=f"`{next(iter(options))}` must be one of"):
        ToxicityLoss(identifier, **options)


def test_a_tokenizer_of_another_kind_is_a_type_error(identifier):
    with pytest.raises(TypeError, match="`tokenizer` must be"):
        ToxicityLoss(identifier, 7)


def test_conventions_are_found_and_read():
    assert find_convention(["Ġyou", "a", "Ġb"]) == "byte-level"
    assert find_convention(["▁you", "a"]) == "sentencepiece"
    assert find_convention(["you", "##a"]) == "wordpiece"
    assert find_convention(["you", "a"]) == "words"
    spelt = ("Ġyou", "s", "Ã©", "Ġ", "Ã")
    assert [surface(token, "byte-level") for token in spelt] == [
        " you",
        "s",
        "é",
        " ",
        "",
    ]
    assert [
        surface(token, "sentencepiece") for token in ("▁you", "s", "<0x41>", "▁")
    ] == [" you", "s", "A", " "]
    assert [surface(token, "wordpiece") for token in ("you", "##s")] == [" you", "s"]
    assert surface("you", "words") == " you"


def test_mean_pieces_are_those_of_a_word_or_of_its_inside():
    generator = {"Ġyou": 0, ".": 1, "s": 2, "Ġs": 3, "Ġunfair": 4}
    pieces = Vocabulary.of(generator, wordpiece()).pieces
    expected = [["you"], ["."], ["##s"], ["s"], ["un", "##fair"]]
    assert pieces == [[WORDS.index(piece) for piece in token] for token in expected]


def test_an_unsure_position_mixes_embeddings_as_worked_out_here(identifier):
    generator = {"Ġyou": 0, "Ġun": 1, "fair": 2, "s": 3}
    # Likeliest: "you unfair", cut you|un|##fair. "you" has .7, and .3 of "s" adds 0.3
    # E(##s). "un" and "fair" are cut alike by both; "un" has .6 and .4 of "you"; "fair"
    # is certain.
    probabilities = torch.tensor([[[0.7, 0, 0, 0.3], [0.4, 0.6, 0, 0], [0, 0, 1.0, 0]]])
    found, weights = embeddings(identifier, generator, probabilities)
    weight = identifier.embedding.weight.detach()
    you, un, fair, s = (
        weight[WORDS.index(word)] for word in ("you", "un", "##fair", "##s")
    )
    torch.testing.assert_close(
        found[0], torch.stack([0.7 * you + 0.3 * s, 0.6 * un + 0.4 * you, fair])
    )
    assert weights.tolist() == [[1, 1, 1]]
    # Where the identifier joins what the generator cuts, the joint word is as likely as
    # its parts together.
    probabilities = torch.tensor([[[0.9, 0, 0.1], [0.2, 0.8, 0]]])
    found, _ = embeddings(identifier, {"Ġfri": 0, "end": 1, "s": 2}, probabilities)
    fri, friend = (
        weight[[WORDS.index(piece) for piece in pieces]].mean(0)
        for pieces in (["f", "##r", "##i"], ["friend"])
    )
    torch.testing.assert_close(found[0, 0], 0.72 * friend + (0.1 * s + 0.2 * fri) / 2)


def embeddings(
    identifier, generator, probabilities
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the identifier is given for one batch of probabilities."""
    loss = ToxicityLoss(identifier, generator)
    mask = torch.ones(probabilities.shape[:2], dtype=torch.bool)
    expected = loss._expectation(probabilities, mask, "probabilities")
    mixed, weights, _ = loss.aligner(expected, mask, loss.identifier.embedding.weight)
    return mixed, weights


def test_a_position_that_may_write_nothing_is_a_mixture_too(identifier):
    # <end> writes nothing. With .51 of it the place holds .49 E(idiot), weighs .49, and
    # keeps its gradient; so it does with .49 of it, where "idiot" is likeliest, but for
    # .51 in place of .49.
    loss = ToxicityLoss(identifier, byte_level(), kind="expected", reduction="none")
    generator = byte_level()
    end, idiot = generator.token_to_id("<|end|>"), generator.encode(" idiot").ids
    assert len(idiot) == 1
    you = generator.encode("you").ids

    def at(share: float) -> tuple[float, torch.Tensor]:
        row = torch.full((1, 2, loss.aligner.vocab_size), -40.0)
        row[0, 0, you] = 0
        row[0, 1, end], row[0, 1, idiot] = math.log(1 - share), math.log(share)
        row.requires_grad_()
        value = loss(row)
        value.sum().backward()
        return value.item(), row.grad[0, 1, idiot]

    scores = [at(share) for share in np.linspace(0.002, 0.998, 400)]
    values = np.array([score for score, _ in scores])
    gradients = torch.stack([gradient for _, gradient in scores])
    # 400 steps over a change of at most 1: no step is much above 1/400 unless there is
    # a jump.
    assert np.abs(np.diff(values)).max() < 0.02
    assert (gradients != 0).all()
    # The ends are the scores of the texts "you" and "you idiot".
    assert [values[0], values[-1]] == pytest.approx(
        identifier.p_toxic(["you", "you idiot"]), abs=0.01
    )


def dense(loss: ToxicityLoss, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The loss over probabilities by autograd, as a reference for the chunked
    function.
    """
    return loss(
        torch.softmax(logits / loss.temperature, -1), mask, form="probabilities"
    )


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 30)])
def test_the_chunked_expectation_equals_the_dense_one(identifier, shape, temperature):
    loss = ToxicityLoss(
        identifier, byte_level(), temperature=temperature, reduction="none"
    )
    torch.manual_seed(4)
    logits = torch.randn(*shape, loss.aligner.vocab_size) * 3
    logits[..., 5] = -torch.inf  # a token that generation forbids
    mask = torch.rand(shape) > 0.2
    one, two = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    first, second = loss(one, mask), dense(loss, two, mask)
    torch.testing.assert_close(first, second, rtol=0, atol=1e-5)
    first.sum().backward(retain_graph=True)
    second.sum().backward()
    torch.testing.assert_close(one.grad, two.grad, rtol=0, atol=1e-5)
    kept, one.grad = one.grad, None
    # the buffer of the first pass is its gradient; the second computes it again
    first.sum().backward()
    torch.testing.assert_close(one.grad, kept, rtol=0, atol=1e-5)


def test_the_largest_logit_is_found_in_every_block():
    torch.manual_seed(0)
    for size in (3, 127, 128, 129, 191, 200, 640):
        logits = torch.randn(50, size)
        logits[range(3), [0, size // 2, size - 1]] = 9
        expected = expect(logits, torch.eye(size), torch.tensor([0]))
        assert torch.equal(expected.likeliest, logits.argmax(1))
        # The table is the identity, so the mean is the softmax itself.
        torch.testing.assert_close(expected.mean, torch.softmax(logits, 1))
        torch.testing.assert_close(expected.chosen, torch.softmax(logits, 1).amax(1))
        torch.testing.assert_close(expected.silent, torch.softmax(logits, 1)[:, 0])


def test_no_copy_of_the_logits_is_left_after_the_backward_pass(identifier):
    loss = ToxicityLoss(identifier, byte_level())
    logits = torch.randn(2, 4, loss.aligner.vocab_size, requires_grad=True)
    value = loss(logits)
    value.backward()
    # The exponentials of the forward pass are the gradient now: one buffer for both.
    with pytest.raises(RuntimeError, match="second time"):
        value.backward()
    assert logits.grad.shape == logits.shape


def test_special_tokens_stand_for_nothing(identifier):
    generator = byte_level()
    loss = ToxicityLoss(identifier, generator)
    ids = generator.encode("you are good").ids
    end = generator.token_to_id("<|end|>")
    torch.testing.assert_close(
        loss(torch.tensor([[*ids, end, end]]), form="ids"),
        loss(torch.tensor([ids]), form="ids"),
    )


def test_tokens_that_are_only_flagged_as_special_stand_for_nothing(identifier):
    rules = byte_level()
    rules.add_special_tokens(["<|turn|>"])
    rules.add_tokens(["<tool>"])
    generator = PreTrainedTokenizerFast(tokenizer_object=rules, eos_token="<|end|>")
    assert "<|turn|>" not in generator.all_special_tokens
    texts = Vocabulary.of(generator, wordpiece()).texts
    assert texts[generator.convert_tokens_to_ids("<|end|>")] == ""
    assert texts[generator.convert_tokens_to_ids("<|turn|>")] == ""
    # An added word is text.
    assert texts[generator.convert_tokens_to_ids("<tool>")] == "<tool>"


@pytest.mark.parametrize(
    ("tokenizer", "error"),
    [
        ({}, ValueError),
        ({"a": -1}, ValueError),
        ({"a": 0, "b": 0}, ValueError),
        ({"a": "b"}, TypeError),
        ({1: 2}, TypeError),
    ],
)
def test_a_mapping_gives_each_token_an_id(identifier, tokenizer, error):
    with pytest.raises(error, match="`tokenizer"):
        ToxicityLoss(identifier, tokenizer)


def test_the_identifier_is_one():
    with pytest.raises(TypeError, match="`identifier` must be a ToxicityIdentifier"):
        ToxicityLoss("identifier")
