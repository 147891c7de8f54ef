"""Edits of a sentence by rule that change what it says; see `edits`."""

from __future__ import annotations

import re
from random import Random

from training.synthetic import spelling
from training.synthetic.lexicon import FUNCTION_WORDS, content_places
from training.synthetic.word_edits import ending
from training.synthetic.word_tables import Edited, Rule, by_table, replaced

__all__ = ["CHANGES"]

_NUMBER = re.compile(r"\b\d+(?:[.,]\d+)?\b")
_CLAUSE = re.compile(
    r"(?i)(?:\s*[,;:]|\s+-)?\s+(?:and|but|because|so|if|when|while|although|or|which|who|that)\s+|[.;!?]\s+"
)
_NEGATABLE = re.compile(
    r"(?i)\b(is|are|was|were|am|can|could|will|would|should|must|does|did|has|have|had|do)\b(?!\s+(?:not|n't|n"
    r" 't))"
)
_NEGATION = re.compile(r"(?i)\s*\b(?:not|never)\b|n['’ ]*t\b|\s+n\s*['’]\s*t\b")
_RAW_VERB = re.compile(
    r"(?i)\b(i|you|we|they)\s+(?=(?:want|need|like|love|hate|know|think|see|get|have|go|say|make|care)\b)"
)
_QUESTION = re.compile(
    r"(?i)(is|are|was|were|can|could|will|should|does|did|do)\s+(\w+)\s+(.+?)\s*\?$"
)
_STATEMENT = re.compile(
    r"(?i)(\w+)\s+(is|are|was|were|can|could|will|should)\s+(.+?)\s*[.!]*$"
)
# "amn't", "cann't" and "willn't" are not words.
_NEVER_SHORT = frozenset(["am", "can", "will"])
_NAMES = (
    "Anna", "Karim", "Lucy", "Pedro", "Nadia", "Walter", "Mia", "Johan", "Rosa",
    "Malik", "Texas", "Norway", "Paris", "Hillary", "Donald", "Merkel", "Bush",
    "Trudeau", "Putin", "Smith", "Garcia", "Nguyen", "Ivanov", "Okafor", "Tanaka",
    "Kumar", "Cohen", "Muller", "Rossi", "Clara", "Edgar", "Freya", "Gloria",
    "Hassan", "Ivy", "Jerome", "Kayla", "Liam", "Monica", "Noah", "Otto", "Paula",
    "Ralph", "Simone", "Toby", "Ursula", "Victor", "Wendy", "Xin", "Yasmin", "Zara",
    "London", "Berlin", "Moscow", "Tokyo", "Chicago", "Ohio", "Nevada", "Alaska",
    "Canada", "France", "Germany", "Greece", "Egypt", "Sudan", "Chile", "Cuba",
    "Korea", "Europe", "Africa", "Asia", "Google", "Apple", "Toyota", "Amazon",
    "Walmart", "Harvard", "Yale", "NASA", "Christmas", "Easter", "Monday", "Friday",
    "Republicans", "Democrats", "Muslims", "Christians", "Catholics", "Jews",
    "Americans", "Russians", "Mexicans", "Canadians",
)  # fmt: skip
_LEADS_CHANGED = (
    "it is not true that", "nobody thinks that", "i doubt that", "is it true that",
    "he never said that",
    "i used to think that", "suppose that", "it would be bad if",
    "only a fool would say that", "some people wonder if",
)  # fmt: skip
_PRAISE = (
    "wonderful",
    "great",
    "nice",
    "lovely",
    "brilliant",
    "good",
    "kind",
    "fantastic",
    "sweet",
)
_ANSWERS = (
    "i can't help with that.",
    "okay.",
    "thank you.",
    "n/a",
    "no.",
    "i don't know.",
    "here is the rewrite:",
)


def _number(text: str, rng: Random) -> Edited:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    digits = list(match[0])
    places = [place for place, char in enumerate(digits) if char.isdigit()]
    place = rng.choice(places)
    others = "123456789".replace(digits[place], "")
    digits[place] = rng.choice(others)
    return replaced(text, match, "".join(digits)), 0.2


