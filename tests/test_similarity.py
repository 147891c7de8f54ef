"""Content similarity against independent arithmetic: loops, padded batches and the
libraries' own functions.
"""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest
import torch

from tests.computed_plainly import pooled_cosine, sentence_cosine, slow_wieting
from tests.hostile import Trace
from tests.tiny import TEXTS
from toxicity_j.model_embedding import SentenceEmbedding, cosine
from toxicity_j.model_overlap import Chrf, character_bleu
from toxicity_j.model_pair import PairRegressor, PooledEmbedding
from toxicity_j.model_wieting import WietingEmbedding
from toxicity_j.model_xcomet import Xcomet

FIRST = [*TEXTS, "", " ", "repeated", "repeated", "word " * 300]
SECOND = [*TEXTS[1:], TEXTS[0], "x", "", "repeated", "other", "word " * 299]


def test_cosine_by_hand():
    # (3, 4) and (4, 3): (12 + 12) / (5 * 5) = .96; a null vector gives 0; opposite
    # vectors -1
    first, second = (
        np.array([[3, 4], [0, 0], [1, 0]]),
        np.array([[4, 3], [1, 1], [-2, 0]]),
    )
    np.testing.assert_allclose(cosine(first, second), [0.96, 0, -1])


# --- Wieting


@pytest.fixture(scope="module")
def folder(checkpoints):
    return checkpoints("wieting")


def test_wieting_equals_the_slow_lookup(folder):
    expected = [
        torch.nn.functional.cosine_similarity(
            slow_wieting(folder, a)[None], slow_wieting(folder, b)[None]
        ).item()
        for a, b in zip(FIRST, SECOND, strict=True)
    ]
    np.testing.assert_allclose(
        WietingEmbedding(folder).score(FIRST, SECOND).values, expected, atol=1e-6
    )
    assert min(expected) < 0  # a cosine, not clipped


def test_wieting_ignores_a_trailing_newline(folder):
    model = WietingEmbedding(folder)
    assert [model.indices(text + "\n") for text in TEXTS] == [
        model.indices(text) for text in TEXTS
    ]


def test_wieting_drops_vocabulary_index_0(folder):
    model = WietingEmbedding(folder)
    word = next(piece for piece, index in model.vocabulary.items() if index == 0)
    assert all(0 not in model.indices(text) for text in TEXTS)
    model.vocabulary = {word: 0, "UUUNKKK": 7}
    assert model.indices(word.replace("▁", " ")) == [7]


def test_wieting_unknown_text_is_one_vector(folder):
    model = WietingEmbedding(folder)
    assert model.indices("") == model.indices("☃") == [model.vocabulary["UUUNKKK"]]
    assert model.score(["☃"], [" "]).values == pytest.approx([1])


def test_wieting_files_missing(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=(
            r"sim\.sp\.30k\.model.*storage\.yandexcloud\.net.*content_model='encoder'"
        ),
    ):
        WietingEmbedding(tmp_path)


def test_hostile_pickle_does_not_run(folder, tmp_path):
    shutil.copy(f"{folder}/sim.sp.30k.model", tmp_path)
    for save in (
        torch.save,
        lambda payload, path: path.write_bytes(pickle.dumps(payload)),
    ):
        save(
            {"vocab_words": Trace(tmp_path / "owned"), "state_dict": {}},
            tmp_path / "sim.pt",
        )
        with pytest.raises(ValueError, match="sim.pt is not a Wieting model"):
            WietingEmbedding(tmp_path)
        assert not (tmp_path / "owned").exists()


# --- Sentence embeddings, pooled outputs, regression


def test_sentence_embedding_equals_the_library(checkpoints):
    path = checkpoints("sentence_transformer")
    expected = sentence_cosine(path, FIRST, SECOND)
    for batch_size in (1, 7, None):
        model = SentenceEmbedding(path, device="cpu", batch_size=batch_size)
        np.testing.assert_allclose(
            model.score(FIRST, SECOND).values, expected, atol=1e-5
        )


def test_sentence_embedding_missing(tmp_path):
    with pytest.raises(OSError, match="content_model"):
        SentenceEmbedding("nobody/no-such-model")


def test_pooled_embedding_equals_padded_batch(checkpoints):
    path = checkpoints("bert", "pooler", head=False)
    expected = pooled_cosine(path, FIRST, SECOND)
    for batch_size in (1, 7, None):
        model = PooledEmbedding(path, device="cpu", batch_size=batch_size)
        np.testing.assert_allclose(
            model.score(FIRST, SECOND).values, expected, atol=1e-5
        )


@pytest.mark.parametrize("num_labels", [1, 2])
def test_regression_equals_padded_batch(checkpoints, num_labels):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    path = checkpoints("bert", f"regression{num_labels}", num_labels=num_labels)
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForSequenceClassification.from_pretrained(path).eval()
    inputs = tokenizer(
        FIRST,
        SECOND,
        return_tensors="pt",
        padding=True,
        truncation=True,
        max_length=512,
    )
    with torch.no_grad():
        logits = model(**inputs).logits
    expected = (
        torch.sigmoid(logits)[:, 0]
        if num_labels == 1
        else torch.softmax(logits, -1)[:, 0]
    )
    for batch_size in (1, 7, None):
        under_test = PairRegressor(path, device="cpu", batch_size=batch_size)
        np.testing.assert_allclose(
            under_test.score(FIRST, SECOND).values, expected.numpy(), atol=1e-5
        )
    # FIRST ends in a text of 300 words, SECOND in one of 299: together over 512 tokens
    assert under_test.score(FIRST, SECOND).truncated == 1


