"""Edits of a sentence by rule that change what it says; see `edits`."""

from __future__ import annotations

import random
import re

from training.synthetic import spelling
from training.synthetic.lexicon import FUNCTION_WORDS, content_places
from training.synthetic.word_tables import Edited, Rule, by_table

_NUMBER = re.compile(r"\b\d+(?:[.,]\d+)?\b")
_CLAUSE = re.compile(
    r"(?i)(?:\s*[,;:]|\s+-)?\s+(?:and|but|because|so|if|when|while|although|or|which|who|that)\s+|[.;!?]\s+"
)
_NEGATABLE = re.compile(
    r"(?i)\b(is|are|was|were|am|can|could|will|would|should|must|does|did|has|have|had|do)\b(?!\s+(?:not|n't|n 't))"
)
_NEGATION = re.compile(r"(?i)\s*\b(?:not|never)\b|n['’ ]*t\b|\s+n\s*['’]\s*t\b")
_RAW_VERB = re.compile(
    r"(?i)\b(i|you|we|they)\s+(?=(?:want|need|like|love|hate|know|think|see|get|have|go|say|make|care)\b)"
)
_NAMES = (
    "Anna",
    "Karim",
    "Lucy",
    "Pedro",
    "Nadia",
    "Walter",
    "Mia",
    "Johan",
    "Rosa",
    "Malik",
    "Texas",
    "Norway",
    "Paris",
)
_LEADS_CHANGED = (
    "it is not true that", "nobody thinks that", "i doubt that", "is it true that", "he never said that",
    "i used to think that", "suppose that", "it would be bad if", "only a fool would say that", "some people wonder if",
)  # fmt: skip
_PRAISE = ("wonderful", "great", "nice", "lovely", "brilliant", "good", "kind", "fantastic", "sweet")
_ANSWERS = ("i can't help with that.", "okay.", "thank you.", "n/a", "no.", "i don't know.", "here is the rewrite:")


def _number(text: str, rng: random.Random) -> Edited:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    digits = list(match[0])
    places = [index for index, char in enumerate(digits) if char.isdigit()]
    place = rng.choice(places)
    digits[place] = rng.choice([char for char in "123456789" if char != digits[place]])
    return text[: match.start()] + "".join(digits) + text[match.end() :], 0.2


def _negate(text: str, rng: random.Random) -> Edited:
    negations = list(_NEGATION.finditer(text))
    if negations and rng.random() < 0.7:
        match = rng.choice(negations)
        return text[: match.start()] + text[match.end() :], 0.08
    found = list(_NEGATABLE.finditer(text))
    if found:
        match = rng.choice(found)
        no = "n't" if rng.random() < 0.3 and match[1].lower() not in {"am", "can", "will"} else " not"
        return text[: match.end()] + no + text[match.end() :], 0.1
    raw = list(_RAW_VERB.finditer(text))
    if raw:
        match = rng.choice(raw)
        return text[: match.end()] + rng.choice(["don't ", "do not ", "never "]) + text[match.end() :], 0.1
    return None


def _name(text: str, rng: random.Random) -> Edited:
    words = text.split()
    places = [index for index, word in enumerate(words) if index and word[:1].isupper() and word[1:].islower()]
    places = [index for index in places if spelling.bare(words[index]) not in FUNCTION_WORDS]
    if not places:
        return None
    place = rng.choice(places)
    tail = words[place][len(words[place].rstrip(".,!?")) :]
    words[place] = rng.choice(_NAMES) + tail
    return " ".join(words), 0.22


def _halve(text: str, rng: random.Random) -> Edited:
    found = [match for match in _CLAUSE.finditer(text) if 3 < match.start() < len(text) - 8]
    if not found:
        return None
    match = rng.choice(found)
    first, second = text[: match.start()], text[match.end() :]
    kept = first if rng.random() < 0.5 else second
    share = len(kept) / len(text)
    if share > 0.8 or len(kept.split()) < 2:
        return None
    return kept, 0.08 + 0.45 * share


def _replace_content(text: str, rng: random.Random) -> Edited:
    words = text.split()
    places = content_places(words)
    if len(places) < 2:
        return None
    one, two = rng.sample(places, 2)
    words[one], words[two] = words[two], words[one]
    return " ".join(words), 0.25


def _delete_content(text: str, rng: random.Random) -> Edited:
    words = text.split()
    places = content_places(words)
    if len(places) < 3:
        return None
    count = rng.choice([1, 1, 2, 3])
    for place in sorted(rng.sample(places, min(count, len(places) - 1)), reverse=True):
        del words[place]
    return " ".join(words), max(0.15, 0.65 - 0.9 * count / len(places))


def _lead_changed(text: str, rng: random.Random) -> Edited:
    lead = rng.choice(_LEADS_CHANGED)
    stop = "?" if lead.startswith(("is it", "some")) else ""
    return f"{lead} {text[:1].lower()}{text[1:].rstrip('.!?')}{stop}", 0.2


def _praise(text: str, rng: random.Random) -> Edited:
    words = text.split()
    places = content_places(words)
    if len(places) < 2:
        return None
    for place in rng.sample(places, min(len(places), rng.choice([1, 1, 2]))):
        words[place] = rng.choice(_PRAISE)
    return " ".join(words), 0.25


def _ask(text: str, rng: random.Random) -> Edited:
    body = text.strip()
    if body.endswith("?"):
        match = re.match(r"(?i)(is|are|was|were|can|could|will|should|does|did|do)\s+(\w+)\s+(.+?)\s*\?$", body)
        return (f"{match[2]} {match[1].lower()} {match[3]}.", 0.3) if match else None
    match = re.match(r"(?i)(\w+)\s+(is|are|was|were|can|could|will|should)\s+(.+?)\s*[.!]*$", body)
    return (f"{match[2].lower()} {match[1]} {match[3]}?", 0.3) if match else None


def _answer(text: str, rng: random.Random) -> Edited:
    return rng.choice(_ANSWERS), 0.03


# Rule and weight, by kind.
CHANGES: dict[str, tuple[Rule, int]] = {
    "negation": (_negate, 6),
    "opposite": (by_table("opposites", 0.12), 6),
    "quantity": (by_table("quantities", 0.25), 4),
    "modal": (by_table("modals", 0.35), 3),
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
