"""The shipped identifier in NumPy, for the command line: importing torch costs ten
times what it takes to score.

The arithmetic is that of `ToxicityIdentifier`, whose scores it gives to about 1e-6; for
long input torch is faster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from tokenizers import Tokenizer

from .builtin_weights import find_weights, name_with_digest
from .protocols import IDENTIFIER, Protocol
from .results import Segments
from .rules import Decision, saturate, sigmoid
from .signature import in_order
from .text import tokenize, windows_of_all

_FILE = "identifier.safetensors"
# Above this number of texts, torch makes up for its import.
MOST_TEXTS = 5000
_TOKENS = 8192

__all__ = ["MOST_TEXTS", "score_style"]

Floats = npt.NDArray[np.float32]


def score_style(
    predictions: Sequence[str], protocol: Protocol, threshold: float | None
) -> Segments:
    """Return STA of texts, signed as `Scorer(protocol, style_model="identifier")`.

    Args:
        predictions: texts, checked.
        protocol: one with a soft style rule that compares with nothing.
        threshold: P(toxic) above which a text counts as toxic, in [0, 1]; 0.5 when
            None.
    """
    limit = 0.5
    if threshold is not None:
        limit = float(threshold)
    p_toxic = NumpyIdentifier().p_toxic(predictions)
    nontoxic = (p_toxic <= limit).astype(np.float64)
    sta = saturate(1 - p_toxic, protocol.style.saturation)
    names = {"style": name_with_digest(IDENTIFIER)}
    decision = Decision("probability", limit)
    signature = in_order(protocol, names, decision, soft=True)
    return Segments(sta, p_toxic, nontoxic, None, None, None, signature)


class NumpyIdentifier:
    """The shipped identifier, without torch.

    Raises:
        OSError: the weights are missing or are not those of this release.
    """

    def __init__(self) -> None:
        with safe_open(str(find_weights(_FILE)), framework="np") as file:
            self._tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = file.metadata()
        config = json.loads(metadata["config"])
        self._widths = config["widths"]
        self._layers = len(config["hidden"]) + 1
        self._size = config["max_length"]
        self._pad_id = config["vocab_size"]
        self._tokenizer = Tokenizer.from_str(metadata["tokenizer"])
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def p_toxic(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return P(toxic) of each text, in [0, 1], lower is better. *Shape:* (n,)"""
        distinct = list(dict.fromkeys(texts))
        ids = tokenize(self._tokenizer, distinct, special_tokens=False)
        rows, row_owners = windows_of_all(ids, self._size, self._size * 3 // 4)
        owners = np.array(row_owners)
        lengths = list(map(len, rows))
        # Of a text in several windows the largest logit counts.
        logits = np.full(len(distinct), -np.inf)
        for batch in _batches(lengths):
            chosen = [rows[index] for index in batch]
            np.maximum.at(logits, owners[batch], self._logits(chosen))
        scores = dict(zip(distinct, sigmoid(logits), strict=True))
        return np.array([scores[text] for text in texts])

    def _logits(self, rows: list[list[int]]) -> Floats:
        """Return the logits of token ids, as `ToxicityIdentifier`. *Shape:* (batch,)"""
        length = max(1, *map(len, rows))
        # A window starts at each token; those at the end look past it, at zeros.
        beyond = max(self._widths, default=1) - 1
        ids = np.full((len(rows), length + beyond), self._pad_id)
        for padded, row in zip(ids, rows, strict=True):
            padded[: len(row)] = row
        is_token = ids != self._pad_id
        seen = is_token[:, :, None].astype(np.float32)
        embeddings = self._rows("embedding", ids) * seen
        mask = seen[:, :length]
        counts = np.maximum(mask.sum(1), 1)
        features = [embeddings[:, :length].sum(1) / counts]
        for index, width in enumerate(self._widths):
            shifted = [embeddings[:, start : start + length] for start in range(width)]
            under = np.concatenate(shifted, axis=-1)
            convolved = self._linear(f"convolutions.{index}", under)
            activated = np.maximum(convolved, 0) * mask
            features.append(activated.max(1))
        states = np.concatenate(features, axis=-1)
        # Each linear layer of the classifier is followed by a ReLU and a dropout, and
        # the first follows a dropout.
        for layer in range(self._layers):
            states = self._linear(f"classifier.{3 * layer + 1}", states)
            if layer < self._layers - 1:
                states = np.maximum(states, 0)
        return states[:, 0]

    def _rows(self, name: str, ids: npt.NDArray[np.int64]) -> Floats:
        """Return rows of a matrix that is stored as int8 with a scale per row."""
        weights = self._tensors[f"{name}.weight"]
        scale = self._tensors[f"{name}.weight.scale"]
        rows: Floats = weights[ids].astype(np.float32) * scale[ids]
        return rows

    def _linear(self, name: str, states: Floats) -> Floats:
        stored = self._tensors[f"{name}.weight"]
        scale = self._tensors[f"{name}.weight.scale"]
        bias = self._tensors[f"{name}.bias"]
        weights = stored.astype(np.float32) * scale
        result: Floats = states @ weights.T + bias
        return result


def _batches(lengths: Sequence[int]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield indices of rows of like length, under a budget of tokens."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order):
            longest = lengths[order[stop]]
            if (stop + 1 - start) * longest > _TOKENS:
                break
            stop += 1
        yield order[start:stop]
        start = stop