# --- XCOMET


def test_xcomet_of_three_equal_texts_is_one_pass_of_arithmetic(checkpoints):
    from transformers import AutoModel

    path = checkpoints("xcomet")
    model = Xcomet(path, device="cpu")
    text, other = TEXTS[1], TEXTS[3]
    ids = [model.tokenizer(t)["input_ids"] for t in (text, other)]
    pair, triple = ids[0] + ids[1][1:], ids[0] + ids[1][1:] + ids[1][1:]
    assert isinstance(
        model.network.encoder["model"],
        type(AutoModel.from_config(model.network.encoder["model"].config)),
    )
    scores, shares = [], 0
    for weight, share, row in (
        (0.12, 0.1667, pair),
        (0.33, 0.3333, pair),
        (0.33, 0.5, triple),
    ):
        with torch.no_grad():
            score, logits = model.network(
                torch.tensor([row]), torch.ones(1, len(row), dtype=torch.long)
            )
        scores.append(weight * min(1.0, score.item()))
        shares = shares + share * logits[0, : len(ids[0])].softmax(-1)
    cost, severity = 0, None
    # A span costs by its first token and only once it has ended.
    for label in shares.argmax(-1).tolist():
        if label and severity is None:
            severity = {1: 1, 2: 5, 3: 10}[label]
        elif not label and severity is not None:
            cost, severity = cost + severity, None
    expected = sum(scores) + 0.22 * (25 - min(25, cost)) / 25
    assert model.score([text], [other], [[other]]).values == pytest.approx(
        [expected], abs=1e-6
    )


def test_xcomet_mixes_layers(checkpoints):
    model = Xcomet(checkpoints("xcomet"), device="cpu")
    ids = torch.tensor([model.tokenizer(TEXTS[0])["input_ids"]])
    network = model.network
    with torch.no_grad():
        states = network.encoder["model"](
            input_ids=ids, output_hidden_states=True
        ).hidden_states
        weights = torch.softmax(
            torch.tensor(
                [p.item() for p in network.layerwise_attention.scalar_parameters]
            ),
            0,
        )
        mixed = 1.1 * sum(w * s[0, 0] for w, s in zip(weights, states, strict=True))
        linear = [network.estimator["ff"][place] for place in (0, 3, 6)]
        expected = linear[2](torch.tanh(linear[1](torch.tanh(linear[0](mixed)))))
        score, logits = network(ids, torch.ones_like(ids))
        np.testing.assert_allclose(
            logits[0], network.hidden2tag(states[2])[0], atol=1e-6
        )
    assert score.item() == pytest.approx(expected.item(), abs=1e-5)


def test_xcomet_does_not_depend_on_batches_and_takes_the_best_reference(checkpoints):
    references = [[second, first] for first, second in zip(FIRST, SECOND, strict=True)]
    model = Xcomet(checkpoints("xcomet"), device="cpu", batch_size=1)
    expected = model.score(FIRST, SECOND, references).values
    singles = [
        model.score(FIRST, SECOND, [[item[place]] for item in references]).values
        for place in (0, 1)
    ]
    np.testing.assert_allclose(np.maximum(*singles), expected)
    for batch_size in (2, 7, None):
        model.batch_size = batch_size
        np.testing.assert_allclose(
            model.score(FIRST, SECOND, references).values, expected, atol=1e-5
        )


# --- chrF and BLEU


def chrf(predictions, references):
    return Chrf().score(predictions, None, references).values


def test_chrf_is_sacrebleus_sentence_score():
    from sacrebleu.metrics import CHRF

    expected = [
        CHRF().sentence_score(a, [b]).score / 100
        for a, b in zip(FIRST, SECOND, strict=True)
    ]
    assert chrf(FIRST, [[text] for text in SECOND]).tolist() == pytest.approx(expected)
    # the best of several references, whatever their order
    several = [[text, "nothing like it"] for text in SECOND]
    assert chrf(FIRST, several).tolist() == pytest.approx(
        chrf(FIRST, [item[::-1] for item in several]).tolist()
    )
    assert (chrf(FIRST, several) >= np.array(expected) - 1e-9).all()


def test_character_bleu_skips_pairs_of_three_characters():
    from nltk.translate.bleu_score import sentence_bleu

    sources, predictions = (
        ["abcd", "abc", "abcdef", "four"],
        ["abcd", "abcdefg", "abc", "foursome"],
    )
    # pairs 1 and 2 have a text of three characters; "abcd" against itself is 1
    expected = (1 + sentence_bleu([list("four")], list("foursome"))) / 2
    assert character_bleu(sources, predictions) == pytest.approx(expected)
    # with the newline that readlines() keeps, three characters are four
    longer = character_bleu(
        [text + "\n" for text in sources], [text + "\n" for text in predictions]
    )
    by_hand = [
        sentence_bleu([a + "\n"], b + "\n")
        for a, b in zip(sources, predictions, strict=True)
    ]
    assert longer == pytest.approx(sum(by_hand) / 4)


@pytest.mark.parametrize("text", ["", "abc"])
def test_character_bleu_of_nothing_is_0(text):
    assert character_bleu([text], [text]) == 0
