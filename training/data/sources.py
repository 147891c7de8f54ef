"""The public data as plain rows, read from a folder laid out like the project's data
folder.

Reads only; `splits` decides what is held out, `mixtures` how much each source counts,
and `rated` reads more ratings.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.mixtures import (
    JIGSAW,
    MEANING_SCALES,
    SOFT_LABELS,
    TRANSFER,
)
from training.data.splits import (
    JIGSAW_HELD_OUT,
    JIGSAW_SEED,
    dedup_key,
    is_held_out,
    rated_part,
)

__all__ = [
    "Detoxified",
    "jigsaw_half",
    "read_cola",
    "read_krishna",
    "read_meaning",
    "read_paradetox",
    "read_style",
    "read_transfer",
    "rude_words",
]

# A word counts as rude when ParaDetox's toxic texts hold it this often, and this many
# times as often as the rewrites.
_RUDE_COUNT, _RUDE_RATIO = 4, 12.0
_WORD = re.compile(r"[a-z][a-z'*@$#]+")


@dataclass(frozen=True)
class Detoxified:
    """A toxic sentence and its human rewrites."""

    toxic: str
    rewrites: tuple[str, ...]


def _paradetox_rows(path: Path) -> list[Detoxified]:
    # Unlike the other .tsv files, this one is quoted: a mark inside a text is written
    # twice.
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    filled = filter(bytes.strip, path.read_bytes().splitlines())
    lines = len(list(filled)) - 1
    if len(table) != lines:
        raise ValueError(
            f"`{path}`: expected {lines} rows, one per line, got {len(table)}"
        )
    rows = [Detoxified(row["toxic"], _rewrites(row)) for row in table]
    return [row for row in rows if row.toxic.strip() and row.rewrites]


def _rewrites(row: dict[str, str | None]) -> tuple[str, ...]:
    found = []
    for name in ("neutral1", "neutral2", "neutral3"):
        text = row.get(name)
        if text and text.strip():
            found.append(text)
    return tuple(found)


def read_paradetox(folder: Path) -> tuple[list[Detoxified], list[Detoxified]]:
    """Read ParaDetox for training, and its held-out tenth.

    Raises:
        ValueError: If a line is not a row.
    """
    train: list[Detoxified] = []
    held_out: list[Detoxified] = []
    for row in _paradetox_rows(folder / "paradetox_train.tsv"):
        part = held_out if is_held_out(row.toxic) else train
        part.append(row)
    return train, held_out


def _paradetox_held_out_keys(folder: Path) -> set[str]:
    _, held_out = read_paradetox(folder)
    keys: set[str] = set()
    for row in held_out:
        keys.update(map(dedup_key, (row.toxic, *row.rewrites)))
    return keys


def read_style(folder: Path, split: str) -> pd.DataFrame:
    """Read texts with toxicity: columns text, y (share of raters who call it toxic),
    source.

    Texts of the held-out ParaDetox tenth are left out.

    Args:
        folder: the data folder.
        split: "train"; "kept", the Jigsaw sentences that training never sees; "val",
            the validation split.
    """
    frame = pd.read_parquet(folder / "toxicity.parquet")
    stored_split = "val" if split == "val" else "train"
    is_wanted = frame.split == stored_split
    frame = frame[is_wanted]
    keys = frame.text.map(dedup_key)
    is_hidden = keys.isin(_paradetox_held_out_keys(folder))
    frame = frame[~is_hidden].reset_index(drop=True)
    keys = keys[~is_hidden].reset_index(drop=True)
    if split == "val":
        return frame
    kept = _draw_jigsaw(frame)
    if split == "kept":
        return kept.reset_index(drop=True)
    is_kept = keys.isin(keys[kept.index])
    return frame[~is_kept].reset_index(drop=True)


def _draw_jigsaw(frame: pd.DataFrame) -> pd.DataFrame:
    own = frame.index[frame.source == JIGSAW]
    count = min(JIGSAW_HELD_OUT, len(own))
    drawn = np.random.default_rng(JIGSAW_SEED).choice(own, count, replace=False)
    return frame.loc[np.sort(drawn)]


def jigsaw_half(folder: Path, *, calibration: bool) -> pd.DataFrame:
    """Read the half of the kept Jigsaw sentences for calibration, or the other one:
    columns text, y, source.
    """
    kept = read_style(folder, "kept")
    half = len(kept) // 2
    chosen = kept[:half] if calibration else kept[half:]
    return chosen.reset_index(drop=True)


def read_cola(path: Path) -> list[tuple[str, float]]:
    """Read (sentence, 1 if acceptable else 0) of a CoLA file."""
    rows = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 4:
                _, label, _, sentence = fields
                rows.append((sentence, float(label)))
    return rows


def read_meaning(folder: Path) -> list[tuple[str, str, float, float]]:
    """Read (text, text, same meaning in [0, 1], weight) of the training files."""
    rows: list[tuple[str, str, float, float]] = []
    for name, scale in MEANING_SCALES.items():
        frame = pd.read_csv(folder / "meaning" / f"{name}.csv").dropna()
        if name in TRANSFER:
            frame = _part(frame, "training")
        width = scale.high - scale.low
        share = (frame.human - scale.low) / width
        labels = share**scale.power
        if frame.human.nunique() == 2:
            labels = labels.map(SOFT_LABELS)
        for one, two, label in zip(frame.text1, frame.text2, labels, strict=True):
            rows.append((str(one), str(two), float(label), scale.weight))
    return rows


def read_krishna(folder: Path, part: str) -> pd.DataFrame:
    """Read ratings of Krishna et al. 2020, by `rated_part`. The STRAP files hold the
    same ones.

    Columns text1, text2, `human`, the share of raters who see the same meaning, and
    `grammatical`, the share of these raters who call it so, or NaN.
    """
    frame = pd.read_csv(folder / "meaning" / "krishna2020_ratings.csv")
    frame = frame.rename(
        columns={"source": "text1", "output": "text2", "same_meaning": "human"}
    )
    return _part(frame.dropna(subset=["text1", "text2", "human"]), part)


def read_transfer(folder: Path, part: str) -> dict[str, pd.DataFrame]:
    """Read rated outputs of style transfer by file, by `rated_part`, as `read_krishna`
    does.
    """
    frames = {}
    for name in TRANSFER:
        frame = pd.read_csv(folder / "meaning" / f"{name}.csv").dropna()
        frames[name] = _part(frame, part)
    frames["krishna2020"] = read_krishna(folder, part)
    return frames


def _part(frame: pd.DataFrame, part: str) -> pd.DataFrame:
    parts = frame.text1.astype(str).map(rated_part)
    return frame[parts == part].reset_index(drop=True)


def _count_words(texts: Iterable[str]) -> Counter[str]:
    """Count in how many texts each word occurs."""
    counts: Counter[str] = Counter()
    for text in texts:
        words = _WORD.findall(dedup_key(text))
        counts.update(set(words))
    return counts


def rude_words(rows: list[Detoxified]) -> set[str]:
    """Find the words that people take out when they detoxify, by a ratio of counts."""
    before = _count_words(row.toxic for row in rows)
    after = _count_words(" ".join(row.rewrites) for row in rows)
    rude = set()
    for word, count in before.items():
        # A word that no rewrite holds counts as if a fifth of one did.
        expected = after[word] + 0.2
        if count >= _RUDE_COUNT and count > _RUDE_RATIO * expected:
            rude.add(word)
    return rude
