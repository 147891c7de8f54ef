"""The shipped identifier in NumPy, for the command line: importing torch costs ten
times what it takes to score.

The arithmetic is that of `ToxicityIdentifier`, whose scores it gives to about 1e-6; for
long input torch is faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from tokenizers import Tokenizer

from .builtin_identifier_config import CPU_TOKENS, MODEL_FILE, IdentifierConfig
from .builtin_weights import find_weights, name_with_digest
from .protocols import IDENTIFIER, Protocol
from .results import Segments
from .rules import Decision, saturate, sigmoid
from .signature import in_order
from .text import tokenize, windows_of_all
from .token_batches import deduplicate, token_batches

# Above this number of texts, torch makes up for its import.
MOST_TEXTS = 5000

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
        with safe_open(str(find_weights(MODEL_FILE)), framework="np") as file:
            self._tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = file.metadata()
        self._config = IdentifierConfig.from_json(metadata["config"])
        self._tokenizer = Tokenizer.from_str(metadata["tokenizer"])
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def p_toxic(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return P(toxic) of each text, in [0, 1], lower is better. *Shape:* (n,)"""
        distinct, indices = deduplicate(texts)
        ids = tokenize(self._tokenizer, distinct, special_tokens=False)
        config = self._config
        rows, row_owners = windows_of_all(ids, config.max_length, config.window_stride)
        owners = np.array(row_owners)
        lengths = list(map(len, rows))
        # Of a text in several windows the largest logit counts.
        logits = np.full(len(distinct), -np.inf)
        for batch in token_batches(lengths, CPU_TOKENS):
            chosen = [rows[index] for index in batch]
            np.maximum.at(logits, owners[batch], self._logits(chosen))
        scores: npt.NDArray[np.float64] = sigmoid(logits)[indices]
        return scores

    def _logits(self, rows: list[list[int]]) -> Floats:
        """Return the logits of token ids, as `ToxicityIdentifier`. *Shape:* (batch,)"""
        length = max(1, *map(len, rows))
        # A window starts at each token; those at the end look past it, at zeros.
        widths, pad_id = self._config.widths, self._config.vocab_size
        beyond = max(widths, default=1) - 1
        ids = np.full((len(rows), length + beyond), pad_id)
        for padded, row in zip(ids, rows, strict=True):
            padded[: len(row)] = row
        is_token = ids != pad_id
        seen = is_token[:, :, None].astype(np.float32)
        embeddings = self._rows("embedding", ids) * seen
        mask = seen[:, :length]
        counts = np.maximum(mask.sum(1), 1)
        features = [embeddings[:, :length].sum(1) / counts]
        for index, width in enumerate(widths):
            shifted = [embeddings[:, start : start + length] for start in range(width)]
            under = np.concatenate(shifted, axis=-1)
            convolved = self._linear(f"convolutions.{index}", under)
            activated = np.maximum(convolved, 0) * mask
            features.append(activated.max(1))
        states = np.concatenate(features, axis=-1)
        # Each linear layer of the classifier is followed by a ReLU and a dropout, and
        # the first follows a dropout.
        layers = len(self._config.hidden) + 1
        for layer in range(layers):
            states = self._linear(f"classifier.{3 * layer + 1}", states)
            if layer < layers - 1:
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
