"""The texts that the style head learns from: rater shares of toxicity, hand-written
contrasts, and noisy copies.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from training.data.mixtures import CORE, RESEARCH_SOURCES
from training.data.rated import read_style_rated
from training.data.sources import read_style
from training.data.table_parts import (
    ParaDetox,
    count_words,
    read_training_paradetox,
    select,
)
from training.data.tables import read_tsv
from training.synthetic import handwritten as written
from training.synthetic.disfluency import disfluent
from training.synthetic.own_texts import own_texts
from training.synthetic.spelling import obfuscate, respell
from training.synthetic.style_contrasts import style_contrasts

__all__ = ["OWN", "style_table"]

# Sampling weight per row of toxicity.parquet: sources whose labels agree best with
# judgments of detoxified text count for more.
BASE_WEIGHT = 0.35
COLUMNS = ["text", "label", "weight", "trust", "kind", "tier"]
# Kind of the texts that were written and marked one by one.
OWN = "own"
MAX_WORDS = 90
# As many distinct contrasts as its kinds give.
CONTRASTS = 40_000
# How sentences are led in at times; a threat or an insult is one in a clause too.
OPENINGS = (
    "And", "But", "So", "Well,", "Honestly,", "I guess", "I think", "And of course",
    "It just goes to show that",
    "And the worst part is that", "We all know that", "No wonder,",
    "It is clear that", "They told me that",
)  # fmt: skip
LED_IN = 0.1
# About this share of the rows gets a noisy copy, heavier rows more often than others.
NOISY = 0.45
IN_CONTEXT = 30_000


def style_table(folder: Path, seed: int, contrasts: int) -> pd.DataFrame:
    """Build the table; columns as `COLUMNS`.

    Args:
        folder: the data folder.
        seed: decides every draw.
        contrasts: at most so many contrasts of our own.
    """
    rng = Random(f"style-{seed}")
    known = read_training_paradetox(folder)
    rows = [
        *_public_rows(folder),
        *_paradetox_rows(known),
        *_own_rows(folder, rng, contrasts),
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates("text")
    is_short = count_words(frame.text) <= MAX_WORDS
    frame = frame[is_short & (frame.text.str.strip() != "")]
    noisy = _noisy_copies(frame, known, rng, seed)
    embedded = _in_context(frame, rng)
    table = pd.concat([frame, noisy, embedded])
    return table.drop_duplicates("text").reset_index(drop=True)


def _public_rows(folder: Path) -> list[tuple]:
    rows = []
    public = read_style(folder, "train")
    for text, y, name in select(public, "text", "y", "source"):
        tier = "research" if name in RESEARCH_SOURCES else "open"
        weight = BASE_WEIGHT + CORE.get(name, 0.0)
        rows.append((text, y, weight, 0.7, name, tier))
    rated = read_style_rated(folder)
    for text, label, weight, name, tier in rated.itertuples(index=False):
        rows.append((text, label, 0.6 * weight, 0.6, f"rated_{name}", tier))
    return rows


def _paradetox_rows(known: ParaDetox) -> list[tuple]:
    return [(rewrite, 0.06, 0.4, 0.5, "rewrite", "open") for rewrite in known.rewrites]


def _own_rows(folder: Path, rng: Random, contrasts: int) -> list[tuple]:
    # Half-way texts, as lazy systems leave them: the teacher says how toxic they still
    # are.
    judged = read_tsv(folder / "teacher" / "judge_meaning.tsv")
    rows = [(text, np.nan, 0.6, 0.0, "outputs", "open") for text in judged.rewrite]
    rows += [
        (text, label, 0.8, 0.9, "written", "open") for text, label in written.STYLE
    ]
    rows += [(text, label, 1.0, 1.2, OWN, "open") for text, label in own_texts()]
    for text, label, kind in style_contrasts(rng, min(contrasts, CONTRASTS)):
        rows.append((text, label, 1.0, 0.9, f"contrast_{kind}", "open"))
    return rows


def _noisy_copies(
    frame: pd.DataFrame, known: ParaDetox, rng: Random, seed: int
) -> pd.DataFrame:
    """Copy some rows with noise, at a lower weight."""
    chance = NOISY * frame.weight / frame.weight.mean()
    draws = np.random.default_rng(seed).random(len(frame))
    drawn = frame[draws < chance]
    texts = [_noisy(text, known, rng) for text in drawn.text]
    kinds = "noisy_" + drawn.kind
    return drawn.assign(text=texts, weight=0.6 * drawn.weight, kind=kinds)


def _noisy(text: str, known: ParaDetox, rng: Random) -> str:
    """Lead a text in, break, respell or mask it; its label stays."""
    if rng.random() < LED_IN and len(text) < 100:
        opening = rng.choice(OPENINGS)
        text = f"{opening} {text[:1].lower()}{text[1:]}"
    if rng.random() < 0.07:
        text, _ = disfluent(text, rng, known.lexicon)
    if rng.random() < 0.25:
        change = str.upper if rng.random() < 0.4 else str.lower
        text = change(text)
    text = respell(text, rng)
    if rng.random() < 0.4:
        text = obfuscate(text, known.rude, rng)
    return text


def _in_context(
    frame: pd.DataFrame, rng: Random, count: int = IN_CONTEXT
) -> pd.DataFrame:
    """Put clearly toxic texts, and clean ones for balance, among clean sentences: one
    sentence decides.
    """
    words = count_words(frame.text)
    is_clean = (frame.label < 0.1) & words.between(4, 25)
    is_toxic = (frame.label > 0.85) & words.between(2, 16)
    clean = frame.text[is_clean].tolist()
    toxic = frame[is_toxic]
    share = count / 2 / max(1, len(toxic))
    chance = share * toxic.weight / toxic.weight.mean()
    draws = np.random.default_rng(1).random(len(toxic))
    rows = []
    for text, label in select(toxic[draws < chance], "text", "label"):
        around = _draw_some(clean, (1, 1, 2, 3, 4, 5), rng)
        place = rng.randint(0, len(around))
        around.insert(place, text)
        # A little less toxic than alone, but still toxic.
        lower = max(0.8, 0.95 * label)
        rows.append((" ".join(around), lower, 0.5, 0.9, "in_context", "open"))
        others = _draw_some(clean, (2, 2, 3, 4, 5), rng)
        rows.append((" ".join(others), 0.05, 0.25, 0.8, "clean_context", "open"))
    return pd.DataFrame(rows, columns=COLUMNS)


def _draw_some(texts: list[str], counts: tuple[int, ...], rng: Random) -> list[str]:
    """Draw texts, as many as one of `counts` says."""
    count = rng.choice(counts)
    return [rng.choice(texts) for _ in range(count)]
