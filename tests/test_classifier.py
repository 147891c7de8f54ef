"""Sequence classifiers: every way of batching against the model's own forward, one text
at a time.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
)

from tests import tiny
from toxicity_j.cpu_packing import can_be_padding_free
from toxicity_j.model_classifier import Classifier

TEXTS = [
    *tiny.TEXTS[::2],
    "You are a fool. " * 200,
    "",
    "  ",
    "You are a silly fool , and everybody knows it .",
]

_SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
_DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
_BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1}
_SPECIAL = {
    "bos_token_id": 0,
    "cls_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
    "sep_token_id": 2,
}
# Families by how they pool, where positions start and what they call things; True:
# taken packed.
FAMILIES = {
    "camembert": (
        True,
        {**_SMALL, "max_position_embeddings": 66, "type_vocab_size": 1},
    ),
    "electra": (True, {**_SMALL, "embedding_size": 8, "max_position_embeddings": 64}),
    "distilbert": (
        False,
        {
            "dim": 16,
            "n_layers": 2,
            "n_heads": 2,
            "hidden_dim": 32,
            "max_position_embeddings": 64,
        },
    ),
    "albert": (False, {**_SMALL, "embedding_size": 8, "max_position_embeddings": 64}),
    "mpnet": (False, {**_SMALL, "max_position_embeddings": 66}),
    "deberta-v2": (False, {**_SMALL, **_DEBERTA, "max_position_embeddings": 64}),
    "modernbert": (
        False,
        {**_SMALL, "max_position_embeddings": 64, "local_attention": 8, **_SPECIAL},
    ),
    "xlnet": (False, {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32}),
    "bart": (False, {**_BART, "max_position_embeddings": 64, "eos_token_id": 2}),
    "gpt2": (
        False,
        {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "pad_token_id": 1},
    ),
    "qwen2": (
        False,
        {
            **_SMALL,
            "num_key_value_heads": 1,
            "max_position_embeddings": 64,
            "pad_token_id": 1,
        },
    ),
}


def _family(folder: Path, kind: str, **changes) -> str:
    """A small checkpoint of a family, its weights spread so that logits differ."""
    tokenizer = tiny.unigram_tokenizer(64)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer),
        num_labels=3,
        **{**FAMILIES[kind][1], **changes},
    )
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _one_by_one(folder: str, texts=TEXTS, max_length=512) -> np.ndarray:
    """What the model's own forward gives for each text alone."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    # Tokenizer.json as it is, whatever the family.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    max_length = min(max_length, tokenizer.model_max_length)

    def row(text):
        return model(
            **tokenizer(
                text, truncation=True, max_length=max_length, return_tensors="pt"
            )
        ).logits

    with torch.inference_mode():
        return torch.cat([row(text) for text in texts]).numpy()


@pytest.fixture(scope="module", params=["roberta", "xlm_roberta", "bert", *FAMILIES])
def family(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param.replace("-", "_"))
    kind = request.param
    path = (
        _family(folder, kind) if kind in FAMILIES else str(getattr(tiny, kind)(folder))
    )
    return path, FAMILIES.get(kind, (True,))[0], _one_by_one(path)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    return str(
        tiny.roberta(tmp_path_factory.mktemp("roberta"), labels=["neutral", "toxic"])
    )


