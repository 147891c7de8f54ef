"""Token ids against the SentencePiece library and the tokenizers' own files; truncation
against transformers.
"""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest

from tests import tiny
from toxicity_j.checkpoints import ModelRef
from toxicity_j.model_classifier import Classifier
from toxicity_j.model_xcomet import Xcomet
from toxicity_j.tokenization import TextEncoder, load_tokenizer

# Written for this test: full-width punctuation, CJK, Arabic (with presentation forms),
# Cyrillic.
TRAINING = [
    "讨厌，你太极端了！ 你好，世界。",
    "これはひどい！やめてください、お願いします。",
    "هذا المقال سيئ جدا، أرجوك توقف؟",
    "You are mistaken, and everybody knows it; please stop!",
    "Он неправ, честно говоря.",
    "line one line two (really)?",
]
TEXTS = [
    *TRAINING,
    "讨厌，你！",
    "全角！？（）：；「」～",
    "ＡＢＣ１２３",
    "ﷺ ﻻ ﺳﻼﻡ",
    "  spaces at  the edges ",
    "\u3000wide space\u3000",
    "tab\there\nand a line",
    "zero\u200bwidth \u200b",
    "no-break\u00a0space\u00a0",
    "½ ² ﬁ",
    "🙂 unknown",
    "a",
    " ",
    "",
]


def sentencepiece_folder(folder: Path, kind: str) -> Path:
    """Write a configuration and a SentencePiece file alone, as
    microsoft/mdeberta-v3-base and xlm-roberta-base do.
    """
    import sentencepiece
    from transformers import DebertaV2Config, XLMRobertaConfig

    folder.mkdir()
    deberta = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
    deberta |= {
        "pad_piece": "[PAD]",
        "bos_piece": "[CLS]",
        "eos_piece": "[SEP]",
        "unk_piece": "[UNK]",
    }
    name, special = ("spm", deberta) if kind == "deberta" else ("sentencepiece.bpe", {})
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINING * 3),
        model_prefix=str(folder / name),
        vocab_size=190,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
        **special,
    )
    config = DebertaV2Config if kind == "deberta" else XLMRobertaConfig
    config(vocab_size=300).save_pretrained(folder)
    return folder


def expected_ids(folder: Path, kind: str, text: str) -> list[int]:
    """The library's own ids. XLM-R moves them by one: fairseq has <pad> at 1, and <unk>
    at 3.
    """
    from sentencepiece import SentencePieceProcessor

    ids = SentencePieceProcessor(model_file=str(next(folder.glob("*.model")))).encode(
        text
    )
    if kind == "deberta":
        return [1, *ids, 2]
    return [0, *(index + 1 if index else 3 for index in ids), 2]


@pytest.mark.parametrize("kind", ["deberta", "xlm_roberta"])
def test_ids_are_those_of_the_sentencepiece_library(tmp_path, kind):
    folder = sentencepiece_folder(tmp_path / kind, kind)
    encoder = TextEncoder(
        load_tokenizer(ModelRef.parse(str(folder), "x"), "style", "x"), 512
    )
    found = {text: encoder([text])[0][0][0] for text in TEXTS}
    assert found == {text: expected_ids(folder, kind, text) for text in TEXTS}
    unknown = 3
    # what the file's character map is for: full-width punctuation is that of ASCII,
    # which the training texts hold
    assert unknown not in found["讨厌，你太极端了！ 你好，世界。"]


@pytest.mark.parametrize("kind", ["deberta", "xlm_roberta"])
def test_a_written_tokenizer_is_read_as_it_is(tmp_path, kind):
    """`tokenizer.json` with a normalizer that transformers' class for this family does
    not know.
    """
    from tokenizers import Tokenizer
    from transformers import DebertaV2Config, XLMRobertaConfig

    tokenizer = tiny.unigram_tokenizer(512)
    tokenizer.save_pretrained(tmp_path)
    backend = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    from tokenizers import normalizers

    backend.normalizer = normalizers.Sequence(
        [normalizers.Replace("！", "!"), normalizers.Strip()]
    )
    backend.save(str(tmp_path / "tokenizer.json"))
    (DebertaV2Config if kind == "deberta" else XLMRobertaConfig)(
        vocab_size=300
    ).save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "%s"}'
        % ("DebertaV2Tokenizer" if kind == "deberta" else "XLMRobertaTokenizer")
    )
    encoder = TextEncoder(
        load_tokenizer(ModelRef.parse(str(tmp_path), "x"), "style", "x"), 512
    )
    for text in (
        "a fool！",
        "  edge ",
        "You are a silly fool , and everybody knows it .",
    ):
        ids = encoder([text])[0][0][0]
        assert ids == backend.encode(text).ids


