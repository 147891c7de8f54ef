"""The identifier by hand-worked numbers on a toy, then the shipped weights as users
load them.
"""

from __future__ import annotations

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from toxicity_j.builtin_files import load_tensors, save_tensors
from toxicity_j.builtin_identifier import ToxicityIdentifier
from toxicity_j.builtin_identifier_config import MODEL_FILE, IdentifierConfig
from toxicity_j.builtin_weights import find_weights


def words(*vocabulary: str) -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordLevel(
            {word: place for place, word in enumerate(vocabulary)},
            unk_token=vocabulary[0],
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


@pytest.fixture
def toy() -> ToxicityIdentifier:
    """One dimension, one filter of width two, and a classifier that adds: every score
    can be worked out.
    """
    model = ToxicityIdentifier(
        IdentifierConfig(4, dim=1, channels=1, widths=(2,), hidden=(), max_length=5),
        words("?", "a", "b", "c"),
    ).eval()
    with torch.no_grad():
        model.embedding.weight[:] = torch.tensor([[0.0], [1.0], [2.0], [-3.0], [0.0]])
        model.convolutions[0].weight[:] = torch.tensor([[1.0, 10.0]])
        model.convolutions[0].bias[:] = 0.5
        model.classifier[-1].weight[:] = torch.tensor([[1.0, 0.1]])
        model.classifier[-1].bias[:] = -1.0
    return model


@pytest.fixture(scope="module")
def shipped() -> ToxicityIdentifier:
    return ToxicityIdentifier.from_pretrained()


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_scores_worked_out_by_hand(toy):
    # "a b": mean 1.5; windows a+10b+.5 = 21.5 and b+0+.5 = 2.5, maximum 21.5; logit 1.5
    # + 2.15 - 1 = 2.65. "c": mean -3; window -3+.5 < 0, so 0; logit -4.  "": mean 0, no
    # window; logit -1. "c a": mean -1; windows -3+10+.5 = 7.5 and 1.5; logit -1 + .75 -
    # 1 = -1.25.
    expected = [sigmoid(2.65), sigmoid(-4), sigmoid(-1), sigmoid(-1.25)]
    np.testing.assert_allclose(
        toy.p_toxic(["a b", "c", "", "c a"]), expected, atol=1e-6
    )


def test_texts_are_normalized_and_blank_ones_have_no_tokens(toy):
    assert toy.encode(["  a\u200b b\t", "\u00a0", "", "\n"]) == [[1, 2], [], [], []]


def test_tokens_beyond_max_length_are_cut_and_all_others_count(toy):
    assert toy.encode(["a a a a a b"]) == [[1, 1, 1, 1, 1]]
    assert toy.encode(["a a a a b"]) == [[1, 1, 1, 1, 2]]


@pytest.mark.parametrize("batch_size", [1, 2, 7, None])
def test_no_score_depends_on_batch_order_or_repetition(shipped, batch_size):
    texts = [
        "you idiot",
        "a",
        "",
        "what a fine day it was in the old town",
        "shut up",
        "thank you " * 40,
        "ok .",
    ]
    alone = [float(shipped.p_toxic([text])[0]) for text in texts]
    order = [3, 0, 6, 1, 2, 5, 4, 0, 3, 1]
    scores = shipped.p_toxic([texts[i] for i in order], batch_size=batch_size)
    np.testing.assert_allclose(scores, [alone[i] for i in order], rtol=0, atol=1e-6)
    assert scores[0] == scores[8]


def test_threads_score_alike_while_the_model_is_in_train_mode(shipped):
    # Dropout of .2 would move each score; a thread that switched the mode would be seen
    # by the others.
    texts = [f"you are a fool number {index}" for index in range(40)]
    expected = shipped.p_toxic(texts)
    shipped.train()
    try:
        with ThreadPoolExecutor(4) as pool:
            scores = list(
                pool.map(
                    lambda _: (shipped.p_toxic(texts), shipped.training), range(12)
                )
            )
    finally:
        shipped.eval()
    for found, training in scores:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        assert training


def test_a_text_of_many_windows_gets_its_most_toxic_one(toy):
    # At most 5 tokens at once, windows 3 apart: "a a a c c c a b" is cut in aaacc,
    # cccab (the last one ends the text). aaacc: mean (3 - 6)/5 = -.6; best window
    # a+10a+.5 = 11.5; logit -.6 + 1.15 - 1 = -.45. cccab: mean (-9 + 3)/5 = -1.2; best
    # window a+10b+.5 = 21.5; logit -1.2 + 2.15 - 1 = -.05, the larger.
    assert toy.p_toxic(["a a a c c c a b"])[0] == pytest.approx(
        sigmoid(-0.05), abs=1e-6
    )
    texts = ["a a a c c c a b", "c", "", "a b c " * 30]
    np.testing.assert_allclose(
        toy.p_toxic(texts, batch_size=1), toy.p_toxic(texts), atol=1e-6
    )


def test_a_threat_behind_many_harmless_words_is_seen(shipped):
    harmless = "the old library has roses and a small pond " * 120
    assert (
        shipped.p_toxic([harmless])[0]
        < 0.5
        < shipped.p_toxic([harmless + "i will kill you , idiot ."])[0]
    )


@pytest.mark.parametrize(
    ("texts", "options", "error", "match"),
    [
        ("you fool", {}, TypeError, "`texts` must be a list of strings"),
        (None, {}, TypeError, "`texts` must be a list of strings"),
        (["a", None], {}, TypeError, "`texts` must hold strings only; item 1"),
        (["a", "\ud800"], {}, ValueError, "`texts` must hold valid Unicode; item 1"),
        (
            ["a"],
            {"batch_size": 0},
            ValueError,
            "`batch_size` must be at least 1; got 0",
        ),
        (
            ["a"],
            {"batch_size": 2.5},
            TypeError,
            "`batch_size` must be an integer; got 2.5",
        ),
        (
            ["a"],
            {"batch_size": True},
            TypeError,
            "`batch_size` must be an integer; got True",
        ),
    ],
)
def test_bad_arguments_are_named(toy, texts, options, error, match):
    with pytest.raises(error, match=match):
        toy.p_toxic(texts, **options)


def test_numpy_integers_are_integers(toy):
    assert toy.p_toxic(np.array(["a", "b"]), batch_size=np.int64(1)).shape == (2,)


@pytest.mark.parametrize(
    "options",
    [
        {"vocab_size": 0},
        {"dim": -1},
        {"widths": (0,)},
        {"hidden": (0,)},
        {"dropout": 1},
        {"max_length": 0},
    ],
)
def test_a_bad_config_is_named(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        IdentifierConfig(**{"vocab_size": 4, **options})


def test_no_texts_give_no_scores(toy):
    assert toy.p_toxic([]).shape == (0,)


def test_a_plain_bag_of_embeddings_needs_no_convolution():
    model = ToxicityIdentifier(
        IdentifierConfig(4, dim=3, widths=(), hidden=(2,)), words("?", "a", "b", "c")
    ).eval()
    assert np.ptp(model.p_toxic(["a b", "b a"])) < 1e-7


def test_saved_and_loaded_it_scores_the_same(toy, tmp_path):
    path = toy.save_pretrained(tmp_path / "folder")
    texts = ["a b", "c", "", "b b c a"]
    for source in (path, tmp_path / "folder", str(tmp_path / "folder")):
        loaded = ToxicityIdentifier.from_pretrained(source)
        assert loaded.config == toy.config
        assert not loaded.training
        np.testing.assert_array_equal(loaded.p_toxic(texts), toy.p_toxic(texts))


def test_int8_rows_keep_scores_close_in_a_quarter_of_the_room(shipped, tmp_path):
    full = shipped.save_pretrained(tmp_path / "full").stat().st_size
    small = shipped.save_pretrained(tmp_path / "small", int8=True)
    assert small.stat().st_size < 0.4 * full
    texts = [
        "you are a fool",
        "see you at the station at noon",
        "what the hell is this",
    ]
    np.testing.assert_allclose(
        ToxicityIdentifier.from_pretrained(small).p_toxic(texts),
        shipped.p_toxic(texts),
        atol=0.01,
    )


def test_loading_leaves_the_random_numbers_of_the_caller_alone(toy, tmp_path):
    toy.save_pretrained(tmp_path)
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    ToxicityIdentifier.from_pretrained(tmp_path)
    assert torch.equal(torch.rand(2), expected)


def test_two_saves_are_byte_equal(toy, tmp_path):
    saved = {
        toy.save_pretrained(tmp_path / str(index)).read_bytes() for index in range(4)
    }
    assert len(saved) == 1
    loaded = ToxicityIdentifier.from_pretrained(tmp_path / "0")
    assert {loaded.save_pretrained(tmp_path / "again").read_bytes()} == saved


def test_bad_paths_and_devices_are_named(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(FileNotFoundError, match="`path`"):
        ToxicityIdentifier.from_pretrained(tmp_path / "none")
    save_file({"x": torch.zeros(1)}, str(tmp_path / MODEL_FILE))
    with pytest.raises(ValueError, match="`path` must be a file written by"):
        ToxicityIdentifier.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="`device`"):
        ToxicityIdentifier.from_pretrained(device="moon")
    with pytest.raises(TypeError, match="`path` must be a path; got 5"):
        ToxicityIdentifier.from_pretrained(5)


def test_in_bfloat16_it_scores_nearly_alike(toy):
    texts = ["a b", "c", "c a"]
    expected = toy.p_toxic(texts)
    # bfloat16 keeps 8 bits, and the logits are at most 4.
    assert toy.bfloat16().p_toxic(texts) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"config": "{"}, "`path` must hold a whole identifier"),
        ({"config": "[]"}, "`path` must hold a whole identifier"),
        ({"tokenizer": "{}"}, "`path` must hold a whole identifier"),
        ({"without": "classifier.1.weight"}, "Missing key.*classifier.1.weight"),
        ({"vocab_size": 2}, "its tokenizer has id 3, its embedding 2 rows"),
    ],
)
def test_damaged_files_are_named(toy, tmp_path, changes, match):
    state, metadata = load_tensors(toy.save_pretrained(tmp_path))
    state.pop(changes.get("without"), None)
    if "vocab_size" in changes:
        metadata["config"] = metadata["config"].replace(
            '"vocab_size": 4', f'"vocab_size": {changes["vocab_size"]}'
        )
    metadata |= {name: value for name, value in changes.items() if name in metadata}
    save_tensors(tmp_path / MODEL_FILE, state, metadata, int8=False)
    with pytest.raises(ValueError, match=rf"(?s){match}"):
        ToxicityIdentifier.from_pretrained(tmp_path)


