"""The pairs that the content head learns from: made from ParaDetox and other toxic texts, hand-written, and rated.

A constructed label is a judgement of the authors about a kind of change; `trust` says how far it counts beside the
teacher's (1 alone, 0 not at all).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.rated import read_meaning_rated, read_tsv
from training.data.sources import Detoxified, read_krishna, read_meaning, read_paradetox, read_style, rude_words
from training.synthetic import handwritten as written
from training.synthetic.lexicon import EXPLETIVES, Lexicon
from training.synthetic.meaning_contrasts import meaning_contrasts
from training.synthetic.meaning_corruption import lose_meaning
from training.synthetic.profanity_edits import remove_rude, replace_rude
from training.synthetic.spelling import bare, obfuscate, respell

# How far a constructed label counts beside the teacher's, by kind.
TRUST = {"rewrite": 0.4, "delete": 0.3, "unrated": 0.0, "contrast": 0.7, "copy": 1.0, "foreign": 0.7, "lossy": 0.4}
# Sampling weight of each rated source per row, beside its own weights: captions and encyclopedias count for less.
RATED_SHARE = {"breaking_nli": 0.5, "cannot_wikifact": 0.3, "demetr": 0.3, "cad_nli": 0.4, "negation_nli": 0.6}
# Kept out of training, so that it can still serve as a check.
HELD_OUT = ("lai_formality",)
# The mean of the judge's logit over the pairs it labeled, taken off before it is mixed (the tools' table uses it too).
JUDGE_MEAN = 1.2
MAX_WORDS = 45
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

    def put(self, source: str, text: str, label: float | None, kind: str, trust: str, weight: float = 1.0) -> None:
        """Append a row; a missing label is left to the teacher."""
        known = np.nan if label is None else label
        self.append((source, text, known, weight, TRUST[trust], kind, "open"))


def content_table(
    folder: Path, seed: int, judged_sim: Sequence[float] | None = None, contrasts: int = 90_000
) -> pd.DataFrame:
    """Build the table; columns as `COLUMNS`.

    Args:
        folder: the data folder.
        seed: decides every draw.
        judged_sim: SIM of release 0.3.0 for each row of teacher/judge_meaning.tsv, mixed with the judge's logit.
        contrasts: how many contrasts of our own.
    """
    rows = _Rows()
    rng = random.Random(f"content-{seed}")
    train, _ = read_paradetox(folder)
    rude = rude_words(train)
    lexicon = Lexicon([rewrite for row in train for rewrite in row.rewrites])
    _paradetox_pairs(rows, train, rude, lexicon, rng)
    _toxic_pairs(rows, folder, rude, lexicon, rng, [rewrite for row in train for rewrite in row.rewrites])
    _contrast_pairs(rows, folder, train, rng, contrasts)
    for source, text, label in written.MEANING:
        rows.put(source, text, label, "written", "contrast", 1.5)
    _rated_pairs(rows, folder)
    _judged_pairs(rows, folder, judged_sim)
    frame = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["source", "text", "kind"])
    short = (frame.source.str.split().str.len() <= 2 * MAX_WORDS) & (frame.text.str.split().str.len() <= 2 * MAX_WORDS)
    return frame[short & (frame.text.str.strip() != "")].reset_index(drop=True)


def deletes_only(source: str, rewrite: str) -> bool:
    """Return whether the words of a rewrite are those of its source with some left out."""
    left = iter([bare(word) for word in source.split()])
    return all(word in left for word in (bare(word) for word in rewrite.split()) if word)


def _paradetox_pairs(
    rows: _Rows, train: list[Detoxified], rude: set[str], lexicon: Lexicon, rng: random.Random
) -> None:
    rewrites = [rewrite for row in train for rewrite in row.rewrites]
    near = _near_rewrites(train)
    for row in train:
        source, share = row.toxic, np.mean([deletes_only(row.toxic, rewrite) for rewrite in row.rewrites])
        for rewrite in row.rewrites:
            only = deletes_only(source, rewrite)
            rows.put(source, rewrite, max(0.72, 0.3 + 0.65 * share) if only else 0.95, "rewrite", "rewrite", 1.5)
            other = rng.choice(row.rewrites)
            if other != rewrite:
                rows.put(rewrite, other, 0.92, "rewrite_to_rewrite", "rewrite")
        _deletions(rows, source, share, rude, rng)
        text, _, label = replace_rude(source, rude, rng, lexicon)
        rows.put(source, text, label, "replace", "lossy")
        rows.put(source, rng.choice(near.get(source) or rewrites), 0.05, "near", "foreign", 0.6)
        rows.put(source, rng.choice(rewrites), 0.02, "foreign", "foreign", 0.3)
        if rng.random() < 0.15:
            rows.put(source, rng.choice(EVASIONS), 0.04, "evasion", "foreign")
        for base in (rng.choice(row.rewrites), rng.choice(row.rewrites), remove_rude(source, rude)[0]):
            text, label = lose_meaning(base, rng, lexicon, rewrites)
            rows.put(source, text, label, "lossy", "lossy")
        copy = obfuscate(source, rude, rng) if rng.random() < 0.5 else respell(source, rng)
        rows.put(source, copy, 0.98, "copy", "copy", 0.5)


def _deletions(rows: _Rows, source: str, share: float, rude: set[str], rng: random.Random) -> None:
    for words in (rude, EXPLETIVES):
        text, fluency, _ = remove_rude(source, words)
        if text.strip() and text != source:
            hole = 0.15 if fluency < 0.5 else 0.0
            rows.put(source, text, 0.3 + 0.65 * share - hole, "delete", "delete", 0.8)


def _toxic_pairs(
    rows: _Rows,
    folder: Path,
    rude: set[str],
    lexicon: Lexicon,
    rng: random.Random,
    others: list[str],
    count: int = 26_000,
) -> None:
    """Add lazy rewrites of toxic texts without human rewrites, which the teacher alone labels."""
    frame = read_style(folder, "train")
    texts = frame[(frame.y >= 0.5) & frame.text.str.split().str.len().between(4, 30)].text.tolist()
    for text in rng.sample(texts, min(count, len(texts))):
        shorter, _, _ = remove_rude(text, rude)
        if shorter.strip() and shorter != text:
            rows.put(text, shorter, None, "delete_unrated", "unrated")
        changed, label = lose_meaning(shorter if rng.random() < 0.6 else text, rng, lexicon, others)
        rows.put(text, changed, label, "lossy", "lossy", 0.5)
        replaced, _, label = replace_rude(text, rude, rng, lexicon)
        if replaced != text and rng.random() < 0.4:
            rows.put(text, replaced, label, "replace", "lossy", 0.5)


def _contrast_pairs(rows: _Rows, folder: Path, train: list[Detoxified], rng: random.Random, count: int) -> None:
    frame = read_style(folder, "train")
    short = frame[frame.text.str.split().str.len().between(4, 22)].text.tolist()
    sentences = rng.sample(short, min(30_000, len(short)))
    sentences += [rng.choice([row.toxic, *row.rewrites]) for row in train]
    for source, text, label, kind in meaning_contrasts(rng, count, sentences):
        rows.put(source, text, label, f"contrast_{kind}", "contrast", 1.2)


def _rated_pairs(rows: _Rows, folder: Path) -> None:
    """Add pairs that people rated; relations that hold both ways are read both ways."""
    rated = read_meaning_rated(folder)
    rated = rated[~rated.source.isin(HELD_OUT)]
    for one, two, label, weight, source, tier in rated.itertuples(index=False):
        share = weight * RATED_SHARE.get(source, 1.0)
        rows.append((one, two, label, share, 0.6, f"rated_{source}", tier))
        if source in ("stsb", "sts12_16", "twitter_para", "multipit_expert", "semantoneg", "cannot_wikifact"):
            rows.append((two, one, label, 0.5 * share, 0.6, f"rated_{source}", tier))
    for one, two, label, weight in read_meaning(folder):
        rows.append((one, two, label, weight, 0.6, "rated_similarity", "research"))
    krishna = read_krishna(folder, "training")
    for one, two, label in zip(krishna.text1, krishna.text2, krishna.human, strict=True):
        rows.append((one, two, label, 8.0, 0.6, "rated_krishna2020", "open"))


def _judged_pairs(rows: _Rows, folder: Path, judged_sim: Sequence[float] | None) -> None:
    judged = read_tsv(folder / "teacher" / "judge_meaning.tsv")
    if judged_sim is None or len(judged_sim) != len(judged):
        print(f"judge_meaning.tsv has {len(judged)} rows without a SIM of release 0.3.0: the teacher labels them")
        labels = np.full(len(judged), np.nan)
    else:
        sim = np.clip(np.asarray(judged_sim, dtype=float), 0.01, 0.99)
        logit = np.log(sim / (1 - sim)) + judged.judge.astype(float).to_numpy() - JUDGE_MEAN
        labels = 1 / (1 + np.exp(-logit))
    for source, text, label in zip(judged.source, judged.rewrite, labels, strict=True):
        rows.append((source, text, float(label), 4.0, 0.5, "judged", "open"))
    unlabeled = read_tsv(folder / "teacher" / "pairs_to_judge.tsv")
    for source, text in zip(unlabeled.source, unlabeled.rewrite, strict=True):
        rows.put(source, text, None, "to_judge", "unrated", 2.0)


def _near_rewrites(rows: list[Detoxified], count: int = 4) -> dict[str, list[str]]:
    """Return, for each toxic text, rewrites of texts that share its rarer words (TF-IDF cosine 0.1 to 0.7)."""
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
