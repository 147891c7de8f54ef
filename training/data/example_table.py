"""One task's examples in memory: tokenized, with the labels that the encoder learns.

A label mixes what the example's maker or raters say with what larger models say;
`trust` divides the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from toxicity_j.rules import logit, sigmoid
from toxicity_j.text import normalize, tokenize
from training.synthetic.disfluency import flaws

__all__ = [
    "LEAST_LABEL",
    "ExampleTable",
    "mixed_labels",
    "read_rows",
    "replace_unlabeled",
    "shifted",
]

MAX_TOKENS = 72
# Mean and deviation that likelihoods are brought to, in nats per token.
CENTER, SPREAD = -4.5, 1.2
# How far, as a logit, the language model may move what the teacher says.
MOST_CHANGE = 2.5
# Where logits of content are compared or mixed, labels are cut to [this, 1 - this]:
# beyond, the teacher says all or nothing.
LEAST_LABEL = 0.02


def read_rows(
    examples: Path, task: str, tier: str = "all"
) -> tuple[pd.DataFrame, np.ndarray]:
    """Read a task's rows of the license tiers to learn from, and say which rows of the
    file these are.

    Args:
        examples: folder of the tables.
        task: whose table is read.
        tier: `open`, or `all` of them.
    """
    frame = pd.read_parquet(examples / f"{task}.parquet")
    is_open = frame.tier == "open"
    kept = (is_open | (tier == "all")).to_numpy()
    return frame[kept].reset_index(drop=True), kept


def replace_unlabeled(
    examples: Path,
    task: str,
    pairs: pd.DataFrame,
    kinds: Collection[str],
    weight: float,
    tier: str,
) -> None:
    """Add pairs that a teacher labels to a task's table, in place of those of an
    earlier run.

    Args:
        examples: folder of the tables.
        task: whose table is written.
        pairs: columns source, text and kind.
        kinds: of the rows that they stand in place of.
        weight: of each.
        tier: that of the rows they were made from; see `read_rows`.
    """
    path = examples / f"{task}.parquet"
    frame = pd.read_parquet(path)
    frame = frame[~frame.kind.isin(kinds)]
    license_tier = "open" if tier == "open" else "research"
    fields = {"label": np.nan, "weight": weight, "trust": 0.0, "tier": license_tier}
    if task == "fluency":
        fields["sound"] = ""
    rows = pairs.assign(**fields)[frame.columns]
    joined = pd.concat([frame, rows], ignore_index=True)
    joined.to_parquet(path, compression="zstd")


class ExampleTable:
    """One task's rows, tokenized, with the labels to learn."""

    def __init__(self, task: str, args: argparse.Namespace, tokenizer: object) -> None:
        self.task = task
        self.frame, self.kept = read_rows(args.examples, task, args.tier)
        self.texts = tokenize(tokenizer, self.frame.text.tolist(), MAX_TOKENS)
        # Style reads the text alone; equal columns keep the batches alike.
        self.sources = self.texts
        if task != "style":
            self.sources = tokenize(tokenizer, self.frame.source.tolist(), MAX_TOKENS)
        self.weights = self.frame.weight.to_numpy()
        # Both sides are padded to the longer one.
        self.lengths = np.maximum(_lengths(self.texts), _lengths(self.sources))
        unread = np.full(len(self.frame), np.nan, dtype=np.float32)
        self.relative = self.own = self.labels = unread
        self.marks: dict[int, np.ndarray] = {}
        if task == "fluency":
            self._mark_words(tokenizer)

    def read_labels(
        self, args: argparse.Namespace, likelihood: dict[str, float]
    ) -> None:
        """Mix the table's labels with the teacher's, and look the likelihoods up.

        Rows get new weights where the file of labels has them.
        """
        path = args.examples / f"{self.task}.{args.teacher}.parquet"
        if self.task == "content" and args.content_labels:
            path = args.content_labels
        labels = pd.read_parquet(path)[self.kept]
        if "weight" in labels:
            self.weights = labels.weight.to_numpy()
        teacher = labels.teacher.to_numpy(np.float64)
        if self.task != "style":
            own = self.frame.text.map(likelihood).to_numpy(np.float64)
            of_sources = self.frame.source.map(likelihood).to_numpy(np.float64)
            relative = own - of_sources
            scaled = (own - CENTER) / SPREAD
            self.own = scaled.astype(np.float32)
            self.relative = relative.astype(np.float32)
        if self.task == "fluency":
            # What an earlier encoder says of the other rows has the change in it.
            is_corrected = self.frame.label.isna().to_numpy()
            change = args.likelihood * self.relative
            change = np.clip(change, -MOST_CHANGE, MOST_CHANGE)
            # Not every text's likelihood is known.
            change = np.nan_to_num(change)
            teacher = np.where(is_corrected, shifted(teacher, change), teacher)
        labels = mixed_labels(self.frame, teacher, args.trust)
        self.labels = labels.astype(np.float32)

    def _mark_words(self, tokenizer: object) -> None:
        """Keep the marks of each row whose sound sentence is known; see `_marks`."""
        rows = np.flatnonzero(self.frame.sound != "")
        known = self.frame.iloc[rows]
        texts = [normalize(text) for text in known.text]
        sounds = [normalize(text) for text in known.sound]
        encodings = tokenizer.encode_batch(texts)
        for index, row in enumerate(rows.tolist()):
            wrong = flaws(sounds[index], texts[index])
            count = len(self.texts[row])
            offsets = encodings[index].offsets
            self.marks[row] = _marks(texts[index], wrong, offsets, count)


def _lengths(rows: Sequence[Sequence[int]]) -> np.ndarray:
    return np.array([len(ids) for ids in rows])


def _marks(
    text: str, wrong: Sequence[bool], offsets: Sequence[tuple[int, int]], count: int
) -> np.ndarray:
    """Mark a text's tokens: 1 in a wrong word, 0 in another, -1 for special tokens.

    Args:
        text: with one space between words.
        wrong: whether each word is.
        offsets: where each token starts and ends in the text.
        count: tokens that training reads, the last of them a special one.
    """
    marks = np.full(count, -1)
    for place, (start, end) in enumerate(offsets[: count - 1]):
        if end > start:
            word = text.count(" ", 0, start)
            # A space at the end would count as one more word.
            marks[place] = wrong[min(word, len(wrong) - 1)]
    return marks


def shifted(
    probability: np.ndarray, change: np.ndarray, least: float = 1e-4
) -> np.ndarray:
    """Add to the logits of probabilities, cut to [least, 1 - least]. *Shape:* (n,)."""
    clipped = np.clip(probability, least, 1 - least)
    return sigmoid(logit(clipped) + change)


def mixed_labels(frame: pd.DataFrame, teacher: np.ndarray, trust: float) -> np.ndarray:
    """Mix constructed or rated labels with the teacher's; `trust` scales the table's
    own. *Shape:* (rows,).
    """
    own = frame.label.to_numpy()
    scaled = frame.trust.to_numpy() * trust
    share = np.clip(scaled, 0, 1)
    # Rows without a label are the teacher's alone.
    share = np.where(np.isnan(own), 0.0, share)
    return share * np.nan_to_num(own) + (1 - share) * teacher
