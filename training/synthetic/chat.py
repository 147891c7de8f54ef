"""Spelling, case and punctuation of chats: not an error where the source is written so,
too.
"""

from __future__ import annotations

import re
from random import Random

__all__ = ["chat_noise"]

_SHORT = {
    "you": ["u", "ya"], "your": ["ur"], "you're": ["ur", "youre"], "are": ["r"],
    "please": ["pls", "plz"],
    "thanks": ["thx"], "people": ["ppl"], "because": ["cuz", "cos", "bc"],
    "going to": ["gonna"],
    "want to": ["wanna"], "got to": ["gotta"], "have to": ["hafta", "gotta"],
    "kind of": ["kinda"],
    "sort of": ["sorta"], "out of": ["outta"], "don't know": ["dunno"], "to": ["2"],
    "for": ["4"], "be": ["b"],
    "see": ["c"], "why": ["y"], "okay": ["ok", "k"], "tonight": ["2nite"],
    "tomorrow": ["tmrw", "2moro"],
    "today": ["2day"], "with": ["w/", "w"], "without": ["w/o"], "about": ["bout",
    "abt"], "them": ["em"],
    "though": ["tho"], "through": ["thru"], "really": ["rly"], "message": ["msg"],
    "right now": ["rn"],
    "i don't know": ["idk"], "oh my god": ["omg"], "to be honest": ["tbh"],
    "not": ["nt"], "what": ["wat", "wut"],
    "that": ["dat"], "the": ["da", "teh"], "this": ["dis"], "love": ["luv"],
    "good": ["gud"], "night": ["nite"],
    "let me": ["lemme"], "give me": ["gimme"], "isn't": ["aint"], "am not": ["aint"],
    "everyone": ["every1"],
    "someone": ["some1"], "no one": ["no1"], "before": ["b4"], "great": ["gr8"],
    "later": ["l8r"],
}  # fmt: skip
_LONGEST_FIRST = sorted(map(re.escape, _SHORT), key=len, reverse=True)
_ANY_OF_THEM = "|".join(_LONGEST_FIRST)
_PATTERN = re.compile(rf"(?i)(?<![\w'])({_ANY_OF_THEM})(?![\w'])")
# Short forms that only the most careless writers use are rarer.
_RARE = frozenset(
    ["to", "for", "be", "see", "not", "what", "that", "the", "this", "why", "are"]
)
_RARITY = 0.25
_TAILS = (
    "",
    "",
    "",
    " lol",
    " lmao",
    "...",
    "!!",
    " :)",
    " smh",
    " tho",
    " haha",
    " 😂",
)
_APOSTROPHE = re.compile(r"(\w)\s?['’]\s?(\w)")


def _without_apostrophes(text: str) -> str:
    return _APOSTROPHE.sub(r"\1\2", text)


def _without_commas(text: str) -> str:
    return text.replace(",", "")


def _without_stop(text: str) -> str:
    return text.rstrip(" .") or text


# Share of sentences that are written so, in the order in which this is done.
_HABITS = (
    (0.7, str.lower),
    (0.6, _without_apostrophes),
    (0.5, _without_commas),
    (0.6, _without_stop),
)


def chat_noise(rng: Random, sentence: str) -> str:
    """Write a sentence as in a chat: short forms, lower case, no apostrophes, loose
    punctuation.

    Args:
        rng: decides everything; equal states give equal texts.
        sentence: what is said.
    """
    rate = rng.choice([0.2, 0.5, 0.9])

    def shortened(match: re.Match[str]) -> str:
        word = match[0].lower()
        share = rate
        if word in _RARE:
            share *= _RARITY
        if rng.random() < share:
            return rng.choice(_SHORT[word])
        return match[0]

    text = _PATTERN.sub(shortened, sentence)
    for share, change in _HABITS:
        if rng.random() < share:
            text = change(text)
    return text + rng.choice(_TAILS)
