"""The training and development data as plain rows, read from a folder laid out like the project's data folder.

Reads only; made examples come from `broken`, `lazy` and `lossy`. What is held out from training is decided here: a
tenth of ParaDetox by a hash of its toxic text, the validation split of toxicity.parquet, `KEPT` of its Jigsaw
sentences, and half of the ratings of style transfer (`TRANSFER`, Krishna et al. 2020) by `rated_part`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from toxicity_j.text import normalize
from training.data.rated import read_fluency_rated, read_meaning_rated, read_style_rated, read_tsv  # noqa: F401

# Sources whose labels agree best with people's judgement of detoxified text; style training ends on these alone, on
# this share of their rows: sentences whose label is a clear yes or no count for more.
CORE = {
    "emnlp_dev": 1.0,
    "cannot_rewrite": 1.0,
    "paradetox": 0.7,
    "toxic_spans": 0.4,
    "civil_toxic30": 0.4,
    "wiki_cat": 0.3,
}
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
    "PG_YELP": (1.0, 5.0, 1.0, 3.0),
    "STRAP_COHA": (0.0, 1.0, 1.0, 3.0),
    "STRAP_formality": (0.0, 1.0, 1.0, 3.0),
    "STRAP_shakespeare": (0.0, 1.0, 1.0, 3.0),
}
# Of these, ratings of outputs of style transfer, only half of the sources is for training; see `rated_part`.
TRANSFER = ("PG_YELP", "STRAP_COHA", "STRAP_formality", "STRAP_shakespeare")
# Labels of two-valued files, softened: their raters disagree about as often.
SOFT = (0.15, 0.92)
# So many Jigsaw sentences of the training split, drawn with this seed, are kept for calibration and evaluation.
KEPT, KEPT_SEED, JIGSAW = 2000, 20261123, "emnlp_dev"
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
    return normalize(text).lower()


def is_held_out(toxic: str) -> bool:
    """Whether a ParaDetox source belongs to the tenth that training never sees."""
    return _hash(toxic) % 10 == 0


def read_paradetox(folder: Path) -> tuple[list[Detoxified], list[Detoxified]]:
    """ParaDetox for training, and its held-out tenth."""
    train, held_out = [], []
    with (folder / "paradetox_train.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            rewrites = tuple(row[f"neutral{i}"] for i in (1, 2, 3) if (row.get(f"neutral{i}") or "").strip())
            if row["toxic"].strip() and rewrites:
                (held_out if is_held_out(row["toxic"]) else train).append(Detoxified(row["toxic"], rewrites))
    return train, held_out


def rated_part(source: str) -> str:
    """What the rated outputs for a source are for: "training" (half of the sources), "calibration" or "evaluation"."""
    return ("training", "calibration", "training", "evaluation")[_hash(source) % 4]


def _hash(text: str) -> int:
    return int(hashlib.md5(key(text).encode(), usedforsecurity=False).hexdigest(), 16)


def read_style(folder: Path, split: str, clean: bool = False) -> pd.DataFrame:
    """Columns text, y (share of raters who call it toxic), source; without texts of the held-out ParaDetox tenth.

    Args:
        folder: the data folder.
        split: "train"; "kept", the Jigsaw sentences that training never sees; "val", the validation split.
        clean: leave out the sources released for research only.
    """
    frame = pd.read_parquet(folder / "toxicity.parquet")
    _, held_out = read_paradetox(folder)
    hidden = {key(text) for row in held_out for text in (row.toxic, *row.rewrites)}
    frame = frame[(frame.split == ("val" if split == "val" else "train")) & ~frame.text.map(key).isin(hidden)]
    frame = frame.reset_index(drop=True)
    if split != "val":
        own = frame.index[frame.source == JIGSAW]
        drawn = np.random.default_rng(KEPT_SEED).choice(own, min(KEPT, len(own)), replace=False)
        kept = frame.loc[np.sort(drawn)]
        frame = kept if split == "kept" else frame[~frame.text.map(key).isin(set(kept.text.map(key)))]
    return frame[~frame.source.isin(RESEARCH if clean else ())].reset_index(drop=True)


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
        if name in TRANSFER:
            frame = _part(frame, "training")
        labels = ((frame.human - low) / (high - low)) ** power
        if frame.human.nunique() == 2:
            labels = labels.map({0.0: SOFT[0], 1.0: SOFT[1]})
        rows += [(one, two, label, weight) for one, two, label in zip(frame.text1, frame.text2, labels, strict=True)]
    return [(str(one), str(two), float(label), weight) for one, two, label, weight in rows]


def read_krishna(folder: Path, part: str) -> pd.DataFrame:
    """Ratings of Krishna et al. 2020, by `rated_part`. STRAP_* has the same ones: their training part is learnt from.

    Columns text1, text2, `human`, the share of raters who see the same meaning, and `grammatical`, the share of these
    raters who call it so, or NaN.
    """
    frame = pd.read_csv(folder / "meaning" / "krishna2020_ratings.csv")
    frame = frame.rename(columns={"source": "text1", "output": "text2", "same_meaning": "human"})
    return _part(frame.dropna(subset=["text1", "text2", "human"]), part)


def read_transfer(folder: Path, part: str) -> dict[str, pd.DataFrame]:
    """Rated outputs of style transfer by file, by `rated_part`: columns text1, text2, human; see `read_krishna`."""
    frames = {name: pd.read_csv(folder / "meaning" / f"{name}.csv").dropna() for name in TRANSFER}
    frames = {name: _part(frame, part) for name, frame in frames.items()}
    return frames | {"krishna2020": read_krishna(folder, part)}


def _part(frame: pd.DataFrame, part: str) -> pd.DataFrame:
    return frame[frame.text1.astype(str).map(rated_part) == part].reset_index(drop=True)


def rude_words(rows: list[Detoxified]) -> set[str]:
    """Words that people take out when they detoxify, learnt from ParaDetox by a ratio of counts."""
    before = Counter(word for row in rows for word in set(_WORD.findall(key(row.toxic))))
    after = Counter(word for row in rows for word in set(_WORD.findall(" ".join(map(key, row.rewrites)))))
    return {word for word, count in before.items() if count >= RUDE_COUNT and count > RUDE_RATIO * (after[word] + 0.2)}
