"""Made examples: broken sentences, and rewrites that lose the meaning.

Each function takes its own `random.Random`; equal seeds give equal texts. The labels are judgements of the authors,
graded by how much is broken.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from difflib import SequenceMatcher
from pathlib import Path

from training.spelling import bare

_LISTS = dict(line.split(": ", 1) for line in Path(__file__).with_name("words.txt").read_text("utf-8").splitlines()[1:])
FUNCTION_WORDS = frozenset(_LISTS["function"].split())
# Words that only add force: a sentence says the same without them, and stays whole.
EXPLETIVES = frozenset(_LISTS["expletives"].split())
_PRAISE = _LISTS["praise"].split()
_PREPOSITIONS = _LISTS["prepositions"].split()


def _table(name: str) -> dict[str, list[str]]:
    """A list of word:other|other entries."""
    entries = (entry.partition(":") for entry in _LISTS[name].split())
    return {word: others.replace("_", " ").split("|") for word, _, others in entries}


_TARGETS, _OPPOSITES, _AGREEMENT = (_table(name) for name in ("targets", "opposites", "agreement"))


def content_places(words: Sequence[str]) -> list[int]:
    """Where the words stand that carry meaning."""
    return [i for i, word in enumerate(words) if len(bare(word)) > 2 and bare(word) not in FUNCTION_WORDS]


class Lexicon:
    """What sound sentences are made of.

    Attributes:
        words: content words of more than three letters, as often as they occur.
        known: all words that occur at least twice, in lower case.
        after: the words that follow a word, as often as they do.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        sentences = [text.lower().split() for text in texts]
        counts = Counter(word for sentence in sentences for word in sentence)
        self.words = sorted(w for w, n in counts.items() for _ in range(n) if w.isalpha() and len(w) > 3)
        self.known = frozenset(word for word, count in counts.items() if count > 1)
        self.after: dict[str, list[str]] = defaultdict(list)
        for sentence in sentences:
            for before, word in zip(sentence, sentence[1:], strict=False):
                if before in self.known:
                    self.after[before].append(word)
        self.after.default_factory = None

    def follow(self, word: str, rng: random.Random) -> str:
        """A word that was seen after `word`, or any word."""
        return rng.choice(self.after.get(word.lower()) or self.words)


def flaws(sound: str, broken: str) -> list[bool]:
    """For each word of `broken` whether it is wrong: not in `sound` there, or next to what is missing."""
    one, two = sound.lower().split(), broken.lower().split()
    marks = [False] * len(two)
    for kind, _, _, start, end in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if kind == "delete" and two:
            marks[min(start, len(two) - 1)] = True
        elif kind != "equal":
            marks[start:end] = [True] * (end - start)
    return marks


# --- Broken sentences: (text, fluency in [0, 1]) ---


def remove_rude(text: str, rude: Set[str]) -> tuple[str, float, float]:
    """A toxic text without its rude words, as a lazy system leaves it: (text, fluency, kept meaning)."""
    words, kept, fluency, meaning = text.split(), [], 0.9, 0.95
    for i, word in enumerate(words):
        if bare(word) not in rude:
            kept.append(word)
            continue
        if bare(word) in EXPLETIVES:
            continue
        meaning -= 0.15
        before = bare(words[i - 1]) if i else ""
        after = bare(words[i + 1]) if i + 1 < len(words) else ""
        hole = before in FUNCTION_WORDS and (not after or after in FUNCTION_WORDS)
        fluency = min(fluency, 0.15 if hole else 0.4 if before in FUNCTION_WORDS else 0.55)
    return " ".join(kept), fluency, max(meaning, 0.5)


def _drop(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i, word in enumerate(words) if bare(word)]
    if not places:
        return _swap(words, rng, lexicon)
    return 0.35 if bare(words.pop(rng.choice(places))) in FUNCTION_WORDS else 0.5


