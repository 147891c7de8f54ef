"""Normalization and tokenization for the built-in models."""

from __future__ import annotations

import unicodedata

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from toxicity_j.text import is_blank, normalize, tokenize, truncate, windows
from toxicity_j.text_tables import EMOJI_NAMES


@pytest.fixture
def tokenizer():
    """Words a, b, c as 3, 4, 5 between [CLS] 0 and [SEP] 1; anything else is [UNK]
    2.
    """
    made = Tokenizer(
        models.WordLevel(
            {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "a": 3, "b": 4, "c": 5},
            unk_token="[UNK]",
        )
    )
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
        ("wait \u2192 go", "wait -> go"),
        ("  a\t\r\n b\x00c ", "a b c"),
        ("\uff46\uff55\uff4c\uff4c width", "full width"),
        ("wait \u2014 what", "wait - what"),
        ("so\u2026", "so..."),
        ("Case Stays", "Case Stays"),
        ("", ""),
        ("\u4f60\u597d", "\u4f60\u597d"),
    ],
)
def test_normalize(text, expected):
    assert normalize(text) == expected
    assert normalize(expected) == expected


# One of each kind: soft hyphen, combining grapheme joiner, Arabic letter mark,
# Mongolian vowel separator, joiners, direction marks and embeddings, word joiner,
# variation selectors, Hangul filler, byte order mark, a tag.
INVISIBLE = [
    *"\u00ad\u034f\u061c\u180e\u200c\u200d\u200e\u200f\u202a\u202c\u202d\u202e\u2060\u2063\u206a\ufe00\ufe0f\u3164\ufeff",
    "\U000e0061",
    "\U000e0100",
]


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_default_ignorable_characters_are_deleted(character):
    assert (
        normalize(f"The mee{character}ting is to{character}morrow.")
        == "The meeting is tomorrow."
    )
    assert normalize(f"caf{character}\u00e9{character}") == "caf\u00e9"
    assert is_blank(character * 3)


def test_characters_in_other_notations_are_not_deleted():
    # A zero-width space is a word boundary, controls are separators, and "e" + acute is
    # one letter.
    assert normalize("to\u200bmorrow") == "to morrow"
    assert normalize("You\x00are") == "You are"
    assert normalize("cafe\u034f\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10\u00b2", "10^2"),
        ("x\u00b2\u2075", "x^25"),
        ("10\u2082", "10_2"),
        ("CO\u2082", "CO2"),
        ("1\u00bd cups", "1 1/2 cups"),
        ("1\u2460", "1 1"),
        ("Acme\u2122", "Acme TM"),
        ("\uff11\uff10", "10"),
        ("\U0001d7cf\U0001d7ce", "10"),
    ],
)
def test_digits_keep_their_value(text, expected):
    assert normalize(text) == expected
    assert normalize(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good luck \U0001f340!", "Good luck (four leaf clover)!"),
        ("\U0001f382\U0001f389 day", "(birthday cake) (party popper) day"),
        ("\U0001f595\U0001f3ff", "(middle finger)"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "(man woman girl)"),
        ("\U0001f937\u200d\u2642\ufe0f", "(shrug man)"),
        ("\u2764\ufe0f", "(red heart)"),
        ("\U0001f1eb\U0001f1f7", "(flag FR)"),
        (
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "(flag gbeng)",
        ),
        ("1\ufe0f\u20e30\ufe0f\u20e3", "10"),
        ("\U0001fae8", "(shaking face)"),
        ("\u2606\u2606", "(star) (star)"),
        ("fine :-) <3 ^_^", "fine :-) <3 ^_^"),
    ],
)
def test_emoji_are_named(text, expected):
    assert normalize(text) == expected
    assert not is_blank(text)
    assert normalize(expected) == expected