@pytest.mark.filterwarnings("ignore")
def test_equals_one_by_one(family):
    path, packed, expected = family
    classifier = Classifier(path, role="style", device="cpu")
    assert can_be_padding_free(classifier.network) == packed
    assert expected.std(axis=0).min() > 0.01
    np.testing.assert_allclose(
        classifier.score(TEXTS).values, expected, atol=2e-5, rtol=1e-5
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_no_score_depends_on_batch_size_or_order(family, dtype):
    path, _, _ = family
    classifier = Classifier(path, role="style", device="cpu", dtype=dtype)
    whole = classifier.score(TEXTS).values
    order = np.random.default_rng(0).permutation(len(TEXTS))
    for batch_size in (1, 2, 7, len(TEXTS)):
        classifier.batch_size = batch_size
        shuffled = classifier.score([TEXTS[i] for i in order]).values
        # bfloat16 rounds to 2^-8, so that a last bit of float32 shows as one of
        # bfloat16 here and there.
        np.testing.assert_allclose(
            shuffled, whole[order], atol=1e-5 if dtype == "float32" else 0.05, rtol=1e-5
        )


def test_gpt2_without_a_padding_token(tmp_path):
    path = _family(tmp_path, "gpt2", pad_token_id=None)
    np.testing.assert_allclose(
        Classifier(path, role="style").score(TEXTS).values, _one_by_one(path), atol=2e-5
    )


def test_decoders_of_packed_families_are_not_packed(tmp_path):
    path = _family(tmp_path, "electra", is_decoder=True)
    classifier = Classifier(path, role="style")
    assert not can_be_padding_free(classifier.network)
    np.testing.assert_allclose(
        classifier.score(TEXTS).values, _one_by_one(path), atol=2e-5
    )


def test_token_types_reach_the_model(tmp_path):
    path = str(tiny.bert(tmp_path))
    classifier = Classifier(path, role="style")
    columns, _ = classifier._encoder(["ab"])
    # Ids and types of [CLS] ab [SEP].
    assert [len(values) for values in columns[0]] == [3, 3]


def test_near_rows_are_float32(roberta):
    exact = Classifier(roberta, role="style").score(TEXTS).values
    classifier = Classifier(roberta, role="style", dtype="bfloat16")
    lower = classifier.score(TEXTS).values
    assert np.abs(lower - exact).max() > 1e-4
    asked = []

    def near(logits):
        asked.append(logits.copy())
        return np.arange(len(TEXTS)) % 2 == 1

    scored = classifier.score(TEXTS, is_borderline=near)
    mixed = scored.values
    np.testing.assert_array_equal(asked[0], lower)
    np.testing.assert_allclose(mixed[1::2], exact[1::2], atol=1e-5)
    np.testing.assert_array_equal(mixed[::2], lower[::2])
    assert scored.truncated == 1


def test_near_is_not_asked_in_float32(roberta):
    Classifier(roberta, role="style").score(
        ["a"], is_borderline=lambda logits: pytest.fail("asked")
    )


@pytest.mark.parametrize("kind", ["roberta", "distilbert"])
def test_half_precision_stays_close(tmp_path, kind):
    path = str(tiny.roberta(tmp_path)) if kind == "roberta" else _family(tmp_path, kind)
    exact = Classifier(path, role="style").score(TEXTS).values
    for dtype in ("bfloat16", "float16"):
        lower = Classifier(path, role="style", dtype=dtype).score(TEXTS).values
        assert lower.dtype == np.float32
        assert 0 < np.abs(lower - exact).max() < 0.3 * exact.std()


def test_truncation_is_that_of_transformers_and_counted(roberta):
    long = "a fool, b. " * 500
    classifier = Classifier(roberta, role="style", max_length=20)
    scored = classifier.score([long, "short", long])
    np.testing.assert_allclose(
        scored.values, _one_by_one(roberta, [long, "short", long], 20), atol=1e-5
    )
    assert scored.truncated == 1  # distinct texts
    assert classifier.score(["short"]).truncated == 0


def test_limits_come_from_tables_and_tokenizer(tmp_path, roberta):
    # 514 positions less the 2 that RoBERTa keeps for padding.
    assert Classifier(roberta, role="style", max_length=10_000).max_length == 512
    small = tiny.roberta(tmp_path / "small", positions=66)
    settings = small / "tokenizer_config.json"
    settings.write_text(
        settings.read_text().replace(
            '"model_max_length": 64', '"model_max_length": 99999'
        )
    )
    classifier = Classifier(str(small), role="style")
    assert classifier.max_length == 64
    assert classifier.score(["a fool " * 99]).values.shape == (1, 2)


def test_another_tokenizer(tmp_path, roberta):
    other = tiny.unigram_tokenizer(512)
    other.save_pretrained(tmp_path)
    classifier = Classifier(roberta, role="style", tokenizer=str(tmp_path))
    ids = other("You are a fool")["input_ids"]
    model = AutoModelForSequenceClassification.from_pretrained(roberta).eval()
    with torch.inference_mode():
        expected = model(torch.tensor([ids])).logits
    np.testing.assert_allclose(
        classifier.score(["You are a fool"]).values, expected, atol=1e-5
    )


def test_four_threads_share_one_classifier(roberta):
    classifier = Classifier(roberta, role="style", dtype="bfloat16")
    corpora = [TEXTS[i:] + TEXTS[:i] for i in range(4)]
    expected = [classifier.score(corpus).values for corpus in corpora]

    def work(i):
        return [classifier.score(corpora[i]).values for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    for results, values in zip(found, expected, strict=True):
        for result in results:
            np.testing.assert_allclose(result, values, atol=1e-4)


def test_labels(roberta, tmp_path):
    classifier = Classifier(roberta, role="style")
    assert classifier.labels == {0: "neutral", 1: "toxic"}
    assert (classifier.label_index("toxic"), classifier.label_index(0)) == (1, 0)
    assert classifier.multi_label is False
    for unknown in ("hate", 2, True):
        with pytest.raises(
            ValueError,
            match=(
                r"`style_label` must be a label of .*\{0: 'neutral', 1: 'toxic'\}; got"
            ),
        ):
            classifier.label_index(unknown)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_logits_that_are_not_finite_name_the_model_and_the_text(tmp_path, value):
    path = str(tiny.roberta(tmp_path))
    classifier = Classifier(path, role="fluency")
    with torch.no_grad():
        classifier.network.classifier.out_proj.bias.fill_(value)
    with pytest.raises(
        ValueError,
        match=r"the fluency model '.*' gave scores that are not finite: .* text 'one'",
    ):
        classifier.score(["one", "two"])


@pytest.mark.parametrize(
    "missing", ["/no/such/folder", "./no-such-folder", "~/no-such-folder", "a/b/c"]
)
def test_missing_folder(missing):
    with pytest.raises(
        ValueError, match="`style_model` must be .*; there is no folder"
    ):
        Classifier(missing, role="style")


def test_pickled_weights_are_refused(tmp_path, roberta):
    shutil.copytree(roberta, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").rename(
        tmp_path / "model" / "pytorch_model.bin"
    )
    with pytest.raises(
        ValueError,
        match=(
            r"`fluency_model`: .* must hold \*\.safetensors .* only pytorch_model.bin"
        ),
    ):
        Classifier(str(tmp_path / "model"), role="fluency")


def test_hub_model_out_of_reach(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        OSError,
        match=r"`style_model`: .*'no-such-org/no-such-model@v1', for style.*'embedded'",
    ):
        Classifier("no-such-org/no-such-model@v1", role="style")


@pytest.mark.parametrize(
    "option",
    [{"dtype": "half"}, {"device": "cuda:77"}, {"max_length": 0}],
    ids=["dtype", "device", "max_length"],
)
def test_options_are_checked(roberta, option):
    with pytest.raises(ValueError, match=f"`{next(iter(option))}` must be"):
        Classifier(roberta, role="style", **option)


def test_nothing_leaks_into_other_models(roberta):
    """The packed attention is registered under a name of its own; other models keep
    theirs.
    """
    before = _one_by_one(roberta)
    Classifier(roberta, role="style").score(TEXTS)
    np.testing.assert_array_equal(_one_by_one(roberta), before)
    assert (
        transformers.AutoConfig.from_pretrained(roberta)._attn_implementation
        != "packed"
    )
