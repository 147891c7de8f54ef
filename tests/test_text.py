"""Normalisation and tokenisation for the built-in models."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from toxicity_j.text import is_blank, normalise, tokenise, truncate


@pytest.fixture
def tokenizer():
    """Words a, b, c as 3, 4, 5 between [CLS] 0 and [SEP] 1; anything else is [UNK] 2."""
    made = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "a": 3, "b": 4, "c": 5}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("you \u201cfool\u201d, don\u2019t", 'you "fool", don\'t'),
        ("don`t", "don't"),
        ("caf\u00e9 `x`", "caf\u00e9 'x'"),
        ("a\u200bb\ufeff", "a b"),
        ("  a\t\r\n b\x00c ", "a b c"),
        ("\uff46\uff55\uff4c\uff4c width", "full width"),
        ("wait \u2014 what", "wait - what"),
        ("so\u2026", "so..."),
        ("Case Stays", "Case Stays"),
        ("", ""),
        ("\U0001f642 \u4f60\u597d", "\U0001f642 \u4f60\u597d"),
    ],
)
def test_normalise(text, expected):
    assert normalise(text) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b\u00a0", "\x00"])
def test_blank(text):
    assert is_blank(text)


def test_not_blank():
    assert not is_blank(".")


def test_tokenise_keeps_the_closing_token(tokenizer):
    # a b c is [CLS] a b c [SEP] = 0 3 4 5 1; four tokens of it are 0 3 4 and the closing 1.
    assert tokenise(tokenizer, ["a b c", "a", ""], 4) == [[0, 3, 4, 1], [0, 3, 1], [0, 1]]
    assert tokenise(tokenizer, ["a b c"], 5) == [[0, 3, 4, 5, 1]]


def test_tokenise_normalises(tokenizer):
    assert tokenise(tokenizer, ["a\u200b\u00a0b"], 9) == [[0, 3, 4, 1]]


def test_a_very_long_text_is_cut(tokenizer):
    assert tokenise(tokenizer, ["a " * 500_000], 8) == [[0, 3, 3, 3, 3, 3, 3, 1]]


def test_truncate():
    assert truncate([0, 1, 2, 3], 4) == [0, 1, 2, 3]
    assert truncate([0, 1, 2, 3], 3) == [0, 1, 3]
