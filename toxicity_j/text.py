"""Text as the built-in models see it: one normalization, one way to token ids.

Lower-casing and accent stripping are the tokenizer's, not done here. The tables are in
`text_tables`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .text_pictures import PICTURE, REGIONAL, name_picture
from .text_tables import (
    BLANK,
    IDENTICAL,
    IGNORABLE,
    LOOKALIKES,
    NEGATIVE_LETTERS,
    SKIN_TONES,
    SMALL_CAPITALS,
    STRAIGHT,
)

__all__ = [
    "detokenize",
    "is_blank",
    "normalize",
    "tokenize",
    "truncate",
    "window_starts",
    "windows",
    "windows_of_all",
]

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Where one of these is, what is seen is not what is written.
_MARKUP = re.compile("[&<]|%20")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_INLINE_TAG = re.compile(
    r"</?(?:a|b|em|font|i|mark|s|small|span|strong|u)(?:\s+[\w-]+=[^<>]{0,200})?>",
    re.IGNORECASE,
)
_BLOCK_TAG = re.compile(
    r"</?(?:blockquote|br|div|h[1-6]|li|ol|p|pre|ul)(?:\s+[\w-]+=[^<>]{0,200})?\s?/?>",
    re.IGNORECASE,
)
_HASHTAG = re.compile(r"#\w+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OVERRIDDEN = re.compile("(?<!\\w)\u202e([^\u202c\r\n]*)\u202c?")

# Beyond ASCII, accented letters and typographic punctuation: what needs every step of
# `_fold`.
_UNCOMMON = re.compile(
    "[^\u0000-\u007f\u00a0-\u00ac\u00ae-\u00b1\u00b4\u00b6-\u00b8\u00ba\u00bb\u00bf-\u00d7\u00d9-\u00f7\u00f9-\u010f"
    "\u2010-\u2027\u2032\u2033\u20ac]"
)
_CURLY = re.compile(f"[{''.join(map(chr, STRAIGHT))}]")
_LETTERS = {**NEGATIVE_LETTERS, **REGIONAL, **SMALL_CAPITALS}
_IGNORED = re.compile(f"[{IGNORABLE}{SKIN_TONES}]")
_BLANKS = re.compile(f"[{BLANK}]")

_RAISED = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_LOWERED = re.compile("(?<=[0-9])(?=[\u2080-\u2089])")
_FRACTION_OR_CIRCLED = re.compile(
    "(?<=[0-9])(?=[\u00bc-\u00be\u2150-\u215f\u2189\u2460-\u249b\u24ea\u3251-\u32bf])"
)

_LOOKALIKE = re.compile(f"[{''.join(map(chr, LOOKALIKES))}]")
_ASCII_LETTER = re.compile("[A-Za-z]")
_MIXED_WORD = re.compile(r"[^\W_]*[A-Za-z][^\W_]*")
_CYRILLIC = re.compile("[\u0400-\u052f]+")
_OTHER_CYRILLIC = re.compile(f"(?![{IDENTICAL}])[\u0400-\u052f]")

# Letters, numbers and symbols
# (https://www.unicode.org/reports/tr44/#General_Category_Values).
_SEEN_CATEGORIES = ("L", "N", "S")
_SEEN_ASCII = re.compile(r"[A-Za-z0-9$+<=>^|~]")


def normalize(text: str) -> str:
    r"""Return one spelling for texts that look alike.

    Case stays; so do accents, text emoticons and misspelt words. The steps, in order:

    - HTML entities, simple tags and `%20` become what they show: `&#105;diot`;
    - text under a right-to-left override is read as displayed: `olleh` -> `hello`;
    - curly quotes, backticks, long dashes and arrows become `'`, `"`, `-`, `->`;
    - emoji and pictographs become their name, without skin tone:
      `hi 😀` -> `hi (grinning face)`; flags `(flag FR)`; letters in black squares the
      letter;
    - default-ignorable characters go: soft hyphens, joiners, direction marks, tags;
    - raised, lowered and circled digits stay apart: `10²` -> `10^2`, `1½` -> `1 1/2`;
    - full-width and mathematical letters and ligatures become what NFKC says;
    - look-alikes in Latin words become Latin letters: Cyrillic, Greek, Cherokee ...;
    - hashtags in camel case become words: `#GoHome` -> `#Go Home`;
    - control characters and white space become one space, and none at the ends.
    """
    if _MARKUP.search(text):
        text = _undo_markup(text)
    # Most texts are ASCII and need one step only.
    text = text.replace("`", "'") if text.isascii() else _fold(text)
    if "#" in text:
        text = _HASHTAG.sub(lambda hashtag: _CAMEL.sub(" ", hashtag[0]), text)
    if not text.isprintable():
        text = _BLANKS.sub(" ", text)
    return " ".join(text.split())


def is_blank(text: str) -> bool:
    """Return whether no letter, digit or symbol is seen; punctuation is blank."""
    if _SEEN_ASCII.search(text) and not _MARKUP.search(text):
        return False
    categories = map(unicodedata.category, normalize(text))
    return not any(category.startswith(_SEEN_CATEGORIES) for category in categories)


def tokenize(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    max_length: int | None = None,
    *,
    special_tokens: bool = True,
) -> list[list[int]]:
    """Return the token ids of each text, normalized.

    Args:
        tokenizer: one without truncation or padding of its own.
        texts: any texts; a blank one has no ids but the special tokens.
        max_length: most ids per text, the closing token kept; all ids when None.
        special_tokens: add those of the tokenizer.
    """
    normalized = list(map(normalize, texts))
    # "fast" does not compute the offsets of tokens, which nobody reads here.
    encoded = tokenizer.encode_batch_fast(normalized, add_special_tokens=special_tokens)
    ids = [encoding.ids for encoding in encoded]
    if max_length is None:
        return ids
    return [truncate(own, max_length) for own in ids]


def truncate(ids: list[int], max_length: int) -> list[int]:
    """Return the first `max_length` ids, of which the last stays the closing token."""
    if len(ids) <= max_length:
        return ids
    return [*ids[: max_length - 1], ids[-1]]


def detokenize(text: str) -> str:
    """Join punctuation to its word, in the order of the Krishna 2020 scripts."""
    for spaced in (" .", " ,", " !", " ?", " )", "( "):
        joined = spaced.strip()
        text = text.replace(spaced, joined)
    return text


def windows(ids: list[int], size: int, stride: int) -> list[list[int]]:
    """Return overlapping pieces of `ids` that together hold every id.

    Args:
        ids: token ids without special tokens.
        size: ids per piece, at least 1.
        stride: how far a piece starts behind the one before it, from 1 to `size`.

    Returns:
        `[ids]` where they fit in one piece; else pieces of exactly `size` ids, the last
        of which ends with `ids`.
    """
    return [
        ids[start : start + size] for start in window_starts(len(ids), size, stride)
    ]


def window_starts(length: int, size: int, stride: int) -> list[int]:
    """Return where the `windows` of `length` ids start."""
    last = max(length - size, 0)
    return [*range(0, last, stride), last]


def windows_of_all(
    ids: Sequence[list[int]], size: int, stride: int
) -> tuple[list[list[int]], list[int]]:
    """Return the windows of all texts, and the index of each window's text."""
    pieces: list[list[int]] = []
    owners: list[int] = []
    for index, own in enumerate(ids):
        found = windows(own, size, stride)
        pieces.extend(found)
        owners.extend([index] * len(found))
    return pieces, owners


