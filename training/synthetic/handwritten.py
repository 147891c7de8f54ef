"""Own sentences for training: style, meaning and fluency examples that the public sources lack.

The sentences and templates were written by hand for this project and stand in `texts/handwritten_*.txt`; this
module only reads and expands them, deterministically. They cover implied threats, insults without strong words,
identity groups in neutral and hateful sentences, quoted and counter speech, and unaimed profanity. They are no
benchmark.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from pathlib import Path

from training.synthetic import spelling

FOLDER = Path(__file__).parent / "texts"
_SLOT = re.compile(r"\{(\w+)\}")
# Share of sentences that get a lower-cased, and of those a tokenized, copy: public sources mix all three spellings.
_VARIANT_SHARE = 0.3
# Share of sentences that also appear beside a harmless one, so that a threat is found in longer comments too.
_CONTEXT_SHARE = 0.15


def tokenized(text: str) -> str:
    """Return `text` in lower case with spaces before punctuation and clitics, as in "i don 't know ."."""
    return spelling.tokenized(text).lower()


def read_slots(path: Path = FOLDER / "handwritten_slots.txt") -> dict[str, list[str]]:
    """Read the word lists, one `name: filler | filler` per line.

    Raises:
        ValueError: If a line has no name.
    """
    slots = {}
    for line in _lines(path):
        name, colon, fillers = line.partition(":")
        if not colon:
            raise ValueError(f"`{path.name}`: expected `name: filler | filler`, got {line!r}")
        slots[name.strip()] = [filler.strip() for filler in fillers.split("|")]
    return slots


def expand(template: str, slots: dict[str, list[str]], copies: int) -> list[str]:
    """Fill the `{slots}` of a template in up to `copies` different ways, chosen by the template's own seed.

    A slot that stands twice gets two fillers. A template without slots is returned as it is.
    """
    names = _SLOT.findall(template)
    total = math.prod(len(slots[name]) for name in names)
    if total <= 4096:
        combinations = list(itertools.product(*(slots[name] for name in names)))
        chosen = random.Random(template).sample(combinations, min(copies, total))
    else:
        generator = random.Random(template)
        chosen = [tuple(generator.choice(slots[name]) for name in names) for _ in range(copies)]
    return list(dict.fromkeys(_fill(template, fillers) for fillers in chosen))


def style(folder: Path = FOLDER) -> list[tuple[str, float]]:
    """Return (sentence, P(toxic) in [0, 1]): expanded templates, some also lower-cased, tokenized or in context."""
    slots = read_slots(folder / "handwritten_slots.txt")
    sections = _sections(folder / "handwritten_style.txt")
    plain = [text for section, _, _, line in sections if section == "plain" for text in expand(line, slots, 1)]
    found: dict[str, float] = {}
    for section, label, copies, template in sections:
        for sentence in expand(template, slots, copies):
            in_context = [] if section == "plain" else _in_context(sentence, plain)
            for variant in (*_spellings(sentence), *in_context):
                found.setdefault(variant, label)
    return list(found.items())


def meaning(folder: Path = FOLDER) -> list[tuple[str, str, float]]:
    """Return (toxic source, prediction, similarity in [0, 1]); every source also gets one foreign rewrite at 0.02.

    Raises:
        ValueError: If a prediction stands before the first source.
    """
    rows: list[tuple[str, str, float]] = []
    best: dict[str, str] = {}
    source = ""
    for line in _lines(folder / "handwritten_meaning.txt"):
        if line.startswith(">"):
            source = line[1:].strip()
            continue
        if not source:
            raise ValueError(f"`handwritten_meaning.txt`: expected a source line first, got {line!r}")
        score, _, prediction = line.partition(" ")
        rows.append((source, prediction.strip(), float(score)))
        best.setdefault(source, prediction.strip())
    sources = list(best)
    shift = len(sources) // 2
    rows += [(one, best[sources[(i + shift) % len(sources)]], 0.02) for i, one in enumerate(sources)]
    rows += [(tokenized(one), tokenized(two), score) for one, two, score in rows if len(one) % 4 == 0]
    return list(dict.fromkeys(rows))


def fluency(folder: Path = FOLDER) -> list[tuple[str, float]]:
    """Return (sentence, fluency in [0, 1]); lower case and tokenized copies keep the label of their sentence."""
    slots = read_slots(folder / "handwritten_slots.txt")
    found: dict[str, float] = {}
    for _, label, copies, template in _sections(folder / "handwritten_fluency.txt"):
        for sentence in expand(template, slots, copies):
            for variant in _spellings(sentence):
                found.setdefault(variant, label)
    return list(found.items())


def _lines(path: Path) -> list[str]:
    """Read the lines of a text file without blank lines and "# " comments."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("# ")]


def _sections(path: Path) -> list[tuple[str, float, int, str]]:
    """Read (section, label, copies, template) of each line below a `## section label copies` heading."""
    rows = []
    section, label, copies = "", math.nan, 0
    for line in _lines(path):
        if line.startswith("## "):
            section, number, count = line[3:].split()
            label, copies = float(number), int(count)
        else:
            rows.append((section, label, copies, line))
    return rows


def _fill(template: str, fillers: tuple[str, ...]) -> str:
    """Put fillers into the slots in order, mend a/an before a vowel, and capitalize as the template does."""
    remaining = iter(fillers)
    text = _SLOT.sub(lambda _: next(remaining), template)
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU]\w)(?!(?i:uni|use|eu|one))", r"\1n ", text)
    text = text.replace("wifes", "wives")
    return text[0].upper() + text[1:] if template.startswith("{") and template.endswith((".", "!", "?")) else text


def _spellings(sentence: str) -> list[str]:
    """Return the sentence, and for a seeded share of sentences its lower-cased or its tokenized copy."""
    draw = random.Random("spelling" + sentence).random()
    if draw < _VARIANT_SHARE / 2:
        return [sentence, sentence.lower()]
    return [sentence, tokenized(sentence)] if draw < _VARIANT_SHARE else [sentence]


def _in_context(sentence: str, plain: list[str]) -> list[str]:
    """Return, for a seeded share of sentences, the sentence before or after a harmless one; else nothing."""
    generator = random.Random("context" + sentence)
    if generator.random() >= _CONTEXT_SHARE:
        return []
    pair = [sentence if sentence.endswith((".", "!", "?")) else sentence + " .", generator.choice(plain)]
    generator.shuffle(pair)
    return [" ".join(pair)]


STYLE: list[tuple[str, float]] = style()
MEANING: list[tuple[str, str, float]] = meaning()
FLUENCY: list[tuple[str, float]] = fluency()
