"""The pairs that the content head learns from: made from ParaDetox and other toxic
texts, hand-written, and rated.

A constructed label is a judgement of the authors about a kind of change; `trust` says
how far it counts beside the teacher's (1 alone, 0 not at all).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from training.data.rated import read_meaning_rated, read_tsv
from training.data.sources import Detoxified, read_krishna, read_meaning, read_style
from training.data.table_parts import (
    ParaDetox,
    count_words,
    distinct_pairs,
    read_training_paradetox,
    select,
    without_held_out,
)
from training.synthetic import handwritten as written
from training.synthetic.lexicon import EXPLETIVES
from training.synthetic.meaning_contrasts import meaning_contrasts
from training.synthetic.meaning_corruption import lose_meaning
from training.synthetic.profanity_edits import remove_rude, replace_rude
from training.synthetic.spelling import bare, obfuscate, respell

__all__ = ["content_table", "deletes_only"]

# How far a constructed label counts beside the teacher's, by kind.
TRUST = {
    "rewrite": 0.4,
    "delete": 0.3,
    "unrated": 0.0,
    "contrast": 0.7,
    "copy": 1.0,
    "foreign": 0.7,
    "lossy": 0.4,
}
# Sampling weight of each rated source per row, beside its own weights: captions and
# encyclopedias count for less.
RATED_SHARE = {
    "breaking_nli": 0.5,
    "cannot_wikifact": 0.3,
    "demetr": 0.3,
    "cad_nli": 0.4,
    "negation_nli": 0.6,
}
# Relations that hold both ways, which are read both ways.
SYMMETRIC = (
    "stsb",
    "sts12_16",
    "twitter_para",
    "multipit_expert",
    "semantoneg",
    "cannot_wikifact",
)
# How far the label of a rated pair counts beside the teacher's, and of a judged one.
RATED_TRUST, JUDGED_TRUST = 0.6, 0.5
# The mean of the judge's logit over the pairs it labeled, taken off before it is mixed
# (the tools' table uses it too).
JUDGE_MEAN = 1.2
# What a generic answer of a system keeps of a meaning: nothing.
EVASIONS = (
    "this is not good .",
    "i do not agree .",
    "that is not nice .",
    "I can't help with that.",
    "please be kind to each other .",
    "it is bad",
)
COLUMNS = ["source", "text", "label", "weight", "trust", "kind", "tier"]


class _Rows(list):
    """Rows of the table."""

    def put(
        self,
        source: str,
        text: str,
        label: float | None,
        kind: str,
        trust: str,
        weight: float = 1.0,
    ) -> None:
        """Append a row; a missing label is left to the teacher."""
        known = np.nan if label is None else label
        self.append((source, text, known, weight, TRUST[trust], kind, "open"))

    def put_rated(
        self,
        source: str,
        text: str,
        label: float,
        weight: float,
        name: str,
        tier: str = "open",
    ) -> None:
        """Append a pair that people rated."""
        self.append((source, text, label, weight, RATED_TRUST, f"rated_{name}", tier))


def content_table(
    folder: Path,
    seed: int,
    judged_sim: Sequence[float] | None = None,
    contrasts: int = 90_000,
) -> pd.DataFrame:
    """Build the table; columns as `COLUMNS`.

    Args:
        folder: the data folder.
        seed: decides every draw.
        judged_sim: SIM of release 0.3.0 for each row of teacher/judge_meaning.tsv,
            mixed with the judge's logit.
        contrasts: how many contrasts of our own.
    """
    rows = _Rows()
    rng = Random(f"content-{seed}")
    known = read_training_paradetox(folder)
    _paradetox_pairs(rows, known, rng)
    _toxic_pairs(rows, read_style(folder, "train"), known, rng)
    _contrast_pairs(rows, read_style(folder, "train"), known, rng, contrasts)
    for source, text, label in written.MEANING:
        rows.put(source, text, label, "written", "contrast", 1.5)
    _rated_pairs(rows, folder)
    _judged_pairs(rows, folder, judged_sim)
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


def _paradetox_pairs(rows: _Rows, known: ParaDetox, rng: Random) -> None:
    near = _near_rewrites(known.rows)
    for row in known.rows:
        share = np.mean([deletes_only(row.toxic, rewrite) for rewrite in row.rewrites])
        _rewrites(rows, row, share, rng)
        _deletions(rows, row.toxic, share, known.rude)
        text, _, label = replace_rude(row.toxic, known.rude, rng, known.lexicon)
        rows.put(row.toxic, text, label, "replace", "lossy")
        candidates = near.get(row.toxic) or known.rewrites
        rows.put(row.toxic, rng.choice(candidates), 0.05, "near", "foreign", 0.6)
        rows.put(row.toxic, rng.choice(known.rewrites), 0.02, "foreign", "foreign", 0.3)
        if rng.random() < 0.15:
            rows.put(row.toxic, rng.choice(EVASIONS), 0.04, "evasion", "foreign")
        _lossy_rewrites(rows, row, known, rng)
        copy = _noisy_copy(row.toxic, known.rude, rng)
        rows.put(row.toxic, copy, 0.98, "copy", "copy", 0.5)


def _rewrites(rows: _Rows, row: Detoxified, share: float, rng: Random) -> None:
    """Add human rewrites; what only deletes counts as more, the more of a row's
    rewrites do so.
    """
    label_of_deletion = max(0.72, 0.3 + 0.65 * share)
    for rewrite in row.rewrites:
        label = label_of_deletion if deletes_only(row.toxic, rewrite) else 0.95
        rows.put(row.toxic, rewrite, label, "rewrite", "rewrite", 1.5)
        other = rng.choice(row.rewrites)
        if other != rewrite:
            rows.put(rewrite, other, 0.92, "rewrite_to_rewrite", "rewrite")


def _deletions(rows: _Rows, source: str, share: float, rude: set[str]) -> None:
    for words in (rude, EXPLETIVES):
        text, fluency, _ = remove_rude(source, words)
        if text.strip() and text != source:
            hole = 0.15 if fluency < 0.5 else 0.0
            rows.put(source, text, 0.3 + 0.65 * share - hole, "delete", "delete", 0.8)


def _lossy_rewrites(
    rows: _Rows, row: Detoxified, known: ParaDetox, rng: Random
) -> None:
    one, two = rng.choice(row.rewrites), rng.choice(row.rewrites)
    deleted, _, _ = remove_rude(row.toxic, known.rude)
    for base in (one, two, deleted):
        text, label = lose_meaning(base, rng, known.lexicon, known.rewrites)
        rows.put(row.toxic, text, label, "lossy", "lossy")


def _noisy_copy(text: str, rude: set[str], rng: Random) -> str:
    if rng.random() < 0.5:
        return obfuscate(text, rude, rng)
    return respell(text, rng)


def _toxic_pairs(
    rows: _Rows, frame: pd.DataFrame, known: ParaDetox, rng: Random, count: int = 26_000
) -> None:
    """Add lazy rewrites of toxic texts without human rewrites, which the teacher alone
    labels.
    """
    is_chosen = (frame.y >= 0.5) & count_words(frame.text).between(4, 30)
    texts = frame.text[is_chosen].tolist()
    for text in rng.sample(texts, min(count, len(texts))):
        shorter, _, _ = remove_rude(text, known.rude)
        if shorter.strip() and shorter != text:
            rows.put(text, shorter, None, "delete_unrated", "unrated")
        base = shorter if rng.random() < 0.6 else text
        changed, label = lose_meaning(base, rng, known.lexicon, known.rewrites)
        rows.put(text, changed, label, "lossy", "lossy", 0.5)
        replaced, _, label = replace_rude(text, known.rude, rng, known.lexicon)
        if replaced != text and rng.random() < 0.4:
            rows.put(text, replaced, label, "replace", "lossy", 0.5)


def _contrast_pairs(
    rows: _Rows, frame: pd.DataFrame, known: ParaDetox, rng: Random, count: int
) -> None:
    is_short = count_words(frame.text).between(4, 22)
    short = frame.text[is_short].tolist()
    sentences = rng.sample(short, min(30_000, len(short)))
    for row in known.rows:
        sentence = rng.choice([row.toxic, *row.rewrites])
        sentences.append(sentence)
    for source, text, label, kind in meaning_contrasts(rng, count, sentences):
        rows.put(source, text, label, f"contrast_{kind}", "contrast", 1.2)


def _rated_pairs(rows: _Rows, folder: Path) -> None:
    """Add pairs that people rated."""
    rated = without_held_out(read_meaning_rated(folder))
    for one, two, label, weight, name, tier in rated.itertuples(index=False):
        share = weight * RATED_SHARE.get(name, 1.0)
        rows.put_rated(one, two, label, share, name, tier)
        if name in SYMMETRIC:
            rows.put_rated(two, one, label, 0.5 * share, name, tier)
    for one, two, label, weight in read_meaning(folder):
        rows.put_rated(one, two, label, weight, "similarity", "research")
    krishna = read_krishna(folder, "training")
    for one, two, label in select(krishna, "text1", "text2", "human"):
        rows.put_rated(one, two, label, 8.0, "krishna2020")


def _judged_pairs(
    rows: _Rows, folder: Path, judged_sim: Sequence[float] | None
) -> None:
    judged = read_tsv(folder / "teacher" / "judge_meaning.tsv")
    labels = _judged_labels(judged, judged_sim)
    for source, text, label in zip(judged.source, judged.rewrite, labels, strict=True):
        rows.append((source, text, float(label), 4.0, JUDGED_TRUST, "judged", "open"))
    unlabeled = read_tsv(folder / "teacher" / "pairs_to_judge.tsv")
    for source, text in select(unlabeled, "source", "rewrite"):
        rows.put(source, text, None, "to_judge", "unrated", 2.0)


def _judged_labels(
    judged: pd.DataFrame, judged_sim: Sequence[float] | None
) -> np.ndarray:
    """Mix the judge's logit with SIM of release 0.3.0; NaN where there is none.
    *Shape:* (rows,)
    """
    if judged_sim is None or len(judged_sim) != len(judged):
        print(
            f"judge_meaning.tsv has {len(judged)} rows without a SIM of release 0.3.0:"
            " the teacher labels them"
        )
        return np.full(len(judged), np.nan)
    sim = np.asarray(judged_sim, dtype=float)
    sim = np.clip(sim, 0.01, 0.99)
    judge = judged.judge.astype(float).to_numpy()
    logit = np.log(sim / (1 - sim)) + judge - JUDGE_MEAN
    return 1 / (1 + np.exp(-logit))


def _near_rewrites(rows: list[Detoxified], count: int = 4) -> dict[str, list[str]]:
    """Return, for each toxic text, rewrites of texts that share its rarer words (TF-IDF
    cosine 0.1 to 0.7).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    matrix = vectorizer.fit_transform([row.toxic for row in rows])
    near = {}
    for start in range(0, len(rows), 512):
        cosines = (matrix[start : start + 512] @ matrix.T).toarray()
        cosines[(cosines > 0.7) | (cosines < 0.1)] = 0
        for row, line in zip(rows[start:], cosines, strict=False):
            best = np.argpartition(-line, count)[:count]
            near[row.toxic] = [
                rows[index].rewrites[0] for index in best if line[index] > 0
            ]
    return near
