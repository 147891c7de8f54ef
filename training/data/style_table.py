"""The texts that the style head learns from: rater shares of toxicity, hand-written contrasts, and noisy copies."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.rated import read_style_rated, read_tsv
from training.data.sources import CORE, read_paradetox, read_style, rude_words
from training.synthetic import handwritten as written
from training.synthetic.disfluency import disfluent
from training.synthetic.lexicon import Lexicon
from training.synthetic.spelling import obfuscate, respell
from training.synthetic.style_contrasts import style_contrasts

# Sources released for research only, or without a licence (the data folder's README).
RESEARCH = ("wiki_cat", "emnlp_dev")
# Sampling weight per row of toxicity.parquet: sources whose labels agree best with judgements of detoxified text count
# for more.
BASE_WEIGHT = 0.35
COLUMNS = ["text", "label", "weight", "trust", "kind", "tier"]
MAX_WORDS = 90
# As many distinct contrasts as its kinds give.
CONTRASTS = 40_000
# How sentences are led in at times; a threat or an insult is one in a clause too.
OPENINGS = (
    "And", "But", "So", "Well,", "Honestly,", "I guess", "I think", "And of course", "It just goes to show that",
    "And the worst part is that", "We all know that", "No wonder,", "It is clear that", "They told me that",
)  # fmt: skip
LED_IN = 0.1


def style_table(folder: Path, seed: int, contrasts: int = 90_000) -> pd.DataFrame:
    """Build the table; columns as `COLUMNS`.

    Args:
        folder: the data folder.
        seed: decides every draw.
        contrasts: at most so many contrasts of our own.
    """
    rng = random.Random(f"style-{seed}")
    train, _ = read_paradetox(folder)
    rude = rude_words(train)
    lexicon = Lexicon([rewrite for row in train for rewrite in row.rewrites])
    rows = []
    for text, y, source in read_style(folder, "train")[["text", "y", "source"]].itertuples(index=False):
        tier = "research" if source in RESEARCH else "open"
        rows.append((text, float(y), BASE_WEIGHT + CORE.get(source, 0.0), 0.7, source, tier))
    for text, label, weight, source, tier in read_style_rated(folder).itertuples(index=False):
        rows.append((text, float(label), 0.6 * weight, 0.6, f"rated_{source}", tier))
    for row in train:
        rows += [(rewrite, 0.06, 0.4, 0.5, "rewrite", "open") for rewrite in row.rewrites]
    # Half-way texts, as lazy systems leave them: the teacher says how toxic they still are.
    judged = read_tsv(folder / "teacher" / "judge_meaning.tsv")
    rows += [(text, np.nan, 0.6, 0.0, "outputs", "open") for text in judged.rewrite]
    for text, label in written.STYLE:
        rows.append((text, label, 0.8, 0.9, "written", "open"))
    for text, label, kind in style_contrasts(rng, min(contrasts, CONTRASTS)):
        rows.append((text, label, 1.0, 0.9, f"contrast_{kind}", "open"))
    frame = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates("text")
    frame = frame[(frame.text.str.split().str.len() <= MAX_WORDS) & (frame.text.str.strip() != "")]
    chance = 0.45 * frame.weight / frame.weight.mean()
    noisy = frame[np.random.default_rng(seed).random(len(frame)) < chance]
    texts = [_noisy(text, rude, lexicon, rng) for text in noisy.text]
    noisy = noisy.assign(text=texts, weight=0.6 * noisy.weight, kind="noisy_" + noisy.kind)
    embedded = _in_context(frame, rng)
    return pd.concat([frame, noisy, embedded]).drop_duplicates("text").reset_index(drop=True)


def _noisy(text: str, rude: set[str], lexicon: Lexicon, rng: random.Random) -> str:
    """Lead a text in, break, respell or mask it; its label stays."""
    if rng.random() < LED_IN and len(text) < 100:
        text = f"{rng.choice(OPENINGS)} {text[:1].lower() + text[1:]}"
    if rng.random() < 0.07:
        text, _ = disfluent(text, rng, lexicon)
    if rng.random() < 0.25:
        text = text.upper() if rng.random() < 0.4 else text.lower()
    text = respell(text, rng)
    return obfuscate(text, rude, rng) if rng.random() < 0.4 else text


def _in_context(frame: pd.DataFrame, rng: random.Random, count: int = 30_000) -> pd.DataFrame:
    """Put clearly toxic texts, and clean ones for balance, among clean sentences: one sentence decides."""
    clean = frame[(frame.label < 0.1) & frame.text.str.split().str.len().between(4, 25)].text.tolist()
    core = frame[(frame.label > 0.85) & frame.text.str.split().str.len().between(2, 16)]
    chance = count / 2 / max(1, len(core)) * core.weight / core.weight.mean()
    rude = core[np.random.default_rng(1).random(len(core)) < chance]
    rows = []
    for text, label in zip(rude.text, rude.label, strict=True):
        around = [rng.choice(clean) for _ in range(rng.choice([1, 1, 2, 3, 4, 5]))]
        around.insert(rng.randint(0, len(around)), text)
        rows.append((" ".join(around), max(0.8, 0.95 * label), 0.5, 0.9, "in_context", "open"))
        only = [rng.choice(clean) for _ in range(rng.choice([2, 2, 3, 4, 5]))]
        rows.append((" ".join(only), 0.05, 0.25, 0.8, "clean_context", "open"))
    return pd.DataFrame(rows, columns=COLUMNS)
