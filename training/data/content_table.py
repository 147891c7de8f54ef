"""The pairs that the content head learns from: made from ParaDetox and other toxic
texts, hand-written, and rated.

A constructed label is a judgment of the authors about a kind of change; `trust` says
how far it counts beside the teacher's (1 alone, 0 not at all).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from training.data.content_rated import judged_pairs, rated_pairs
from training.data.content_rows import COLUMNS, Rows
from training.data.sources import Detoxified, read_style
from training.data.table_parts import (
    ParaDetox,
    count_words,
    distinct_pairs,
    read_training_paradetox,
)
from training.synthetic import handwritten as written
from training.synthetic.lexicon import EXPLETIVES
from training.synthetic.meaning_contrasts import meaning_contrasts
from training.synthetic.meaning_corruption import lose_meaning
from training.synthetic.profanity_edits import remove_rude, replace_rude
from training.synthetic.spelling import bare, obfuscate, respell

__all__ = ["content_table", "deletes_only"]

# Texts whose cosines are computed at once.
_PIECE = 512
# What a generic answer of a system keeps of a meaning: nothing.
EVASIONS = (
    "this is not good .",
    "i do not agree .",
    "that is not nice .",
    "I can't help with that.",
    "please be kind to each other .",
    "it is bad",
)


def content_table(
    folder: Path,
    seed: int,
    judged_sim: Sequence[float] | None,
    contrasts: int,
) -> pd.DataFrame:
    """Build the table; columns as `COLUMNS`.

    Args:
        folder: the data folder.
        seed: decides every draw.
        judged_sim: SIM of release 0.3.0 for each row of teacher/judge_meaning.tsv,
            mixed with the judge's logit.
        contrasts: how many contrasts of our own.
    """
    rows = Rows()
    rng = Random(f"content-{seed}")
    known = read_training_paradetox(folder)
    _paradetox_pairs(rows, known, rng)
    public = read_style(folder, "train")
    _toxic_pairs(rows, public, known, rng)
    _contrast_pairs(rows, public, known, rng, contrasts)
    for source, text, label in written.MEANING:
        rows.put(source, text, label, "written", "contrast", 1.5)
    rated_pairs(rows, folder)
    judged_pairs(rows, folder, judged_sim)
    return distinct_pairs(rows, COLUMNS, "source", "text")


def deletes_only(source: str, rewrite: str) -> bool:
    """Return whether the words of a rewrite are those of its source with some left
    out.
    """
    left = map(bare, source.split())
    kept = filter(None, map(bare, rewrite.split()))
    # Each search goes on where the last one ended, so the words must stand in the same
    # order.
    return all(word in left for word in kept)


def _paradetox_pairs(rows: Rows, known: ParaDetox, rng: Random) -> None:
    near = _near_rewrites(known.rows)
    for row in known.rows:
        toxic = row.toxic
        deletions = [deletes_only(toxic, rewrite) for rewrite in row.rewrites]
        share = np.mean(deletions)
        _rewrites(rows, row, share, rng)
        _deletions(rows, toxic, share, known.rude)
        text, _, label = replace_rude(toxic, known.rude, rng, known.lexicon)
        rows.put(toxic, text, label, "replace", "lossy")
        _foreign_rewrites(rows, toxic, near.get(toxic), known, rng)
        _lossy_rewrites(rows, row, known, rng)
        copy = _noisy_copy(toxic, known.rude, rng)
        rows.put(toxic, copy, 0.98, "copy", "copy", 0.5)


def _foreign_rewrites(
    rows: Rows, toxic: str, near: list[str] | None, known: ParaDetox, rng: Random
) -> None:
    """Add rewrites of other texts, of which some share words, and empty answers."""
    candidates = near or known.rewrites
    rows.put(toxic, rng.choice(candidates), 0.05, "near", "foreign", 0.6)
    other = rng.choice(known.rewrites)
    rows.put(toxic, other, 0.02, "foreign", "foreign", 0.3)
    if rng.random() < 0.15:
        evasion = rng.choice(EVASIONS)
        rows.put(toxic, evasion, 0.04, "evasion", "foreign")


def _rewrites(rows: Rows, row: Detoxified, share: float, rng: Random) -> None:
    """Add human rewrites; what only deletes counts as more, the more of a row's
    rewrites do so.
    """
    # A person wrote it, so it is never as bad as a system's deletion.
    of_deletion = max(0.72, 0.3 + 0.65 * share)
    for rewrite in row.rewrites:
        label = 0.95
        if deletes_only(row.toxic, rewrite):
            label = of_deletion
        rows.put(row.toxic, rewrite, label, "rewrite", "rewrite", 1.5)
        other = rng.choice(row.rewrites)
        if other != rewrite:
            rows.put(rewrite, other, 0.92, "rewrite_to_rewrite", "rewrite")


def _deletions(rows: Rows, source: str, share: float, rude: set[str]) -> None:
    for words in (rude, EXPLETIVES):
        text, fluency, _ = remove_rude(source, words)
        if not text.strip() or text == source:
            continue
        label = 0.3 + 0.65 * share
        # Where a hole is left, so is a part of the meaning.
        if fluency < 0.5:
            label -= 0.15
        rows.put(source, text, label, "delete", "delete", 0.8)


def _lossy_rewrites(rows: Rows, row: Detoxified, known: ParaDetox, rng: Random) -> None:
    one = rng.choice(row.rewrites)
    two = rng.choice(row.rewrites)
    deleted, _, _ = remove_rude(row.toxic, known.rude)
    for base in (one, two, deleted):
        text, label = lose_meaning(base, rng, known.lexicon, known.rewrites)
        rows.put(row.toxic, text, label, "lossy", "lossy")


def _noisy_copy(text: str, rude: set[str], rng: Random) -> str:
    if rng.random() < 0.5:
        return obfuscate(text, rude, rng)
    return respell(text, rng)


def _toxic_pairs(
    rows: Rows, frame: pd.DataFrame, known: ParaDetox, rng: Random, count: int = 26_000
) -> None:
    """Add lazy rewrites of toxic texts without human rewrites, which the teacher alone
    labels.
    """
    is_short = count_words(frame.text).between(4, 30)
    is_toxic = frame.y >= 0.5
    texts = frame.text[is_toxic & is_short].tolist()
    for text in rng.sample(texts, min(count, len(texts))):
        shorter, _, _ = remove_rude(text, known.rude)
        if shorter.strip() and shorter != text:
            rows.put(text, shorter, None, "delete_unrated", "unrated")
        base = text
        if rng.random() < 0.6:
            base = shorter
        changed, label = lose_meaning(base, rng, known.lexicon, known.rewrites)
        rows.put(text, changed, label, "lossy", "lossy", 0.5)
        replaced, _, label = replace_rude(text, known.rude, rng, known.lexicon)
        if replaced != text and rng.random() < 0.4:
            rows.put(text, replaced, label, "replace", "lossy", 0.5)


def _contrast_pairs(
    rows: Rows, frame: pd.DataFrame, known: ParaDetox, rng: Random, count: int
) -> None:
    is_short = count_words(frame.text).between(4, 22)
    short = frame.text[is_short].tolist()
    count_of_sentences = min(30_000, len(short))
    sentences = rng.sample(short, count_of_sentences)
    for row in known.rows:
        sentence = rng.choice([row.toxic, *row.rewrites])
        sentences.append(sentence)
    for source, text, label, kind in meaning_contrasts(rng, count, sentences):
        rows.put(source, text, label, f"contrast_{kind}", "contrast", 1.2)


def _near_rewrites(rows: list[Detoxified], count: int = 4) -> dict[str, list[str]]:
    """Return, for each toxic text, rewrites of texts that share its rarer words (TF-IDF
    cosine 0.1 to 0.7).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [row.toxic for row in rows]
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    matrix = vectorizer.fit_transform(texts)
    near = {}
    # In pieces, because all cosines together would fill the memory.
    for start in range(0, len(rows), _PIECE):
        piece = matrix[start : start + _PIECE]
        cosines = (piece @ matrix.T).toarray()
        # Nearer ones may say the same, and farther ones share no rarer word.
        is_near = (cosines >= 0.1) & (cosines <= 0.7)
        cosines[~is_near] = 0
        for text, line in zip(texts[start:], cosines, strict=False):
            best = np.argpartition(-line, count)[:count]
            chosen = best[line[best] > 0]
            near[text] = [rows[index].rewrites[0] for index in chosen]
    return near