def _negate(text: str, rng: Random) -> Edited:
    negations = list(_NEGATION.finditer(text))
    if negations and rng.random() < 0.7:
        match = rng.choice(negations)
        return replaced(text, match, ""), 0.08
    auxiliaries = list(_NEGATABLE.finditer(text))
    if auxiliaries:
        match = rng.choice(auxiliaries)
        denial = " not"
        is_short = rng.random() < 0.3
        if is_short and match[1].lower() not in _NEVER_SHORT:
            denial = "n't"
        return replaced(text, match, match[0] + denial), 0.1
    verbs = list(_RAW_VERB.finditer(text))
    if not verbs:
        return None
    match = rng.choice(verbs)
    denial = rng.choice(["don't ", "do not ", "never "])
    return replaced(text, match, match[0] + denial), 0.1


def _is_name(word: str) -> bool:
    is_capitalized = word[:1].isupper() and word[1:].islower()
    return is_capitalized and spelling.bare(word) not in FUNCTION_WORDS


def _name(text: str, rng: Random) -> Edited:
    words = text.split()
    # The first word of a sentence has a capital anyway.
    places = [place for place, word in enumerate(words) if place and _is_name(word)]
    if not places:
        return None
    place = rng.choice(places)
    name = rng.choice(_NAMES)
    words[place] = name + ending(words[place])
    return " ".join(words), 0.22


def _halve(text: str, rng: Random) -> Edited:
    # Both sides must have a few words.
    inner = range(4, len(text) - 8)
    found = [match for match in _CLAUSE.finditer(text) if match.start() in inner]
    if not found:
        return None
    match = rng.choice(found)
    kept = text[match.end() :]
    if rng.random() < 0.5:
        kept = text[: match.start()]
    share = len(kept) / len(text)
    if share > 0.8 or len(kept.split()) < 2:
        return None
    return kept, 0.08 + 0.45 * share


def _replace_content(text: str, rng: Random) -> Edited:
    words = text.split()
    places = content_places(words)
    if len(places) < 2:
        return None
    one, two = rng.sample(places, 2)
    words[one], words[two] = words[two], words[one]
    return " ".join(words), 0.25


def _delete_content(text: str, rng: Random) -> Edited:
    words = text.split()
    places = content_places(words)
    if len(places) < 3:
        return None
    count = rng.choice([1, 1, 2, 3])
    chosen = rng.sample(places, min(count, len(places) - 1))
    for place in sorted(chosen, reverse=True):
        del words[place]
    kept_meaning = 0.65 - 0.9 * count / len(places)
    return " ".join(words), max(0.15, kept_meaning)


def _lead_changed(text: str, rng: Random) -> Edited:
    lead = rng.choice(_LEADS_CHANGED)
    body = text[:1].lower() + text[1:].rstrip(".!?")
    changed = f"{lead} {body}"
    if lead.startswith(("is it", "some")):
        changed += "?"
    return changed, 0.2


def _praise(text: str, rng: Random) -> Edited:
    words = text.split()
    places = content_places(words)
    if len(places) < 2:
        return None
    count = rng.choice([1, 1, 2])
    for place in rng.sample(places, min(len(places), count)):
        words[place] = rng.choice(_PRAISE)
    return " ".join(words), 0.25


def _ask(text: str, rng: Random) -> Edited:
    """Make a statement of a question, and a question of a statement."""
    body = text.strip()
    if body.endswith("?"):
        match, stop = _QUESTION.match(body), "."
    else:
        match, stop = _STATEMENT.match(body), "?"
    if not match:
        return None
    # The verb takes turns with the subject.
    one, two, rest = match.groups()
    if stop == ".":
        return f"{two} {one.lower()} {rest}{stop}", 0.3
    return f"{two.lower()} {one} {rest}{stop}", 0.3


def _answer(text: str, rng: Random) -> Edited:
    return rng.choice(_ANSWERS), 0.03


# Rule and weight, by kind.
CHANGES: dict[str, tuple[Rule, int]] = {
    "negation": (_negate, 6),
    "opposite": (by_table("opposites", 0.12), 6),
    "quantity": (by_table("quantities", 0.25), 4),
    "modal": (by_table("modals", 0.35), 3),
    "detail": (by_table("details", 0.25), 4),
    "connective": (by_table("connectives", 0.3), 3),
    "person": (by_table("people", 0.22), 4),
    "persons": (by_table("people", 0.15, most=3), 2),
    "number_word": (by_table("numbers", 0.22), 3),
    "number": (_number, 3),
    "name": (_name, 3),
    "thing": (by_table("things", 0.22), 4),
    "half_lost": (_halve, 5),
    "swapped_words": (_replace_content, 3),
    "lost_words": (_delete_content, 3),
    "lead": (_lead_changed, 1),
    "praise": (_praise, 2),
    "question": (_ask, 3),
    "answer": (_answer, 1),
}
