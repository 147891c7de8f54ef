"""Own sentences for training: style, meaning and fluency examples that the public
sources lack.

The sentences and templates were written by hand for this project and stand in
`texts/handwritten_*.txt`; this module only reads and expands them, deterministically.
They cover implied threats, insults without strong words, identity groups in neutral and
hateful sentences, quoted and counter speech, and unaimed profanity. They are no
benchmark.
"""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from random import Random

from training.synthetic import spelling
from training.synthetic.templates import FOLDER, content_lines, read_slots

__all__ = [
    "FLUENCY",
    "MEANING",
    "STYLE",
    "expand",
    "fluency",
    "meaning",
    "style",
    "tokenized",
]

Slots = dict[str, list[str]]
_SLOT = re.compile(r"\{(\w+)\}")
_A_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiouAEIOU]\w)(?!(?i:uni|use|eu|one))")
# Share of sentences that get a lower-cased, and of those a tokenized, copy: public
# sources mix all three spellings.
_VARIANT_SHARE = 0.3
# Share of sentences that also appear beside a harmless one, so that a threat is found
# in longer comments too.
_CONTEXT_SHARE = 0.15
# Up to so many combinations of fillers are listed and sampled without repetition.
_MOST_LISTED = 4096
_FOREIGN_LABEL = 0.02


def tokenized(text: str) -> str:
    """Return `text` in lower case with spaces before punctuation and clitics, as in "i
    don 't know .".
    """
    return spelling.tokenized(text).lower()


def expand(template: str, slots: Slots, copies: int) -> list[str]:
    """Fill the `{slots}` of a template in up to `copies` different ways, chosen by the
    template's own seed.

    A slot that stands twice gets two fillers. A template without slots is returned as
    it is.
    """
    fillers = [slots[name] for name in _SLOT.findall(template)]
    total = math.prod(map(len, fillers))
    rng = Random(template)
    if total <= _MOST_LISTED:
        combinations = list(itertools.product(*fillers))
        chosen = rng.sample(combinations, min(copies, total))
    else:
        chosen = [tuple(map(rng.choice, fillers)) for _ in range(copies)]
    sentences = [_fill(template, combination) for combination in chosen]
    return list(dict.fromkeys(sentences))


def style(folder: Path = FOLDER) -> list[tuple[str, float]]:
    """Return (sentence, P(toxic) in [0, 1]): expanded templates, some also lower-cased,
    tokenized or in context.
    """
    slots = read_slots(folder / "handwritten_slots.txt")
    sections = _sections(folder / "handwritten_style.txt")
    plain: list[str] = []
    for section, _, _, template in sections:
        if section == "plain":
            plain += expand(template, slots, 1)
    found: dict[str, float] = {}
    for section, label, copies, template in sections:
        for sentence in expand(template, slots, copies):
            variants = _spellings(sentence)
            if section != "plain":
                variants += _in_context(sentence, plain)
            for variant in variants:
                found.setdefault(variant, label)
    return list(found.items())


def meaning(folder: Path = FOLDER) -> list[tuple[str, str, float]]:
    """Return (toxic source, prediction, similarity in [0, 1]); every source also gets
    one foreign rewrite at 0.02.

    Raises:
        ValueError: If a prediction stands before the first source.
    """
    rows = _rated_predictions(folder / "handwritten_meaning.txt")
    best: dict[str, str] = {}
    for source, prediction, _ in rows:
        best.setdefault(source, prediction)
    sources = list(best)
    # The rewrite of a source from far away in the file, so that it is about other
    # things.
    half = len(sources) // 2
    far_away = sources[half:] + sources[:half]
    for source, foreign in zip(sources, far_away, strict=True):
        rows.append((source, best[foreign], _FOREIGN_LABEL))
    # A fixed quarter of the rows also has a tokenized copy.
    for source, prediction, score in list(rows):
        if len(source) % 4 == 0:
            rows.append((tokenized(source), tokenized(prediction), score))
    return list(dict.fromkeys(rows))


def _rated_predictions(path: Path) -> list[tuple[str, str, float]]:
    """Read (source, prediction, similarity): "> source" lines, each followed by
    "similarity prediction" lines.
    """
    rows: list[tuple[str, str, float]] = []
    source = ""
    for line in content_lines(path):
        if line.startswith(">"):
            source = line[1:].strip()
            continue
        if not source:
            raise ValueError(
                f"`{path.name}`: expected a source line first, got {line!r}"
            )
        score, _, prediction = line.partition(" ")
        rows.append((source, prediction.strip(), float(score)))
    return rows


def fluency(folder: Path = FOLDER) -> list[tuple[str, float]]:
    """Return (sentence, fluency in [0, 1]); lower case and tokenized copies keep the
    label of their sentence.
    """
    slots = read_slots(folder / "handwritten_slots.txt")
    found: dict[str, float] = {}
    for _, label, copies, template in _sections(folder / "handwritten_fluency.txt"):
        for sentence in expand(template, slots, copies):
            for variant in _spellings(sentence):
                found.setdefault(variant, label)
    return list(found.items())


def _sections(path: Path) -> list[tuple[str, float, int, str]]:
    """Read (section, label, copies, template) of each line below a `## section label
    copies` heading.
    """
    rows = []
    section, label, copies = "", math.nan, 0
    for line in content_lines(path):
        if line.startswith("## "):
            section, number, count = line[3:].split()
            label, copies = float(number), int(count)
        else:
            rows.append((section, label, copies, line))
    return rows


def _fill(template: str, fillers: tuple[str, ...]) -> str:
    """Put fillers into the slots in order, mend a/an before a vowel, and capitalize as
    the template does.
    """
    remaining = iter(fillers)
    text = _SLOT.sub(lambda _: next(remaining), template)
    text = _A_BEFORE_VOWEL.sub(r"\1n ", text)
    text = text.replace("wifes", "wives")
    if template.startswith("{") and template.endswith((".", "!", "?")):
        text = spelling.capitalized(text)
    return text


def _spellings(sentence: str) -> list[str]:
    """Return the sentence, and for a seeded share of sentences its lower-cased or its
    tokenized copy.
    """
    draw = Random("spelling" + sentence).random()
    if draw < _VARIANT_SHARE / 2:
        return [sentence, sentence.lower()]
    if draw < _VARIANT_SHARE:
        return [sentence, tokenized(sentence)]
    return [sentence]


def _in_context(sentence: str, plain: list[str]) -> list[str]:
    """Return, for a seeded share of sentences, the sentence before or after a harmless
    one; else nothing.
    """
    rng = Random("context" + sentence)
    if rng.random() >= _CONTEXT_SHARE:
        return []
    if not sentence.endswith((".", "!", "?")):
        sentence += " ."
    pair = [sentence, rng.choice(plain)]
    rng.shuffle(pair)
    return [" ".join(pair)]


STYLE: list[tuple[str, float]] = style()
MEANING: list[tuple[str, str, float]] = meaning()
FLUENCY: list[tuple[str, float]] = fluency()
