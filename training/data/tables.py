"""Texts and toxicity levels from any table, a split of them, and batches."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split
from tokenizers import Tokenizer

# So many batches are sorted by length together: texts of like length need little
# padding, and order stays random.
_SORTED_TOGETHER = 50


def read_tsv(path: Path, *, empty_is_missing: bool = True) -> pd.DataFrame:
    """Read a tab-separated file without quoting: a stray quotation mark is a character
    like any other.

    Args:
        path: the file; its first line names the columns.
        empty_is_missing: an empty field is a missing value rather than an empty text.
            "NA" is always a text.

    Raises:
        ValueError: A line has too many fields, or the number of rows is not that of the
            lines.
    """
    missing = [""] if empty_is_missing else []
    try:
        frame = pd.read_csv(
            path,
            sep="\t",
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
            na_values=missing,
        )
    except pd.errors.ParserError as error:
        raise ValueError(f"`{path}`: {error}") from None
    with path.open("rb") as file:
        lines = sum(1 for line in file if line.rstrip(b"\r\n")) - 1
    if len(frame) != lines:
        raise ValueError(
            f"`{path}`: expected {lines} rows, one per line, got {len(frame)}"
        )
    return frame


def _read_frame(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise FileNotFoundError(
            f"`path` must be a file or a folder of datasets; there is none at {path}"
        )
    if path.is_dir():
        from datasets import Dataset, load_from_disk

        data = load_from_disk(str(path))
        if not isinstance(data, Dataset):
            data = data["train"]
        return data.to_pandas()
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".tsv":
        return read_tsv(path, empty_is_missing=False)
    if path.suffix == ".csv":
        # An empty text or the word "None" is a text, not a missing value.
        return pd.read_csv(path, keep_default_na=False)
    raise ValueError(
        "`path` must end in .csv, .tsv or .parquet, or be a folder of datasets; got"
        f" {path}"
    )


def read_table(
    path: str | Path, text_column: str, label_column: str
) -> tuple[list[str], list[object]]:
    """Read two columns of a CSV, TSV or parquet file, or of a folder of
    `datasets.save_to_disk`.

    A .tsv file has no quoting: each line is a row.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: The format is unknown, rows are lost, a column is missing, or a text
            or label is.
    """
    table = _read_frame(Path(path))
    for name, column in (("text_column", text_column), ("label_column", label_column)):
        if column not in table:
            raise ValueError(
                f"`{name}` must be one of {list(table.columns)}; got {column!r}"
            )
        if table[column].isna().any():
            row = int(table[column].isna().argmax())
            raise ValueError(f"`{name}` must have no missing values; row {row} has one")
    return [str(text) for text in table[text_column]], table[label_column].tolist()


def toxicity_levels(
    labels: Sequence[object],
    *,
    positive: str | None = None,
    threshold: float = 0.5,
    soft: bool = False,
) -> npt.NDArray[np.float32]:
    """Turn labels into what an identifier learns: float32 in [0, 1], higher is more
    toxic. *Shape:* (n,)

    Args:
        labels: toxicity levels in [0, 1], or names of classes.
        positive: the name of the toxic class, when labels are names.
        threshold: a level at or above it is toxic, unless `soft`.
        soft: keep the levels as they are.

    Raises:
        ValueError: A level is no number in [0, 1], or no label is `positive`.
    """
    if positive is not None:
        names = [str(label) for label in labels]
        if positive not in names:
            raise ValueError(
                f"`positive` must be one of the labels {sorted(set(names))[:10]}; got"
                f" {positive!r}"
            )
        return np.array([name == positive for name in names], dtype=np.float32)
    try:
        levels = np.array([float(label) for label in labels], dtype=np.float32)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`labels` must be levels in [0, 1], or `positive` name the toxic one; got"
            f" {error}"
        ) from error
    # Written so that NaN is wrong too.
    wrong = ~((levels >= 0) & (levels <= 1))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"`labels` must be in [0, 1]; row {row} has {labels[row]!r}")
    if soft:
        return levels
    return (levels >= threshold).astype(np.float32)


def stratified_split(
    levels: npt.NDArray[np.float32], share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw indices for training and for validation, with equal shares of toxic texts;
    the same for the same seed.

    Raises:
        ValueError: `share` is not in (0, 1), or a class is too small for both sides to
            have it.
    """
    if not 0 < share < 1:
        raise ValueError(f"`share` must be in (0, 1); got {share}")
    toxic = levels >= 0.5
    counts = {"toxic": int(toxic.sum()), "other": int((~toxic).sum())}
    for name, count in counts.items():
        if not 0 < round(share * count) < count:
            raise ValueError(
                f"`share` of {share} leaves a side without {name} texts ({count} in"
                " all)"
            )
    kept, held_out = train_test_split(
        np.arange(len(levels)), test_size=share, stratify=toxic, random_state=seed
    )
    return np.sort(kept), np.sort(held_out)


def load_tokenizer(name: str | Path) -> Tokenizer:
    """Load a pretrained tokenizer: a tokenizer.json, a folder with or without one, or a
    Hub id.

    Raises:
        OSError: transformers finds no such tokenizer.
        ValueError: It has no fast form.
    """
    path = Path(name)
    for file in (path, path / "tokenizer.json"):
        if file.is_file():
            return Tokenizer.from_file(str(file))
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(name), trust_remote_code=False)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        kind = type(tokenizer).__name__
        raise ValueError(
            f"`name` must be a tokenizer that the tokenizers library runs; {name} is a"
            f" {kind}"
        )
    return Tokenizer.from_str(backend.to_str())


def length_batches(
    lengths: npt.NDArray[np.int64], batch_size: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    """Cut shuffled texts into batches of like length: sorted within large pieces, then
    shuffled again.
    """
    order = generator.permutation(len(lengths))
    piece_size = _SORTED_TOGETHER * batch_size
    for start in range(0, len(order), piece_size):
        piece = order[start : start + piece_size]
        piece = piece[np.argsort(lengths[piece], kind="stable")]
        batches = [
            piece[first : first + batch_size]
            for first in range(0, len(piece), batch_size)
        ]
        for index in generator.permutation(len(batches)):
            yield batches[index]
