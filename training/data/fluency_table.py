"""The texts that the fluency head learns from, each beside a source: broken on purpose, rated by people, hand-written.

A text without a source of its own stands beside itself or beside a noisy copy, so that what the source already has is
not counted against the rewrite.
"""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd

from training.data.rated import read_fluency_rated, read_tsv
from training.data.sources import read_cola, read_krishna, read_paradetox, read_style, rude_words
from training.synthetic import handwritten as written
from training.synthetic.chat import chat_noise
from training.synthetic.disfluency import disfluent
from training.synthetic.fluency_contrasts import fluency_contrasts
from training.synthetic.lexicon import Lexicon
from training.synthetic.profanity_edits import remove_rude, replace_rude

COLUMNS = ["source", "text", "label", "weight", "trust", "kind", "tier", "sound"]
HELD_OUT = ("lai_formality",)
RATED_SHARE = {"query_wellformed": 0.35, "blimp": 0.7, "demetr": 0.7, "nlg_emnlp17": 0.5}
MAX_WORDS = 45


def fluency_table(folder: Path, seed: int, contrasts: int = 90_000) -> pd.DataFrame:
    """Build the table; columns as `COLUMNS`; `sound` is the sentence that a broken one was made from, or "".

    Args:
        folder: the data folder.
        seed: decides every draw.
        contrasts: how many contrasts of our own.
    """
    rng = random.Random(f"fluency-{seed}")
    train, _ = read_paradetox(folder)
    rude = rude_words(train)
    rewrites = [rewrite for row in train for rewrite in row.rewrites]
    lexicon = Lexicon(rewrites)
    rows: list[tuple] = []
    for row in train:
        for rewrite in row.rewrites:
            rows.append((row.toxic, rewrite, 0.95, 0.6, 0.5, "rewrite", "open", rewrite))
            broken, label = disfluent(rewrite, rng, lexicon)
            rows.append((row.toxic, broken, min(label, 0.9), 0.6, 0.7, "broken_rewrite", "open", rewrite))
        text, label, _ = remove_rude(row.toxic, rude)
        if text.strip() and text != row.toxic:
            rows.append((row.toxic, text, label, 1.0, 0.4, "delete", "open", row.toxic if label < 0.5 else ""))
        text, label, _ = replace_rude(row.toxic, rude, rng, lexicon)
        rows.append((row.toxic, text, label, 0.4, 0.5, "replace", "open", ""))
        rows.append((row.toxic, row.toxic, 0.92, 0.4, 0.6, "copy", "open", row.toxic))
    short = read_style(folder, "train")
    short = short[short.text.str.split().str.len().between(4, 25)]
    sentences = short.sample(min(40_000, len(short)), random_state=seed).text.tolist()
    _contrasts(rows, sentences + rewrites, rng, contrasts)
    _chat(rows, sentences[:15_000], rng, lexicon)
    _rated(rows, folder)
    for text, label in written.FLUENCY:
        rows.append((text, text, label, 1.0, 0.9, "written", "open", ""))
    frame = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["source", "text", "kind"])
    fits = (frame.text.str.split().str.len() <= 2 * MAX_WORDS) & (frame.text.str.strip() != "")
    return frame[fits].reset_index(drop=True)


def _contrasts(rows: list[tuple], sentences: list[str], rng: random.Random, count: int) -> None:
    for broken, sound, kind, _ in fluency_contrasts(rng, count, sentences):
        source = sound if rng.random() < 0.4 else None
        rows.append((source or broken, broken, 0.22, 0.8, 0.8, f"contrast_{kind}", "open", sound))
        rows.append((sound, sound, 0.94, 0.4, 0.8, f"sound_{kind}", "open", sound))


def _chat(rows: list[tuple], sentences: list[str], rng: random.Random, lexicon: Lexicon) -> None:
    """Add chat spelling: no fault where the source has it, and still broken where a word is lost as well."""
    for sentence in sentences:
        noisy = chat_noise(rng, sentence)
        rows.append((noisy, noisy, 0.88, 0.5, 0.8, "chat_copy", "open", ""))
        broken, label = disfluent(noisy, rng, lexicon)
        rows.append((noisy, broken, min(label, 0.85), 0.5, 0.7, "chat_broken", "open", noisy))
        if rng.random() < 0.3:
            rows.append((sentence, noisy, 0.8, 0.4, 0.7, "chat_added", "open", ""))


def _rated(rows: list[tuple], folder: Path) -> None:
    rated = read_fluency_rated(folder)
    rated = rated[~rated.source.isin(HELD_OUT)]
    for text, label, weight, source, tier, source_text in rated[
        ["text", "label", "weight", "source", "tier", "source_text"]
    ].itertuples(index=False):
        share = weight * RATED_SHARE.get(source, 1.0)
        has = isinstance(source_text, str) and source_text.strip()
        rows.append((source_text if has else text, text, label, share, 0.8, f"rated_{source}", tier, ""))
        if has:  # once alone too, so that its own faults count without a source
            rows.append((text, text, label, 0.5 * share, 0.8, f"rated_{source}_alone", tier, ""))
    for text, label in read_cola(folder / "cola" / "in_domain_train.tsv"):
        rows.append((text, text, 0.96 if label else 0.2, 0.8, 0.8, "rated_cola", "research", text if label else ""))
    krishna = read_krishna(folder, "training").dropna(subset=["grammatical"])
    for source, text, label in zip(krishna.text1, krishna.text2, krishna.grammatical, strict=True):
        rows.append((source, text, label, 2.0, 0.8, "rated_krishna2020", "open", ""))
    judged = read_tsv(folder / "teacher" / "judge_meaning.tsv")
    for source, text in zip(judged.source, judged.rewrite, strict=True):
        rows.append((source, text, float("nan"), 1.0, 0.0, "outputs", "open", ""))
