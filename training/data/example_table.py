"""One task's examples in memory: tokenized, with the labels that the encoder learns.

A label mixes what the example's maker or raters say with what larger models say;
`trust` divides the two.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from toxicity_j.text import normalize, tokenize
from training.synthetic.disfluency import flaws

__all__ = ["ExampleTable", "mixed_labels"]

MAX_TOKENS = 72
# Kinds whose fluency the language model corrects: real and made outputs, of which no
# person has said how fluent.
LIKELIHOOD_KINDS = ("outputs", "delete", "replace", "rewrite", "broken_rewrite")
# Mean and deviation that likelihoods are brought to, in nats per token.
CENTER, SPREAD = -4.5, 1.2


class ExampleTable:
    """One task's rows, tokenized, with the labels to learn."""

    def __init__(self, task: str, args: argparse.Namespace, tokenizer: object) -> None:
        frame = pd.read_parquet(args.examples / f"{task}.parquet")
        self.kept = (
            (frame.tier == "open").to_numpy()
            if args.tier == "open"
            else np.ones(len(frame), dtype=bool)
        )
        self.task, self.frame = task, frame[self.kept].reset_index(drop=True)
        self.texts = tokenize(tokenizer, self.frame.text.tolist(), MAX_TOKENS)
        self.sources = self.texts
        if task != "style":
            self.sources = tokenize(tokenizer, self.frame.source.tolist(), MAX_TOKENS)
        self.weights = self.frame.weight.to_numpy()
        self.lengths = np.array(
            [len(a) + len(b) for a, b in zip(self.texts, self.sources, strict=True)]
        )
        self.relative = self.own = self.labels = np.zeros(
            len(self.frame), dtype=np.float32
        )
        self.marks: dict[int, np.ndarray] = {}
        if task == "fluency":
            self._mark_words(self.frame, tokenizer)

    def read_labels(
        self, args: argparse.Namespace, likelihood: dict[str, float]
    ) -> None:
        """Mix the table's labels with the teacher's, and look the likelihoods up."""
        path = args.examples / f"{self.task}.{args.teacher}.parquet"
        teacher = pd.read_parquet(path).teacher.to_numpy(np.float64)[self.kept]
        if self.task != "style":
            own = self.frame.text.map(likelihood).to_numpy(np.float64)
            self.own = ((own - CENTER) / SPREAD).astype(np.float32)
            self.relative = (
                own - self.frame.source.map(likelihood).to_numpy(np.float64)
            ).astype(np.float32)
        if self.task == "fluency":
            corrected = self.frame.kind.isin(LIKELIHOOD_KINDS).to_numpy()
            change = np.clip(args.likelihood * self.relative, -2.5, 2.5)
            teacher = np.where(corrected, _shifted(teacher, change), teacher)
        self.labels = mixed_labels(self.frame, teacher, args.trust).astype(np.float32)

    def _mark_words(self, frame: pd.DataFrame, tokenizer: object) -> None:
        """Keep, per row whose sound sentence is known, 1 for each token of a wrong
        word, -1 where it is not known.
        """
        rows = np.flatnonzero((frame.sound != "").to_numpy())
        texts = [normalize(text) for text in frame.text.to_numpy()[rows]]
        sounds = [normalize(text) for text in frame.sound.to_numpy()[rows]]
        encodings = tokenizer.encode_batch(texts)
        for row, text, sound, encoding in zip(
            rows, texts, sounds, encodings, strict=True
        ):
            wrong = flaws(sound, text)
            marks = [-1] * len(self.texts[row])
            for place, (start, end) in enumerate(encoding.offsets[: len(marks) - 1]):
                if end > start:
                    marks[place] = int(
                        wrong[min(text.count(" ", 0, start), len(wrong) - 1)]
                    )
            self.marks[int(row)] = np.array(marks)


def _shifted(probability: np.ndarray, change: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, 1e-4, 1 - 1e-4)
    return 1 / (1 + np.exp(-(np.log(clipped / (1 - clipped)) + change)))


def mixed_labels(frame: pd.DataFrame, teacher: np.ndarray, trust: float) -> np.ndarray:
    """Mix constructed or rated labels with the teacher's; `trust` scales the table's
    own. *Shape:* (rows,).
    """
    share = np.clip(frame.trust.to_numpy() * trust, 0, 1)
    own = frame.label.to_numpy()
    share = np.where(np.isnan(own), 0.0, share)
    return share * np.nan_to_num(own) + (1 - share) * teacher