def _swap(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    i = rng.randrange(len(words) - 1)
    words[i], words[i + 1] = words[i + 1], words[i]
    return 0.3


def _repeat(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    i = rng.randrange(len(words))
    size = rng.randint(1, 3)
    times = rng.choice([1, 1, 1, 2, 4])
    words[i:i] = words[i : i + size] * times
    return 0.35 if times == 1 else 0.12


def _agreement(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i, word in enumerate(words) if bare(word) in _AGREEMENT]
    if not places:
        return _swap(words, rng, lexicon)
    i = rng.choice(places)
    words[i] = rng.choice(_AGREEMENT[bare(words[i])])
    return 0.4


# Words after which a verb or a noun has one right form; see `_wrong_forms`.
_TAKE_S, _TAKE_BASE, _TAKE_ONE, _TAKE_MANY, _TAKE_ING, _TAKE_ED = (
    frozenset(_LISTS[f"take_{form}"].split()) for form in ("s", "base", "one", "many", "ing", "ed")
)


def _wrong_forms(before: str, word: str, known: Set[str]) -> list[str]:
    """Forms of a word that are wrong after another: "he goes" to "he go", "must see" to "must sees"."""
    longer = [word + "s", word + "es"]
    if before in _TAKE_S:
        wrong = [word[:-2] if word.endswith("es") else word[:-1], word[:-1]] if word.endswith("s") else []
    elif before in _TAKE_BASE:
        wrong = [*longer, word + "ed", word + "d", word + "ing", word[:-1] + "ing"]
    elif before in _TAKE_ONE:
        wrong = longer if not word.endswith("s") else []
    elif before in _TAKE_MANY:
        wrong = [word[:-1]] if word.endswith("s") else []
    elif before in _TAKE_ING:
        wrong = [word[:-3], word[:-3] + "e"] if word.endswith("ing") else []
    elif before in _TAKE_ED:
        wrong = [word[:-2], word[:-1], word[:-2] + "ing"] if word.endswith("ed") else []
    else:
        wrong = []
    return [form for form in dict.fromkeys(wrong) if len(form) > 1 and form in known]


def _inflect(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    found = [
        (i, form)
        for i in range(1, len(words))
        if len(words[i]) > 2
        for form in _wrong_forms(bare(words[i - 1]), words[i].lower(), lexicon.known)
    ]
    if not found:
        return _agreement(words, rng, lexicon)
    i, words[i] = rng.choice(found)
    return 0.42


def _infill(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i in content_places(words) if i] or [len(words) - 1]
    chosen = rng.sample(places, min(len(places), rng.choice([1, 1, 2, 3])))
    for i in chosen:
        words[i] = lexicon.follow(words[i - 1], rng)
    return 0.6 * 0.8 ** (len(chosen) - 1)


def _wander(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    _wander_from(words, rng, lexicon)
    return 0.25


def _wander_from(words: list[str], rng: random.Random, lexicon: Lexicon) -> int:
    """Keeps the first words and goes on from word to word, as a weak language model does; how many were kept."""
    kept = rng.randint(1, max(1, len(words) // 2))
    length = max(kept + 2, len(words) + rng.randint(-3, 3))
    del words[kept:]
    while len(words) < length:
        words.append(lexicon.follow(words[-1], rng))
    return kept


def _truncate(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    keep = rng.randint(max(2, len(words) // 2), len(words) - 1)
    del words[keep:]
    return 0.2 if bare(words[-1]) in FUNCTION_WORDS else 0.5


def _mangle(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    for i in rng.sample(range(len(words)), min(len(words), rng.choice([1, 1, 2]))):
        word, other = bare(words[i]), rng.choice(lexicon.words)
        cut = rng.randint(1, max(1, len(word) - 1))
        words[i] = rng.choice(
            [word[:cut] + other[-3:], word[cut:] or "'", "##" + word[cut:], word[:cut], "'" + other[:2], "<unk>"]
        )
    return 0.25


def _preposition(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    places = [i for i, word in enumerate(words) if bare(word) in _PREPOSITIONS]
    if not places:
        words.insert(rng.randrange(len(words) + 1), rng.choice(sorted(FUNCTION_WORDS)))
        return 0.35
    i = rng.choice(places)
    words[i] = rng.choice(_PREPOSITIONS)
    return 0.5


def _foreign(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    for i in rng.sample(range(len(words)), max(1, len(words) // 6)):
        words[i] = rng.choice(lexicon.words)
    return 0.3


def _salad(words: list[str], rng: random.Random, lexicon: Lexicon) -> float:
    rng.shuffle(words)
    return 0.04


_BREAKS: list[tuple[Callable[[list[str], random.Random, Lexicon], float], int]] = [
    (_drop, 4), (_swap, 3), (_repeat, 2), (_agreement, 2), (_inflect, 5), (_truncate, 2), (_mangle, 2),
    (_preposition, 2), (_foreign, 2), (_infill, 3), (_wander, 2), (_salad, 1),
]  # fmt: skip


def disfluent(text: str, rng: random.Random, lexicon: Lexicon) -> tuple[str, float]:
    """A sentence broken one to four times, and its fluency; too short a text comes back whole.

    Args:
        text: a sound sentence.
        rng: decides what breaks.
        lexicon: words to put in foreign places.
    """
    words = text.split()
    label, times = 0.93, rng.choice([1, 1, 1, 2, 2, 3, 4])
    functions, weights = zip(*_BREAKS, strict=True)
    for _ in range(times):
        if len(words) < 4:
            break
        label = label * 0.5 if label < 0.9 else 1.0
        label *= rng.choices(functions, weights)[0](words, rng, lexicon)
    broken = " ".join(words)
    return (text, 0.93) if broken == text else (broken, max(label, 0.02))


# --- Rewrites that lose the meaning: (text, kept meaning in [0, 1]) ---


def lose_meaning(text: str, rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> tuple[str, float]:
    """A rewrite made wrong in one of ten ways, and how much of its meaning is left.

    Args:
        text: a good rewrite.
        rng: decides what is lost.
        lexicon: words to put in place of others.
        others: other sentences.
    """
    words = text.split()
    if len(words) < 3:
        return rng.choice(others), 0.02
    kinds = [
        *(_replace, _replace, _delete, _delete, _halve, _halve, _negate, _negate),
        *(_retarget, _retarget, _retarget, _add, _shuffle, _derail),
    ]
    label = rng.choice(kinds)(words, rng, lexicon, others)
    changed = " ".join(words)
    return (changed, label) if changed.split() != text.split() else (rng.choice(others), 0.02)


def _replace(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    places = content_places(words) or [0]
    count = rng.randint(1, len(places))
    for i in rng.sample(places, count):
        words[i] = rng.choice(lexicon.words)
    return max(0.04, 0.5 - 0.6 * count / len(places))


def _delete(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    places = content_places(words) or [0]
    count = rng.randint(1, max(1, len(places) - 1))
    for i in sorted(rng.sample(places, count), reverse=True):
        del words[i]
    return max(0.05, 0.75 - 0.9 * count / len(places))


def _halve(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    middle = max(1, int(len(words) * rng.uniform(0.35, 0.65)))
    kept = len(words) - middle if rng.random() < 0.5 else -middle
    lost = middle if kept > 0 else len(words) - middle
    words[:] = words[-kept:] if kept > 0 else words[:-kept]
    return max(0.08, 0.6 - 0.75 * lost / max(1, lost + len(words)))


def _negate(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    negations = [i for i, word in enumerate(words) if bare(word) in {"not", "never", "no"}]
    opposites = [i for i, word in enumerate(words) if bare(word) in _OPPOSITES]
    if negations and rng.random() < 0.6:
        del words[rng.choice(negations)]
    elif opposites:
        i = rng.choice(opposites)
        words[i] = rng.choice(_OPPOSITES[bare(words[i])])
    else:
        words[:0] = rng.choice(["it is not true that", "nobody thinks that", "i do not think that"]).split()
    return 0.15


def _retarget(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    places = [i for i, word in enumerate(words) if bare(word) in _TARGETS]
    if not places:
        return _replace(words, rng, lexicon, others)
    for i in rng.sample(places, rng.randint(1, len(places))):
        words[i] = rng.choice(_TARGETS[bare(words[i])])
    return 0.22


def _add(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    extra = rng.choice(others).split()
    words[:] = [*words, *extra] if rng.random() < 0.5 else [*extra, *words]
    return max(0.15, 0.6 - 0.5 * len(extra) / len(words))


def _shuffle(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    rng.shuffle(words)
    return 0.3


def _derail(words: list[str], rng: random.Random, lexicon: Lexicon, others: Sequence[str]) -> float:
    before = len(words)
    kept = _wander_from(words, rng, lexicon)
    return max(0.05, 0.65 * kept / before)


def replace_rude(text: str, rude: Set[str], rng: random.Random, lexicon: Lexicon) -> tuple[str, float, float]:
    """A toxic text with other words in place of its rude ones, as a system that fills masks leaves it.

    The words are praise, words that may follow what stands before them, or any words.

    Returns:
        The text, its fluency, and the kept meaning.
    """
    words, draw = text.split(), rng.random()
    if draw < 0.3:
        choose, fluency, meaning = lambda before: rng.choice(_PRAISE), 0.6, 0.25
    elif draw < 0.7:
        choose, fluency, meaning = lambda before: lexicon.follow(before, rng), 0.55, 0.35
    else:
        choose, fluency, meaning = lambda before: rng.choice(lexicon.words), 0.35, 0.35
    places = [i for i, word in enumerate(words) if bare(word) in rude]
    for i in places:
        words[i] = choose(words[i - 1] if i else "")
    if words == text.split():
        return text, 0.9, 1.0
    return " ".join(words), fluency * 0.8 ** (len(places) - 1), meaning