def test_shipped_file_is_small_and_loads_without_transformers():
    assert find_weights(MODEL_FILE).stat().st_size <= 4.5e6
    script = (
        "import sys; from toxicity_j.builtin_identifier import ToxicityIdentifier;"
        "ToxicityIdentifier.from_pretrained().p_toxic(['fine']);"
        "assert not {'transformers', 'evaluate', 'datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_shipped_weights_tell_rude_texts_from_polite_ones(shipped):
    rude = [
        "you are an idiot",
        "shut up , moron",
        "what a stupid piece of crap",
        "this damn bus is late , what a shit service",
    ]
    polite = [
        "you are mistaken",
        "please be quiet",
        "this is of low quality",
        "this bus is never on time",
        "i do not agree with you",
        "",
    ]
    scores = shipped.p_toxic([*rude, *polite])
    assert scores[: len(rude)].min() > 0.5 > scores[len(rude) :].max()


def test_shipped_weights_see_through_usual_disguises(shipped):
    assert (
        shipped.p_toxic(
            [
                "what the f*** is this sh*t",
                "you are such an id1ot",
                "you stuuupid m0ron",
                "f u c k you",
            ]
        ).min()
        > 0.5
    )


def test_a_quarter_of_a_million_characters_are_read_whole(shipped):
    assert shipped.p_toxic(["you are a moron . " * 15_000])[0] > 0.5


def test_a_saved_identifier_is_a_style_model_signed_by_its_digest(toy, tmp_path):
    from toxicity_j.scorer import Scorer

    folder = tmp_path / "my_identifier"
    toy.save_pretrained(folder)
    texts = ["a b", "c", "", "c a"]
    segments = Scorer(style_model=str(folder)).score(texts)
    np.testing.assert_allclose(segments.p_toxic, toy.p_toxic(texts), rtol=0, atol=1e-6)
    # The digest follows the weights, not the name of the folder.
    toy.save_pretrained(tmp_path / "twin" / "my_identifier")
    twin = Scorer(style_model=str(tmp_path / "twin" / "my_identifier")).score(texts)
    assert twin.signature == segments.signature
    assert "my_identifier@" in segments.signature
    with torch.no_grad():
        toy.classifier[-1].bias += 1
    toy.save_pretrained(folder)
    assert Scorer(style_model=str(folder)).score(texts).signature != segments.signature


@pytest.mark.parametrize("content", [b"", b"\xff" * 40])
def test_a_damaged_identifier_is_named_by_the_scorer(tmp_path, content):
    from toxicity_j.scorer import Scorer

    (tmp_path / MODEL_FILE).write_bytes(content)
    with pytest.raises((ValueError, OSError), match=MODEL_FILE):
        Scorer(style_model=str(tmp_path)).score(["a"])
