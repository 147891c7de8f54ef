"""The training and development data as plain rows, read from a folder laid out like the project's data folder.

Reads only; every made example comes from `corrupt`. What is held out from training is decided here: a tenth of
ParaDetox by a hash of its toxic text, the validation split of toxicity.parquet, and the files in `DEVELOPMENT`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from toxicity_j.text import normalise

# Sources whose labels agree best with people's judgement of detoxified text; style training ends on these alone.
CORE = ("paradetox", "emnlp_dev", "toxic_spans", "wiki_cat", "civil_toxic30", "cannot_rewrite")
# Sources released for research only, or without a licence: left out by --licence-clean (the data folder's README).
RESEARCH = ("wiki_cat", "emnlp_dev", "cola", "sick")
# Meaning files used for training: lowest and highest label of the file's scale, exponent that maps relatedness to "same
# meaning", and the weight of a row. Files of style transfer and short messages count for more than news and captions.
MEANING_FILES = {
    "yamsh_yelp": (1.0, 5.0, 1.0, 3.0),
    "yamsh_para": (1.0, 5.0, 1.0, 0.7),
    "yamsh_bible": (1.0, 5.0, 1.0, 0.7),
    "pit": (0.0, 5.0, 1.0, 2.0),
    "advers": (0.0, 1.0, 1.0, 2.0),
    "msr": (0.0, 1.0, 1.0, 0.5),
    "etpc": (0.0, 1.0, 1.0, 0.4),
    "paws": (0.0, 1.0, 1.0, 0.5),
    "sick": (1.0, 5.0, 2.0, 0.4),
}
# Labels of two-valued files, softened: their raters disagree about as often.
SOFT = (0.15, 0.92)
DEVELOPMENT = ("PG_YELP", "STRAP_COHA", "STRAP_formality", "STRAP_shakespeare")
# A word counts as rude when ParaDetox's toxic texts hold it this often, and this many times as often as the rewrites.
RUDE_COUNT, RUDE_RATIO = 4, 12.0
_WORD = re.compile(r"[a-z][a-z'*@$#]+")


@dataclass(frozen=True)
class Detoxified:
    """A toxic sentence and its human rewrites."""

    toxic: str
    rewrites: tuple[str, ...]


def key(text: str) -> str:
    """What makes two texts the same: normalised, in lower case."""
    return normalise(text).lower()


def is_held_out(toxic: str) -> bool:
    """Whether a ParaDetox source belongs to the tenth that training never sees."""
    return int(hashlib.md5(key(toxic).encode(), usedforsecurity=False).hexdigest(), 16) % 10 == 0


def read_paradetox(folder: Path) -> tuple[list[Detoxified], list[Detoxified]]:
    """ParaDetox for training, and its held-out tenth."""
    train, held_out = [], []
    with (folder / "paradetox_train.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            rewrites = tuple(row[f"neutral{i}"] for i in (1, 2, 3) if (row.get(f"neutral{i}") or "").strip())
            if row["toxic"].strip() and rewrites:
                (held_out if is_held_out(row["toxic"]) else train).append(Detoxified(row["toxic"], rewrites))
    return train, held_out


def read_style(folder: Path, split: str, clean: bool = False) -> pd.DataFrame:
    """Columns text, y (share of raters who call it toxic), source; without texts of the held-out ParaDetox tenth."""
    frame = pd.read_parquet(folder / "toxicity.parquet")
    _, held_out = read_paradetox(folder)
    hidden = {key(text) for row in held_out for text in (row.toxic, *row.rewrites)}
    keep = (frame.split == split) & ~frame.text.map(key).isin(hidden)
    if clean:
        keep &= ~frame.source.isin(RESEARCH)
    return frame[keep].reset_index(drop=True)


def read_cola(path: Path) -> list[tuple[str, float]]:
    """(sentence, 1 if acceptable else 0) of a CoLA file."""
    with path.open(encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [(row[3], float(row[1])) for row in rows if len(row) == 4]


def read_meaning(folder: Path, clean: bool = False) -> list[tuple[str, str, float, float]]:
    """(text, text, same meaning in [0, 1], weight) of the training files."""
    rows = []
    for name, (low, high, power, weight) in MEANING_FILES.items():
        if clean and name in RESEARCH:
            continue
        frame = pd.read_csv(folder / "meaning" / f"{name}.csv").dropna()
        labels = ((frame.human - low) / (high - low)) ** power
        if frame.human.nunique() == 2:
            labels = labels.map({0.0: SOFT[0], 1.0: SOFT[1]})
        rows += [(one, two, label, weight) for one, two, label in zip(frame.text1, frame.text2, labels, strict=True)]
    return [(str(one), str(two), float(label), weight) for one, two, label, weight in rows]


def read_development(folder: Path) -> dict[str, pd.DataFrame]:
    """Development sets by name, never trained on: columns text1, text2, human, and for krishna2020 also grammatical."""
    frames = {name: pd.read_csv(folder / "meaning" / f"{name}.csv").dropna() for name in DEVELOPMENT}
    krishna = pd.read_csv(folder / "meaning" / "krishna2020_ratings.csv")
    columns = {"source": "text1", "output": "text2", "same_meaning": "human"}
    frames["krishna2020"] = krishna.rename(columns=columns).dropna(subset=["text1", "text2", "human"])
    return frames


def rude_words(rows: list[Detoxified]) -> set[str]:
    """Words that people take out when they detoxify, learnt from ParaDetox by a ratio of counts."""
    before = Counter(word for row in rows for word in set(_WORD.findall(key(row.toxic))))
    after = Counter(word for row in rows for word in set(_WORD.findall(" ".join(map(key, row.rewrites)))))
    return {word for word, count in before.items() if count >= RUDE_COUNT and count > RUDE_RATIO * (after[word] + 0.2)}
