"""Spelling, case and punctuation of chats: not an error where the source is written so, too."""

from __future__ import annotations

import random
import re

_SHORT = {
    "you": ["u", "ya"], "your": ["ur"], "you're": ["ur", "youre"], "are": ["r"], "please": ["pls", "plz"],
    "thanks": ["thx"], "people": ["ppl"], "because": ["cuz", "cos", "bc"], "going to": ["gonna"],
    "want to": ["wanna"], "got to": ["gotta"], "have to": ["hafta", "gotta"], "kind of": ["kinda"],
    "sort of": ["sorta"], "out of": ["outta"], "don't know": ["dunno"], "to": ["2"], "for": ["4"], "be": ["b"],
    "see": ["c"], "why": ["y"], "okay": ["ok", "k"], "tonight": ["2nite"], "tomorrow": ["tmrw", "2moro"],
    "today": ["2day"], "with": ["w/", "w"], "without": ["w/o"], "about": ["bout", "abt"], "them": ["em"],
    "though": ["tho"], "through": ["thru"], "really": ["rly"], "message": ["msg"], "right now": ["rn"],
    "i don't know": ["idk"], "oh my god": ["omg"], "to be honest": ["tbh"], "not": ["nt"], "what": ["wat", "wut"],
    "that": ["dat"], "the": ["da", "teh"], "this": ["dis"], "love": ["luv"], "good": ["gud"], "night": ["nite"],
    "let me": ["lemme"], "give me": ["gimme"], "isn't": ["aint"], "am not": ["aint"], "everyone": ["every1"],
    "someone": ["some1"], "no one": ["no1"], "before": ["b4"], "great": ["gr8"], "later": ["l8r"],
}  # fmt: skip
_PATTERN = re.compile(
    r"(?i)(?<![\w'])(" + "|".join(sorted(map(re.escape, _SHORT), key=len, reverse=True)) + r")(?![\w'])"
)
# Short forms that only the most careless writers use are rarer.
_RARE = frozenset(["to", "for", "be", "see", "not", "what", "that", "the", "this", "why", "are"])
_TAILS = ("", "", "", " lol", " lmao", "...", "!!", " :)", " smh", " tho", " haha", " 😂")


def chat_noise(rng: random.Random, sentence: str) -> str:
    """Write a sentence as in a chat: short forms, lower case, no apostrophes, loose punctuation.

    Args:
        rng: decides everything; equal states give equal texts.
        sentence: what is said.
    """
    rate = rng.choice([0.2, 0.5, 0.9])

    def shortened(match: re.Match[str]) -> str:
        word = match[0].lower()
        share = rate * 0.25 if word in _RARE else rate
        return rng.choice(_SHORT[word]) if rng.random() < share else match[0]

    text = _PATTERN.sub(shortened, sentence)
    if rng.random() < 0.7:
        text = text.lower()
    if rng.random() < 0.6:
        text = re.sub(r"(\w)\s?['’]\s?(\w)", r"\1\2", text)
    if rng.random() < 0.5:
        text = text.replace(",", "")
    if rng.random() < 0.6:
        text = text.rstrip(" .") or text
    return text + rng.choice(_TAILS)
