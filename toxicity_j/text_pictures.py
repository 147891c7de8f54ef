"""Emoji, pictographs and flags as the words by which readers call them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .text_tables import ANIMALS, DRAWN, EMOJI_NAMES, PICTURES, SKIN_TONES

__all__ = ["PICTURE", "REGIONAL", "name_picture"]

_ONE_PICTURE = f"[{PICTURES}][\ufe0e\ufe0f]?[{SKIN_TONES}]?\ufe0f?"
PICTURE = re.compile(
    "(?:(?P<flag>[\U0001f1e6-\U0001f1ff]{2})"
    "|\U0001f3f4(?P<region>[\U000e0030-\U000e007a]+)\U000e007f"
    f"|(?P<pictures>{_ONE_PICTURE}(?:\u200d{_ONE_PICTURE})*))(?P<joined>(?=\\w))?"
)
REGIONAL = {0x1F1E6 + index: chr(ord("A") + index) for index in range(26)}
_TAG_OFFSET = 0xE0000
_JOINER = "\u200d"


def name_picture(match: re.Match[str]) -> str:
    """Return the name of a picture or flag in parentheses, an aside."""
    if match["flag"]:
        name = "flag " + match["flag"].translate(REGIONAL)
    elif match["region"]:
        letters = [chr(ord(tag) - _TAG_OFFSET) for tag in match["region"]]
        name = "flag " + "".join(letters)
    else:
        parts = match["pictures"].split(_JOINER)
        names = [_picture_name(part[0]) for part in parts]
        name = " ".join(names)
    # A space keeps the name apart from a word that follows at once.
    if match["joined"] is None:
        return f" ({name})"
    return f" ({name}) "


@lru_cache(maxsize=4096)
def _picture_name(picture: str) -> str:
    """Return what readers call one emoji, in lower case."""
    # "picture" stands for one that this Python's Unicode tables do not know yet.
    # Unicode's own names are not always what people call the picture.
    if picture in EMOJI_NAMES:
        return EMOJI_NAMES[picture]
    name = unicodedata.name(picture, "picture").lower()
    code = ord(picture)
    if any(code in animals for animals in ANIMALS):
        name = name.removesuffix(" face")
    if code < 0x1F300:
        kept = [word for word in name.split() if word not in DRAWN]
        name = " ".join(kept) or name
    return name.removesuffix(" sign").removesuffix(" symbol")