def _undo_markup(text: str) -> str:
    """Decode entities, drop simple tags, decode percent-encoded spaces."""
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    text = _INLINE_TAG.sub("", text)
    text = _BLOCK_TAG.sub(" ", text)
    # A text with real spaces means its percent signs.
    if "%20" in text and len(text.split()) == 1:
        text = unquote(text)
    return text


def _fold(text: str) -> str:
    """Apply the steps that only texts beyond ASCII need."""
    if not _UNCOMMON.search(text):
        return _compose(_straighten(text))
    text = _OVERRIDDEN.sub(lambda overridden: overridden[1][::-1], text)
    text = _straighten(text)
    text = PICTURE.sub(name_picture, text)
    text = text.translate(_LETTERS)
    text = _IGNORED.sub("", text)
    text = _RAISED.sub(r"^\g<0>", text)
    text = _LOWERED.sub("_", text)
    text = _FRACTION_OR_CIRCLED.sub(" ", text)
    text = _BLANKS.sub(" ", text)
    text = _compose(text).replace("\u2044", "/")
    if _LOOKALIKE.search(text):
        return _fold_lookalikes(text)
    return text


def _compose(text: str) -> str:
    """Replace compatibility characters, and straighten what they leave."""
    return _straighten(unicodedata.normalize("NFKC", text))


def _straighten(text: str) -> str:
    """Replace quotes, dashes and arrows."""
    # Few characters match, so this is much quicker than `str.translate`.
    return _CURLY.sub(_straight, text)


def _straight(curly: re.Match[str]) -> str:
    return STRAIGHT[ord(curly[0])]


def _fold_lookalikes(text: str) -> str:
    """Replace letters that look Latin in words that are disguised by them.

    A text with any Cyrillic letter of its own shape is taken to hold real Cyrillic
    words, which stay.
    """
    # A text without Latin letters has nothing to be disguised among.
    if not _ASCII_LETTER.search(text):
        return text
    text = _MIXED_WORD.sub(_latin, text)
    if not _OTHER_CYRILLIC.search(text):
        text = _CYRILLIC.sub(_latin, text)
    return unicodedata.normalize("NFC", text)


def _latin(word: re.Match[str]) -> str:
    return word[0].translate(LOOKALIKES)
