"""Training examples for the three heads, drawn in pools: fixed by (seed, pool number), so that a run can be resumed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from training.data import (
    CORE,
    Detoxified,
    read_cola,
    read_krishna,
    read_meaning,
    read_paradetox,
    read_style,
    rude_words,
)
from training.synthetic import handwritten, spelling
from training.synthetic.disfluency import disfluent
from training.synthetic.lexicon import EXPLETIVES, Lexicon
from training.synthetic.meaning_corruption import lose_meaning
from training.synthetic.profanity_edits import remove_rude, replace_rude

# Shares of a meaning and of a fluency pool that come from the hand-written sentences.
WRITTEN_MEANING, WRITTEN_FLUENCY = 0.10, 0.08
# Shares of a fluency pool: CoLA, and outputs that people rated (Krishna et al. 2020, the half for training).
COLA, RATED_FLUENCY = 0.2, 0.05
# Below this fluency a made sentence's words are marked as flaws or sound ones; above the second none of them is a flaw.
FLAWED, SOUND = 0.7, 0.85
# How sentences are led in at times; a threat or an insult is one in a clause too.
OPENINGS = (
    "And", "But", "So", "Well,", "Honestly,", "I guess", "I think", "And of course", "It just goes to show that",
    "And the worst part is that", "We all know that", "No wonder,", "It is clear that", "They told me that",
)  # fmt: skip
LED_IN = 0.1
# What a generic answer of a system keeps of a meaning: nothing.
_EVASIONS = (
    "this is not good .",
    "i do not agree .",
    "that is not nice .",
    "I can't help with that.",
    "please be kind to each other .",
    "it is bad",
)


class Text(NamedTuple):
    """A text, a soft label in [0, 1], the weight of the row and, where known, the sound sentence it was made from."""

    text: str
    label: float
    weight: float = 1.0
    sound: str | None = None

    @property
    def length(self) -> int:
        """In characters."""
        return len(self.text)


class Pair(NamedTuple):
    """A source, a prediction, how much of the meaning is kept in [0, 1], and the weight of the row."""

    source: str
    prediction: str
    label: float
    weight: float = 1.0

    @property
    def length(self) -> int:
        """In characters, both sides."""
        return len(self.source) + len(self.prediction)


class Cycle:
    """Rows in one shuffled order after another: every row is seen before any is seen again."""

    def __init__(self, rows: Sequence, seed: int) -> None:
        self.rows, self.seed = rows, seed
        self._epoch, self._order = -1, []

    def take(self, start: int, count: int) -> list:
        """Rows `start` to `start + count` of the endless sequence."""
        return [self._row(i) for i in range(start, start + count)]

    def _row(self, number: int):  # noqa: ANN202 (whatever the rows are)
        epoch, place = divmod(number, len(self.rows))
        if epoch != self._epoch:
            self._order = list(range(len(self.rows)))
            random.Random(f"{self.seed}-{epoch}").shuffle(self._order)
            self._epoch = epoch
        return self.rows[self._order[place]]


class Examples:
    """All examples of a training run.

    Args:
        folder: the data folder.
        seed: decides every draw.
        clean: leave out the sources released for research only.
        rated: share of a meaning pool that comes from the rated files.
        own: share of a style pool that comes from the hand-written sentences.
        held_out: make pairs and broken sentences from the held-out tenth of ParaDetox, for calibration.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        clean: bool = False,
        *,
        rated: float = 0.42,
        own: float = 0.1,
        held_out: bool = False,
    ) -> None:
        self.seed, self.rated, self.own = seed, rated, own
        train, tenth = read_paradetox(folder)
        self.rude = rude_words(train)
        self.paradetox = tenth if held_out else train
        style = read_style(folder, "train", clean)
        rows = list(zip(style.text, style.y.astype(float), style.source, strict=True))
        self.style_all = Cycle([Text(text, y) for text, y, _ in rows], seed)
        rng = random.Random(f"core-{seed}")
        core = [Text(text, y) for text, y, source in rows if rng.random() < CORE.get(source, 0.0)]
        self.style_core = Cycle(core, seed + 1)
        self.style_written = Cycle([Text(*row) for row in handwritten.STYLE], seed + 2)
        self.pairs = Cycle(self.paradetox, seed + 3)
        self.meaning_files = Cycle([Pair(*row) for row in read_meaning(folder, clean)], seed + 4)
        self.meaning_written = Cycle([Pair(*row) for row in handwritten.MEANING], seed + 5)
        self.fluency_written = Cycle([Text(*row) for row in handwritten.FLUENCY], seed + 6)
        cola = [] if clean else read_cola(folder / "cola" / "in_domain_train.tsv")
        self.cola = Cycle([Text(text, 0.96 if label else 0.2) for text, label in cola], seed + 7) if cola else None
        self.rewrites = [rewrite for row in self.paradetox for rewrite in row.rewrites]
        sound = [(text, 0.94) for text in self.rewrites] + [(row.toxic, 0.88) for row in self.paradetox]
        sound += [(text, 0.92) for text, y, source in rows if source == "toxic_spans" and 4 <= len(text.split()) <= 25]
        sound += [(text, 0.96) for text, label in cola if label]
        self.sound = Cycle([Text(*row) for row in sound], seed + 8)
        krishna = read_krishna(folder, "training").dropna(subset=["grammatical"])
        self.rated_fluency = Cycle(
            [Text(text, share) for text, share in zip(krishna.text2, krishna.grammatical, strict=True)], seed + 9
        )
        self.lexicon = Lexicon(self.rewrites)
        self._near = _near_rewrites(self.paradetox)

    def style(self, pool: int, size: int, core: bool) -> list[Text]:
        """Style texts of a pool."""
        rng = random.Random(f"style-{self.seed}-{pool}")
        own = round(self.own * size)
        rows = (self.style_core if core else self.style_all).take(pool * (size - own), size - own)
        rows += self.style_written.take(pool * own, own)
        return [self.noisy(row, rng) for row in rows]

    def noisy(self, row: Text, rng: random.Random) -> Text:
        """A style text led in, respelt, obfuscated, now and then broken; its label stays."""
        text = row.text
        if rng.random() < LED_IN and len(text) < 100:
            text = f"{rng.choice(OPENINGS)} {text[:1].lower() + text[1:]}"
        if rng.random() < 0.05:
            text, _ = disfluent(text, rng, self.lexicon)
        if rng.random() < 0.7:
            text = spelling.respell(text, rng)
        if rng.random() < 0.25:
            text = spelling.obfuscate(text, self.rude, rng)
        return Text(text, row.label)

    def fluency(self, pool: int, size: int) -> list[Text]:
        """Fluency texts of a pool: sound and broken ones, CoLA, rated ones and hand-written ones."""
        rng = random.Random(f"fluency-{self.seed}-{pool}")
        rows, left = [], size
        shares = ((self.fluency_written, WRITTEN_FLUENCY), (self.cola, COLA), (self.rated_fluency, RATED_FLUENCY))
        for cycle, share in shares:
            if cycle:
                count = round(share * size)
                rows += cycle.take(pool * count, count)
                left -= count
        rows += [self._broken(row, rng) for row in self.sound.take(pool * left, left)]
        return [self._respelt_text(row, rng) for row in rows]

    def _broken(self, row: Text, rng: random.Random) -> Text:
        """A sound sentence broken at random, one as a lazy system leaves it, or the sentence itself."""
        draw = rng.random()
        if draw < 0.52:
            text, label = disfluent(row.text, rng, self.lexicon)
            return Text(text, min(label, row.label), sound=row.text)
        if draw > 0.62:
            return row
        toxic = rng.choice(self.paradetox).toxic
        if draw < 0.57:
            text, label, _ = remove_rude(toxic, self.rude)
        else:
            text, label, _ = replace_rude(toxic, self.rude, rng, self.lexicon)
        return Text(text or toxic, label, sound=toxic)

    @staticmethod
    def _respelt_text(row: Text, rng: random.Random) -> Text:
        """A fluency text respelt, its sound sentence likewise; without one where its words cannot be marked."""
        sound = row.sound if row.label < FLAWED else row.text if row.label > SOUND else None
        if rng.random() > 0.8:
            return row._replace(sound=sound)
        seed = rng.random()
        text, sound = (x and spelling.respell(x, random.Random(seed)) for x in (row.text, sound))
        return row._replace(text=text, sound=sound)

    def meaning(self, pool: int, size: int) -> list[Pair]:
        """Meaning pairs of a pool: made from ParaDetox, from the rated files, hand-written."""
        rng = random.Random(f"meaning-{self.seed}-{pool}")
        own, rated = round(WRITTEN_MEANING * size), round(self.rated * size)
        rows = self.meaning_written.take(pool * own, own)
        for row in self.meaning_files.take(pool * rated, rated):
            one, two = (row.source, row.prediction) if rng.random() < 0.5 else (row.prediction, row.source)
            rows.append(Pair(one, two, row.label, row.weight))
        made = size - own - rated
        rows += [self._made_pair(row, rng) for row in self.pairs.take(pool * made, made)]
        return [Pair(_respelt(row.source, rng), _respelt(row.prediction, rng), row.label, row.weight) for row in rows]

    def made(self, count: int) -> list[Pair]:
        """Pairs made from ParaDetox alone."""
        rng = random.Random(f"made-{self.seed}")
        return [self._made_pair(row, rng) for row in self.pairs.take(0, count)]

    def _made_pair(self, row: Detoxified, rng: random.Random) -> Pair:
        source, rewrite, draw = row.toxic, rng.choice(row.rewrites), rng.random()
        if draw < 0.27:
            return Pair(source, rewrite, 1.0)
        if draw < 0.31:
            return Pair(rewrite, rng.choice(row.rewrites), 1.0)
        if draw < 0.34:
            text, _, label = remove_rude(source, EXPLETIVES)
            return Pair(source, text, label)
        if draw < 0.39:
            text, _, label = remove_rude(source, self.rude)
            return (
                Pair(source, text, label)
                if text.strip()
                else Pair(source, spelling.obfuscate(source, self.rude, rng), 1.0)
            )
        if draw < 0.43:
            return Pair(source, spelling.obfuscate(source, self.rude, rng) if draw < 0.41 else source, 1.0)
        if draw < 0.50:
            text, _, label = replace_rude(source, self.rude, rng, self.lexicon)
            return Pair(source, text, label)
        if draw < 0.56:
            return Pair(source, rng.choice(self.rewrites), 0.02)
        if draw < 0.62:
            return Pair(source, rng.choice(self._near.get(source) or self.rewrites), 0.08)
        if draw < 0.64:
            return Pair(source, rng.choice(_EVASIONS), 0.05)
        base = rewrite if draw < 0.86 else remove_rude(source, self.rude)[0] if draw < 0.93 else source
        text, label = lose_meaning(base, rng, self.lexicon, self.rewrites)
        return Pair(source, text, label)


def _respelt(text: str, rng: random.Random) -> str:
    return spelling.respell(text, rng) if text.strip() and rng.random() < 0.6 else text


def _near_rewrites(rows: list[Detoxified], count: int = 4) -> dict[str, list[str]]:
    """For each toxic text, rewrites of other texts that share its rarer words (TF-IDF cosine between .1 and .7)."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    matrix = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform([row.toxic for row in rows])
    near = {}
    for start in range(0, len(rows), 512):
        cosines = (matrix[start : start + 512] @ matrix.T).toarray()
        cosines[(cosines > 0.7) | (cosines < 0.1)] = 0
        for i, line in enumerate(cosines):
            best = [j for j in np.argpartition(-line, count)[:count] if line[j] > 0]
            near[rows[start + i].toxic] = [rows[j].rewrites[0] for j in best]
    return near
