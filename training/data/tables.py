"""What the identifier is trained on: texts and toxicity levels from any table, a split, batches, any tokenizer."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer


def read_table(path: str | Path, text_column: str, label_column: str) -> tuple[list[str], list[object]]:
    """Two columns of a CSV, TSV or parquet file, or of a folder of `datasets.save_to_disk`.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: the format is unknown, a column is missing, or a text or label is.
    """
    import pandas as pd

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"`path` must be a file or a folder of datasets; there is none at {path}")
    if path.is_dir():
        from datasets import Dataset, load_from_disk

        data = load_from_disk(str(path))
        table = (data if isinstance(data, Dataset) else data["train"]).to_pandas()
    elif path.suffix == ".parquet":
        table = pd.read_parquet(path)
    elif path.suffix in (".csv", ".tsv"):
        # An empty text or the word "None" is a text, not a missing value.
        table = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", keep_default_na=False)
    else:
        raise ValueError(f"`path` must end in .csv, .tsv or .parquet, or be a folder of datasets; got {path}")
    for name, column in (("text_column", text_column), ("label_column", label_column)):
        if column not in table:
            raise ValueError(f"`{name}` must be one of {list(table.columns)}; got {column!r}")
        if table[column].isna().any():
            raise ValueError(f"`{name}` must have no missing values; row {int(table[column].isna().argmax())} has one")
    return [str(text) for text in table[text_column]], table[label_column].tolist()


def targets(
    labels: Sequence[object], *, positive: str | None = None, threshold: float = 0.5, soft: bool = False
) -> np.ndarray:
    """What the identifier learns: float32 in [0, 1], higher is more toxic. *Shape:* (n,)

    Args:
        labels: toxicity levels in [0, 1], or names of classes.
        positive: the name of the toxic class, when labels are names.
        threshold: a level at or above it is toxic, unless `soft`.
        soft: keep the levels as they are.

    Raises:
        ValueError: a level is no number in [0, 1], or no label is `positive`.
    """
    if positive is not None:
        levels = np.array([str(label) == positive for label in labels], dtype=np.float32)
        if not levels.any():
            found = sorted({str(label) for label in labels})[:10]
            raise ValueError(f"`positive` must be one of the labels {found}; got {positive!r}")
        return levels
    try:
        levels = np.array([float(label) for label in labels], dtype=np.float32)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ValueError(f"`labels` must be levels in [0, 1], or `positive` name the toxic one; got {error}") from error
    wrong = ~((levels >= 0) & (levels <= 1))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(f"`labels` must be in [0, 1]; row {place} has {labels[place]!r}")
    return levels if soft else (levels >= threshold).astype(np.float32)


def stratified_split(levels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices for training and for validation, with equal shares of toxic texts; the same for the same seed.

    Raises:
        ValueError: `share` is not in (0, 1), or a class is too small for both sides to have it.
    """
    if not 0 < share < 1:
        raise ValueError(f"`share` must be in (0, 1); got {share}")
    generator = np.random.default_rng(seed)
    held, kept = [], []
    for toxic in (False, True):
        places = generator.permutation(np.flatnonzero((levels >= 0.5) == toxic))
        count = round(share * len(places))
        if not 0 < count < len(places):
            raise ValueError(
                f"`share` of {share} leaves a side without {'toxic' if toxic else 'other'} texts ({len(places)} in all)"
            )
        held.append(places[:count])
        kept.append(places[count:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(held))


def load_tokenizer(name: str | Path) -> Tokenizer:
    """A pretrained tokenizer: a tokenizer.json, a folder with or without one, or a Hub id.

    Raises:
        OSError: transformers finds no such tokenizer.
        ValueError: it has no fast form.
    """
    path = Path(name)
    for file in (path, path / "tokenizer.json"):
        if file.is_file():
            return Tokenizer.from_file(str(file))
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(name), trust_remote_code=False)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ValueError(
            f"`name` must be a tokenizer that the tokenizers library runs; {name} is a {type(tokenizer).__name__}"
        )
    return Tokenizer.from_str(backend.to_str())


def batches(lengths: np.ndarray, batch_size: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Shuffled batches of texts of like length: of every fifty batches' worth, sorted, cut and shuffled again."""
    order = generator.permutation(len(lengths))
    for start in range(0, len(order), 50 * batch_size):
        chunk = order[start : start + 50 * batch_size]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        cuts = [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
        for place in generator.permutation(len(cuts)):
            yield cuts[place]


class Resplit:
    """Splits some tokens in two, so that a word scores alike however it is cut.

    The toxicity loss sees a generator's cuts, and obfuscations cut anywhere. After MaxMatch-Dropout (Hiraoka 2022,
    https://aclanthology.org/2022.coling-1.430).

    Args:
        vocabulary: token to id of a WordPiece tokenizer.
        share: of the tokens that can be split, in [0, 1].
    """

    def __init__(self, vocabulary: dict[str, int], share: float = 0.04) -> None:
        self.share = share
        self.splits: list[list[tuple[int, int]]] = [[] for _ in range(max(vocabulary.values()) + 1)]
        for token, place in vocabulary.items():
            start = 3 if token.startswith("##") else 1
            for cut in range(start, len(token) if token.isalpha() or start == 3 else 0):
                rest = vocabulary.get(f"##{token[cut:]}")
                if token[:cut] in vocabulary and rest is not None:
                    self.splits[place].append((vocabulary[token[:cut]], rest))

    def __call__(self, ids: list[int], generator: random.Random) -> list[int]:
        """The ids, some of them replaced by two."""
        result: list[int] = []
        for token in ids:
            if generator.random() < self.share and self.splits[token]:
                result.extend(generator.choice(self.splits[token]))
            else:
                result.append(token)
        return result