def test_xcomet_of_a_sentencepiece_file_alone(checkpoints, tmp_path):
    import shutil

    folder = Path(shutil.copytree(checkpoints("xcomet"), tmp_path / "xcomet"))
    for path in (folder / "encoder").glob("*token*"):
        path.unlink()
    pieces = sentencepiece_folder(tmp_path / "pieces", "deberta") / "spm.model"
    shutil.copy(pieces, folder / "encoder")
    model = Xcomet(str(folder), device="cpu")
    assert model._encode([("讨厌！", "讨厌，", None)])[0][0][0] == expected_ids(
        pieces.parent, "deberta", "讨厌！"
    )


def test_a_sentencepiece_file_without_its_library_names_the_extra(
    tmp_path, monkeypatch
):
    folder = sentencepiece_folder(tmp_path / "deberta", "deberta")
    imported = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("sentencepiece"):
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ImportError,
        match=r"sentencepiece and protobuf: pip install '.\[xcomet\]'",
    ):
        load_tokenizer(ModelRef.parse(str(folder), "x"), "style", "x")


# --- Special tokens spelled out


def test_special_tokens_are_spelled_out_where_fairseq_is_followed(checkpoints):
    folder = checkpoints("roberta", "fairseq")
    as_transformers = Classifier(folder, role="fluency", device="cpu")
    as_fairseq = Classifier(folder, role="fluency", device="cpu", truncate_raw=True)
    special = {0, 1, 2, 3, 4}  # <s> <pad> </s> <unk> <mask>
    for text in ("a <unk> b", "<pad>", "<s> x </s>", "<mask>"):
        inside = as_transformers._encoder([text])[0][0][0][1:-1]
        spelled = as_fairseq._encoder([text])[0][0][0][1:-1]
        assert special & set(inside)
        assert not special & set(spelled)
        assert as_fairseq._encoder.tokenizer.decode(spelled).strip() == text


# --- Truncation


@pytest.mark.parametrize("kind", ["roberta", "bert", "xlm_roberta"])
def test_truncation_is_that_of_transformers(checkpoints, kind):
    from transformers import AutoTokenizer

    folder = checkpoints(kind)
    reference = AutoTokenizer.from_pretrained(folder)
    encoder = TextEncoder(load_tokenizer(ModelRef.parse(folder, "x"), "style", "x"), 9)
    texts = ["a fool " * 9, "a", "you are " * 3]
    pairs = [("a fool " * 9, "a"), ("a", "b"), ("a", "you are " * 9)]
    for items, columns in (
        (texts, [texts]),
        (pairs, [list(side) for side in zip(*pairs, strict=True)]),
    ):
        found, truncated = encoder(items)
        whole = reference(*columns)["input_ids"]
        expected = reference(*columns, truncation=True, max_length=9)
        assert [item[0] for item in found] == expected["input_ids"]
        if "token_type_ids" in expected:
            assert [item[1] for item in found] == expected["token_type_ids"]
        assert truncated == [len(ids) > 9 for ids in whole]


def test_raw_truncation_loses_the_closing_token(checkpoints):
    tokenizer = load_tokenizer(
        ModelRef.parse(checkpoints("roberta"), "x"), "style", "x"
    )
    whole = TextEncoder(tokenizer, 10_000)(["a fool " * 9])[0][0][0]
    found, truncated = TextEncoder(tokenizer, 9, truncate_raw=True)(
        ["a fool " * 9, "a"]
    )
    assert found[0][0] == whole[:9]
    assert truncated == [True, False]


def test_a_tokenizer_in_python_truncates_alike():
    class Slow:
        """One token per word, between 0 and 9."""

        is_fast = False
        split_special_tokens = False
        model_input_names = ("input_ids",)

        def __call__(self, *columns, truncation=False, max_length=None, verbose=True):
            rows = [
                [0, *(len(word) for word in text.split()), 9] for text in columns[0]
            ]
            if truncation:
                rows = [
                    row if len(row) <= max_length else [*row[: max_length - 1], 9]
                    for row in rows
                ]
            return {"input_ids": rows}

    # "a bb ccc dddd" is 0 1 2 3 4 9; of four tokens 0 1 2 9
    assert TextEncoder(Slow(), 4)(["a bb ccc dddd", "a"]) == (
        [[[0, 1, 2, 9]], [[0, 1, 9]]],
        [True, False],
    )
    assert TextEncoder(Slow(), 4, truncate_raw=True)(["a bb ccc dddd"]) == (
        [[[0, 1, 2, 3]]],
        [True],
    )
