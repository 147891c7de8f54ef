"""Rules that break a sound sentence in one place, each after an error that people or systems make.

Each rule takes the words of a sentence and a `random.Random`; it returns the broken words, or None where it finds
nothing to break. Equal states give equal words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable

from training.synthetic.lexicon import FUNCTION_WORDS, content_places
from training.synthetic.spelling import bare
from training.synthetic.templates import FOLDER

Broken = list[str] | None
Rule = Callable[[list[str], random.Random], Broken]


def _read_tables() -> dict[str, str]:
    lines = (FOLDER / "fluency_tables.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if not line.startswith("#"))


def _both_ways(entries: str) -> dict[str, list[str]]:
    """Read "a/b, c/d" as word -> words it is confused with."""
    table: dict[str, list[str]] = {}
    for entry in entries.split(", "):
        one, two = entry.split("/")
        table.setdefault(one, []).append(two)
        table.setdefault(two, []).append(one)
    return table


_TABLES = _read_tables()
_HOMOPHONES, _AGREEMENT, _PRONOUNS = (_both_ways(_TABLES[name]) for name in ("homophones", "agreement", "pronouns"))
_PREPOSITIONS = _TABLES["prepositions"].split()
_LINKING = frozenset(_TABLES["linking"].split())
_MANY = frozenset(_TABLES["plurals"].split())
_FORMS = [tuple(entry.split()) for entry in _TABLES["irregular"].split(", ")]
_PAST = {past: base for base, past, _ in _FORMS}
_PARTICIPLE = {participle: (base, past) for base, past, participle in _FORMS}
_BASE = {base: (past, participle) for base, past, participle in _FORMS}
# Before a base form: "must see". Before a participle: "has seen".
_TAKE_BASE = frozenset(_TABLES["take_base"].split())
_TAKE_PARTICIPLE = frozenset(_TABLES["take_participle"].split())
_THIRD = frozenset(["he", "she", "it", "who", "everyone", "everybody", "someone", "nobody"])
_FIRST = frozenset(["i", "you", "we", "they"])

# What systems that delete rude words leave at the end of a sentence.
_LOOSE_ENDS = ("a", "the", "of", "and", "you", "to", "with", "is", "an", "your", "that", "very", ", you", ", a")


def _like(word: str, model: str) -> str:
    """Write a word with the capital and the final punctuation of another."""
    tail = model[len(model.rstrip(".,!?;:")) :]
    word = word[:1].upper() + word[1:] if model[:1].isupper() and model.lower() != "i" else word
    return ("I" if word == "i" and model[:1].isupper() else word) + tail


def _put(words: list[str], place: int, *new: str) -> list[str]:
    return [*words[:place], *new, *words[place + 1 :]]


def _places(words: list[str], wanted: Iterable[str]) -> list[int]:
    return [place for place, word in enumerate(words) if bare(word) in wanted]


def _by_table(table: dict[str, list[str]]) -> Rule:
    def rule(words: list[str], rng: random.Random) -> Broken:
        places = _places(words, table)
        if not places:
            return None
        place = rng.choice(places)
        return _put(words, place, _like(rng.choice(table[bare(words[place])]), words[place]))

    return rule


def _wrong_article(words: list[str], rng: random.Random) -> Broken:
    places = [place for place in _places(words, ("a", "an")) if place + 1 < len(words)]
    if not places:
        return None
    place = rng.choice(places)
    other = "a" if bare(words[place]) == "an" else "an"
    return _put(words, place, _like(other, words[place]))


def _stray_article(words: list[str], rng: random.Random) -> Broken:
    places = [place for place in _places(words, _LINKING | {"the", "a", "an", "very", "my", "your"}) if place]
    if not places:
        return None
    place = rng.choice(places)
    return [*words[: place + 1], rng.choice(["a", "the", "an", "a"]), *words[place + 1 :]]


def _lose(wanted: Iterable[str]) -> Rule:
    chosen = frozenset(wanted)

    def rule(words: list[str], rng: random.Random) -> Broken:
        places = [place for place in _places(words, chosen) if place + 1 < len(words)]
        return _put(words, rng.choice(places)) if places else None

    return rule


def _hole(words: list[str], rng: random.Random) -> Broken:
    """Take out a word that the one before it calls for, as systems that delete rude words do."""
    places = [place for place in content_places(words) if place and bare(words[place - 1]) in FUNCTION_WORDS]
    if not places:
        return None
    place = rng.choice(places)
    tail = words[place][len(words[place].rstrip(".,!?")) :]
    return _put(words, place, *([tail] if tail else []))


def _cut_off(words: list[str], rng: random.Random) -> Broken:
    places = [place for place in _places(words, FUNCTION_WORDS) if 1 < place < len(words) - 1]
    if not places:
        return None
    return words[: rng.choice(places) + 1]


def _doubled(words: list[str], rng: random.Random) -> Broken:
    place = rng.randrange(len(words))
    copies = 1 if rng.random() < 0.8 else 3
    return [*words[:place], *[words[place].rstrip(".,!?")] * copies, *words[place:]]


def _swapped(words: list[str], rng: random.Random) -> Broken:
    places = [place for place in range(len(words) - 1) if bare(words[place]) != bare(words[place + 1])]
    if len(words) < 4 or not places:
        return None
    place = rng.choice(places)
    return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]


def _moved(words: list[str], rng: random.Random) -> Broken:
    if len(words) < 5:
        return None
    place = rng.randrange(len(words))
    rest = _put(words, place)
    target = rng.choice([at for at in range(len(rest) + 1) if abs(at - place) > 1])
    return [*rest[:target], words[place], *rest[target:]]


def _verb_form(words: list[str], rng: random.Random) -> Broken:
    found: list[tuple[int, str]] = []
    for place in range(1, len(words)):
        before, word = bare(words[place - 1]), bare(words[place])
        if before in _TAKE_BASE and word in _BASE:
            found += [(place, form) for form in (*_BASE[word], word + "s", word + "ing") if form != word]
        elif before in _TAKE_BASE and word.isalpha() and len(word) > 3 and word not in FUNCTION_WORDS:
            found += [(place, word + "s"), (place, word.rstrip("e") + "ing"), (place, word.rstrip("e") + "ed")]
        elif before in _TAKE_PARTICIPLE and word in _PARTICIPLE:
            found += [(place, form) for form in _PARTICIPLE[word] if form != word]
        elif before in _TAKE_PARTICIPLE and word.endswith("ing") and len(word) > 5:
            found.append((place, word[:-3]))
        elif before in _THIRD | _FIRST and word in _PAST:
            found.append((place, _PAST[word] + "ed"))
        elif before in _THIRD and word.endswith("s") and len(word) > 3 and word not in FUNCTION_WORDS:
            found.append((place, word[:-1]))
    if not found:
        return None
    place, form = rng.choice(found)
    return _put(words, place, _like(form, words[place]))


def _noun_number(words: list[str], rng: random.Random) -> Broken:
    places = [place for place in _places(words, _MANY | {"a", "an", "every", "each"}) if place + 1 < len(words)]
    if not places:
        return None
    place = rng.choice(places)
    noun = bare(words[place + 1])
    if bare(words[place]) in _MANY:
        changed = noun[:-1] if noun.endswith("s") and len(noun) > 3 else ""
    else:
        changed = noun + "s" if noun.isalpha() and not noun.endswith("s") else ""
    return _put(words, place + 1, _like(changed, words[place + 1])) if changed else None


def _preposition(words: list[str], rng: random.Random) -> Broken:
    places = [place for place in _places(words, _PREPOSITIONS) if place + 1 < len(words)]
    if not places:
        return None
    place = rng.choice(places)
    others = [word for word in _PREPOSITIONS if word != bare(words[place])]
    return _put(words, place, _like(rng.choice(others), words[place]))


def _dangling(words: list[str], rng: random.Random) -> Broken:
    last = words[-1].rstrip(".!?")
    stop = words[-1][len(last) :] or rng.choice(["", "."])
    word = rng.choice(
        ["a", "the", "of", "and", "you", "to", "with", "is", "an", "your", "that", "very", ", you", ", a"]
    )
    spaced = [word, stop] if rng.random() < 0.4 else [word + stop]
    return [*words[:-1], *([last] if last else []), *" ".join(spaced).split()]


def _stray_word(words: list[str], rng: random.Random) -> Broken:
    place = rng.randrange(1, len(words) + 1)
    return [*words[:place], rng.choice(sorted(FUNCTION_WORDS)), *words[place:]]


def _misplaced_not(words: list[str], rng: random.Random) -> Broken:
    places = [place for place in _places(words, ("not", "never")) if place]
    if places:
        place = rng.choice(places)
        return [*words[: place - 1], words[place], words[place - 1], *words[place + 1 :]]
    places = [place for place in _places(words, ("don't", "doesn't", "didn't")) if place + 1 < len(words)]
    return _put(words, places[0], rng.choice(["no", "not"])) if places else None


def _of_for_have(words: list[str], rng: random.Random) -> Broken:
    modals = ("could", "should", "would", "must", "might")
    places = [place for place in _places(words, ("have",)) if place and bare(words[place - 1]) in modals]
    return _put(words, places[0], "of") if places else None


def _punctuation(words: list[str], rng: random.Random) -> Broken:
    place = rng.randrange(len(words))
    mark = rng.choice([",", ".", ";", "--", "***", "(", "' '", ", ,", "?", '"', "##", "<unk>", "&"])
    return [*words[:place], *mark.split(), *words[place:]]


def _spacing(words: list[str], rng: random.Random) -> Broken:
    place = rng.randrange(len(words))
    word = words[place]
    if len(word) > 4 and rng.random() < 0.5:
        cut = rng.randrange(1, len(word) - 1)
        return _put(words, place, word[:cut], word[cut:])
    if place + 1 < len(words):
        return [*words[:place], word + words[place + 1], *words[place + 2 :]]
    return None


def _spelling(words: list[str], rng: random.Random) -> Broken:
    places = [place for place, word in enumerate(words) if re.fullmatch(r"[A-Za-z]{5,}[.,!?]?", word)]
    if not places:
        return None
    place = rng.choice(places)
    word = words[place]
    at = rng.randrange(1, len(word) - 3)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    dropped = word[:at] + word[at + 1 :]
    return _put(words, place, rng.choice([swapped, dropped]))


def _salad(words: list[str], rng: random.Random) -> Broken:
    if len(words) < 5:
        return None
    shuffled = list(words)
    rng.shuffle(shuffled)
    return shuffled


# Rule and weight, by kind.
BREAKS: dict[str, tuple[Rule, int]] = {
    "article": (_wrong_article, 8),
    "stray_article": (_stray_article, 3),
    "lost_article": (_lose(("a", "an", "the")), 3),
    "lost_verb": (
        _lose(("is", "are", "was", "were", "am", "be", "been", "has", "have", "had", "do", "does", "did")),
        5,
    ),
    "lost_preposition": (_lose(_PREPOSITIONS), 3),
    "lost_pronoun": (_lose(("i", "you", "he", "she", "it", "we", "they", "me", "him", "them", "us")), 3),
    "agreement": (_by_table(_AGREEMENT), 6),
    "homophone": (_by_table(_HOMOPHONES), 5),
    "pronoun_case": (_by_table(_PRONOUNS), 2),
    "verb_form": (_verb_form, 6),
    "number_of_nouns": (_noun_number, 3),
    "preposition": (_preposition, 3),
    "of_for_have": (_of_for_have, 3),
    "misplaced_not": (_misplaced_not, 3),
    "hole": (_hole, 6),
    "cut_off": (_cut_off, 5),
    "dangling": (_dangling, 4),
    "stray_word": (_stray_word, 2),
    "doubled": (_doubled, 3),
    "swapped": (_swapped, 4),
    "moved": (_moved, 2),
    "punctuation": (_punctuation, 2),
    "spacing": (_spacing, 1),
    "spelling": (_spelling, 1),
    "salad": (_salad, 1),
}
