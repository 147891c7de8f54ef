"""Text as the built-in models see it: one normalisation, one way from text to token ids.

Lower-casing and accent stripping are the tokenizer's, not done here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Curly and low quotes, primes and accents used as apostrophes, long dashes, the ellipsis is NFKC's.
_STRAIGHT = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    }
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015", "-")
)
# Control and format characters (zero-width, direction marks, byte order mark), and lone surrogates.
_INVISIBLE = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_SPACES = re.compile(r"\s+")
# Longest word in characters that a token of the text may stand for; longer texts are cut before they are tokenised.
_CHARACTERS_PER_TOKEN = 40


def normalise(text: str) -> str:
    """One spelling for texts that look alike.

    NFKC; curly quotes and long dashes made straight; zero-width and control characters made spaces; white space
    collapsed and stripped. Case stays.
    """
    if text.isascii():
        text = _INVISIBLE.sub(" ", text).replace("`", "'")
    else:
        text = unicodedata.normalize("NFKC", text.translate(_STRAIGHT)).translate(_STRAIGHT)
        text = _INVISIBLE.sub(" ", text)
    return _SPACES.sub(" ", text).strip()


def is_blank(text: str) -> bool:
    """Whether nothing visible is left of `text` after normalisation."""
    return not normalise(text)


def tokenise(tokenizer: Tokenizer, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, normalised, with the tokenizer's special tokens.

    Args:
        tokenizer: one without truncation or padding of its own.
        texts: any texts; a blank one gives the special tokens alone.
        max_length: most ids of a text, special tokens included; the last id (the closing token) is kept.
    """
    clipped = [normalise(text)[: max_length * _CHARACTERS_PER_TOKEN] for text in texts]
    return [truncate(encoding.ids, max_length) for encoding in tokenizer.encode_batch(clipped)]


def truncate(ids: list[int], max_length: int) -> list[int]:
    """The first `max_length` ids, of which the last stays the closing token."""
    return ids if len(ids) <= max_length else [*ids[: max_length - 1], ids[-1]]
