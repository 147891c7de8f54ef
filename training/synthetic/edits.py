"""Edits of real sentences by rule: some change what is said, some keep it.

Each rule takes a sentence and a `random.Random`, and returns the edited sentence with its kept meaning in [0, 1], or
None where it finds nothing to edit. Equal states give equal texts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable

from training.synthetic import spelling
from training.synthetic.lexicon import EXPLETIVES, FUNCTION_WORDS, content_places
from training.synthetic.templates import FOLDER

Edited = tuple[str, float] | None
Rule = Callable[[str, random.Random], Edited]

_NUMBER = re.compile(r"\b\d+(?:[.,]\d+)?\b")
_CLAUSE = re.compile(
    r"(?i)(?:\s*[,;:]|\s+-)?\s+(?:and|but|because|so|if|when|while|although|or|which|who|that)\s+|[.;!?]\s+"
)
_LEADING_CLAUSE = re.compile(
    r"(?i)^(if|when|because|although|while|since|after|before)\s+([^,]+?)\s*,\s+(.+?)([.!?]?)$"
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
_LEADS_KEPT = (
    "please understand that", "i'm sorry, but", "i am afraid that", "in my opinion,", "to be honest,", "honestly,",
    "i have to say that", "i would like to say that", "with respect,", "i think that", "well,", "look,", "you know,",
)  # fmt: skip
_TAILS_KEPT = ("if i may say so", "in my view", "i think", "to be honest", "i am sorry to say")
_LEADS_CHANGED = (
    "it is not true that", "nobody thinks that", "i doubt that", "is it true that", "he never said that",
    "i used to think that", "suppose that", "it would be bad if", "only a fool would say that", "some people wonder if",
)  # fmt: skip
_PRAISE = ("wonderful", "great", "nice", "lovely", "brilliant", "good", "kind", "fantastic", "sweet")
_ANSWERS = ("i can't help with that.", "okay.", "thank you.", "n/a", "no.", "i don't know.", "here is the rewrite:")


def _read_tables() -> dict[str, dict[str, list[str]]]:
    """Read word -> other words, by table; "<>" stands for both directions."""
    tables: dict[str, dict[str, list[str]]] = {}
    for line in (FOLDER / "edit_tables.txt").read_text(encoding="utf-8").splitlines():
        name, colon, entries = line.partition(": ")
        if line.startswith("#") or not colon:
            continue
        table = tables.setdefault(name, {})
        for entry in entries.split(", "):
            if "<>" in entry:
                one, two = entry.split("<>")
                table.setdefault(one, []).append(two)
                table.setdefault(two, []).append(one)
            else:
                word, others = entry.split(">")
                table.setdefault(word, []).extend(others.split("|"))
    return tables


TABLES = _read_tables()


def _any_word(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    return re.compile(r"(?i)(?<![\w'’])(" + "|".join(longest_first) + r")(?![\w'’])")


_PATTERNS = {name: _any_word(table) for name, table in TABLES.items()}


def _like(word: str, model: str) -> str:
    """Write a word with the case of another."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def _exchange(text: str, rng: random.Random, name: str, most: int = 1) -> str | None:
    """Exchange up to `most` words by a table; None where no word stands in it."""
    found = list(_PATTERNS[name].finditer(text))
    if not found:
        return None
    chosen = rng.sample(found, min(most, len(found)))
    for match in sorted(chosen, key=lambda match: -match.start()):
        others = TABLES[name].get(match[0].lower(), [])
        if others:
            text = text[: match.start()] + _like(rng.choice(others), match[0]) + text[match.end() :]
    return text


def _by_table(name: str, label: float, most: int = 1) -> Rule:
    def rule(text: str, rng: random.Random) -> Edited:
        changed = _exchange(text, rng, name, most)
        return (changed, label) if changed else None

    return rule


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


def _lead_kept(text: str, rng: random.Random) -> Edited:
    return f"{rng.choice(_LEADS_KEPT)} {text}", 0.9


def _tail_kept(text: str, rng: random.Random) -> Edited:
    body = text.rstrip(" .!")
    if body.endswith("?"):
        return None
    return (
        f"{body}, {rng.choice(['if i may say so', 'in my view', 'i think', 'to be honest', 'i am sorry to say'])}.",
        0.92,
    )


def _no_expletive(text: str, rng: random.Random) -> Edited:
    words = text.split()
    kept = [word for word in words if spelling.bare(word) not in EXPLETIVES]
    return (" ".join(kept), 0.95) if 1 < len(kept) < len(words) else None


def _move_clause(text: str, rng: random.Random) -> Edited:
    match = _LEADING_CLAUSE.match(text.strip())
    if not match:
        return None
    connective, clause, main, stop = match.groups()
    return f"{main[:1].upper()}{main[1:]} {connective.lower()} {clause}{stop}", 0.96


def _respell(text: str, rng: random.Random) -> Edited:
    return spelling.respell(text, rng), 0.97


def _typing_errors(text: str, rng: random.Random) -> Edited:
    words = text.split()
    places = [index for index, word in enumerate(words) if word.isalpha() and len(word) > 4]
    if not places:
        return None
    for place in rng.sample(places, min(len(places), rng.choice([1, 1, 2]))):
        word = words[place]
        at = rng.randrange(1, len(word) - 2)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        words[place] = rng.choice([swapped, word[:at] + word[at + 1 :]])
    return " ".join(words), 0.93


CHANGES: dict[str, tuple[Rule, int]] = {
    "negation": (_negate, 6),
    "opposite": (_by_table("opposites", 0.12), 6),
    "quantity": (_by_table("quantities", 0.25), 4),
    "modal": (_by_table("modals", 0.35), 3),
    "connective": (_by_table("connectives", 0.3), 3),
    "person": (_by_table("people", 0.22), 4),
    "persons": (_by_table("people", 0.15, most=3), 2),
    "number_word": (_by_table("numbers", 0.22), 3),
    "number": (_number, 3),
    "name": (_name, 3),
    "thing": (_by_table("things", 0.22), 4),
    "half_lost": (_halve, 5),
    "swapped_words": (_replace_content, 3),
    "lost_words": (_delete_content, 3),
    "lead": (_lead_changed, 1),
    "praise": (_praise, 2),
    "question": (_ask, 3),
    "answer": (_answer, 1),
}
KEEPS: dict[str, tuple[Rule, int]] = {
    "contraction": (_by_table("contractions", 0.98, most=3), 4),
    "synonym": (_by_table("synonyms", 0.92, most=2), 4),
    "spelling": (_by_table("spellings", 0.96, most=3), 3),
    "digits": (_by_table("digits", 0.97, most=2), 2),
    "lead": (_lead_kept, 1),
    "tail": (_tail_kept, 1),
    "no_expletive": (_no_expletive, 4),
    "moved_clause": (_move_clause, 4),
    "format": (_respell, 3),
    "typing_error": (_typing_errors, 1),
}


def edit(text: str, rules: dict[str, tuple[Rule, int]], rng: random.Random) -> tuple[str, float, str] | None:
    """Apply one rule, drawn by weight among those that find something to edit.

    Returns:
        The edited text, its kept meaning in [0, 1], and the rule's name; None where no rule fits.
    """
    names = list(rules)
    while names:
        name = rng.choices(names, [rules[name][1] for name in names])[0]
        edited = rules[name][0](text, rng)
        if edited and edited[0].split() != text.split():
            return edited[0], edited[1], name
        names.remove(name)
    return None