def test_each_emoji_of_unicode_has_a_name_in_plain_words():
    for code in [
        *range(0x2600, 0x275B),
        *range(0x1F300, 0x1F3FB),
        *range(0x1F400, 0x1FB00),
    ]:
        if unicodedata.name(chr(code), ""):
            named = normalize(chr(code))
            assert named.isascii(), hex(code)
            assert named[0] + named[-1] == "()", hex(code)
    assert all(len(key) == 1 and name.isascii() for key, name in EMOJI_NAMES.items())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a d\u0430\u0444t day", "a da\u0444t day"),
        ("\u0430 gr\u0435\u0430t d\u0430y", "a great day"),
        ("\u03c1lease wait", "please wait"),
        ("\u0131 \u1d00\u1d0d \u029c\u1d07\u0280\u1d07", "\u0131 am here"),
        ("\U0001f177\U0001f174\U0001f17b\U0001f17f", "HELP"),
        ("\u217bow", "xiiow"),
        # Real Cyrillic and Greek words stay, beside Latin ones too.
        (
            "\u043f\u0440\u0438\u0432\u0435\u0442, Anna, \u043e\u043d \u0430",
            "\u043f\u0440\u0438\u0432\u0435\u0442, Anna, \u043e\u043d \u0430",
        ),
        ("\u0441\u043e\u0440", "\u0441\u043e\u0440"),
        ("\u03b1-helix", "\u03b1-helix"),
    ],
)
def test_lookalikes_in_latin_words_are_folded(text, expected):
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#GoHomeNow please", "#Go Home Now please"),
        ("#ISaidNo #NASARocks", "#I Said No #NASA Rocks"),
        ("#gohome JavaScript C#", "#gohome JavaScript C#"),
        ("so&nbsp;&#110;ice &amp; &lt;3", "so nice & <3"),
        ("<p>so <b>ni</b>ce</p><br/>x", "so nice x"),
        ("if a <b and c> d: List<String>", "if a <b and c> d: List<String>"),
        ("so%20nice", "so nice"),
        ("100%20 off", "100%20 off"),
        ("\u202e.uoy knaht\u202c Bob", "thank you. Bob"),
    ],
)
def test_what_a_reader_sees(text, expected):
    assert normalize(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t",
        "\u200b\u00a0",
        "\x00",
        ".",
        "-",
        "?!",
        "\u2026",
        "\u2800",
        "\u0301",
        "<p></p>",
        "&nbsp;",
        "%20",
        "%20%20...",
        "\ue000",
    ],
)
def test_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "7",
        "$",
        "100%20",
        "%20 off",
        "%20a",
        "\u00e9",
        "\u4f60",
        "\U0001f642",
        "\u20ac",
        "+1.",
        "<3",
        "\u0663",
    ],
)
def test_not_blank(text):
    assert not is_blank(text)


def test_tokenize_keeps_the_closing_token(tokenizer):
    # a b c is [CLS] a b c [SEP] = 0 3 4 5 1; four tokens of it are 0 3 4 and the
    # closing 1.
    assert tokenize(tokenizer, ["a b c", "a", ""], 4) == [
        [0, 3, 4, 1],
        [0, 3, 1],
        [0, 1],
    ]
    assert tokenize(tokenizer, ["a b c"], 5) == [[0, 3, 4, 5, 1]]


def test_tokenize_normalizes(tokenizer):
    assert tokenize(tokenizer, ["a\u200b\u00a0b"], 9) == [[0, 3, 4, 1]]


def test_a_very_long_text_is_cut(tokenizer):
    assert tokenize(tokenizer, ["a " * 500_000], 8) == [[0, 3, 3, 3, 3, 3, 3, 1]]


def test_truncate():
    assert truncate([0, 1, 2, 3], 4) == [0, 1, 2, 3]
    assert truncate([0, 1, 2, 3], 3) == [0, 1, 3]


def test_windows_hold_every_id():
    # Pieces of 4 that start 3 apart: 0, 3, and the last one where 4 ids are left, at 5.
    assert windows(list(range(9)), 4, 3) == [[0, 1, 2, 3], [3, 4, 5, 6], [5, 6, 7, 8]]
    assert windows([1, 2, 3, 4], 4, 2) == [[1, 2, 3, 4]]
    assert windows([], 4, 2) == [[]]
    for length in range(30):
        pieces = windows(list(range(length)), 5, 3)
        assert {i for piece in pieces for i in piece} == set(range(length))
        assert all(len(piece) == min(length, 5) for piece in pieces)
