"""Class logits from a sequence classifier of the Hub or of a folder: STA and FL are both read from one.

Batches hold texts of one length, so that nothing is padded and no text's score depends on its neighbours; models of
BERT's kin take all lengths at once, packed. Which class is meant, and what becomes of its logit, is not decided here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .batching import default_token_budget, resolve_device, resolve_dtype, run
from .cpu_linear import quicken
from .cpu_packing import can_pack, first_position, pack, packed_logits, to_device
from .model_embedding import unavailable
from .model_pair import load_transformer, split_revision

# Texts are cut at this many tokens, as in the released scripts (s-nlp/pseudoparadetox: src/utils/evaluate.py;
# pan-webis-de/pan-code).
MAX_LENGTH = 512

# What a model sees of a tokenizer's columns. No mask is among them, for nothing is padded.
_COLUMNS = ("input_ids", "token_type_ids")


class Classifier:
    """A sequence classifier and its tokenizer.

    Safe to use from several threads: calls to `logits` wait for each other.

    Attributes:
        model: as given.
        revision: the commit of a Hub model where it is known, else the revision asked for; "" for a folder.
        labels: the name of each class by its index.
        multi_label: classes do not exclude each other.
        max_length: tokens at which texts are cut, special tokens included.
        truncated: distinct texts that were cut in the last call of `logits`.

    Args:
        model: a Hub id, a Hub id with `@revision`, or a folder. What exists as a folder is one; else what starts with
            "/", "." or "~", or holds a backslash or several slashes, is a folder that is missing; all else is a Hub id.
        role: what it is for, "style" or "fluency", for messages.
        device: see `resolve_device`.
        batch_size: most texts of a batch; as many as keep the device busy when None.
        dtype: of the layers, see `DTYPES`.
        max_length: tokens at which texts are cut; the model's own limit when that is lower.
        tokenizer: a Hub id or folder whose tokenizer is used in place of the model's.
        cut: drop what is over `max_length` wherever it falls, the closing special token too, as fairseq's evaluators do
            (s-nlp/paradetox: evaluation_detox/metric_tools/fluency.py); a cut text keeps its closing token otherwise.
        progress: a tqdm-like class.

    Raises:
        FileNotFoundError: `model` is a folder that is missing, or one without safetensors weights.
        OSError: the model is missing on the Hub, gated, or out of reach.
        ValueError: `device`, `dtype` or `max_length` is not valid.
    """

    def __init__(
        self,
        model: str,
        *,
        role: str,
        device: str | torch.device | None = None,
        batch_size: int | None = None,
        dtype: str = "float32",
        max_length: int = MAX_LENGTH,
        tokenizer: str | None = None,
        cut: bool = False,
        progress: Callable[..., Any] | None = None,
    ) -> None:
        self.model, self.role, self.batch_size, self.progress = model, role, batch_size, progress
        self.device = resolve_device(device)
        self._dtype = resolve_dtype(dtype)
        self.truncated = 0
        self._cut = cut
        self._lock = threading.Lock()
        check_folder(model, role)
        self._tokenizer = _load_tokenizer(tokenizer or model, role)
        self._network = self._load(self._dtype)
        self._exact = self._network if self._dtype is torch.float32 else None
        config = self._network.config
        self.labels: Mapping[int, str] = {int(index): str(label) for index, label in config.id2label.items()}
        self.multi_label = config.problem_type == "multi_label_classification"
        self.revision = commit(model)
        if max_length < 1:
            raise ValueError(f"`max_length` must be at least 1; got {max_length}")
        self.max_length = min([max_length, self._tokenizer.model_max_length, *_positions(self._network)])

    def logits(self, texts: Sequence[str], near: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
        """One row of logits a text. *Shape:* (n, labels), float32.

        Args:
            texts: n strings.
            near: from logits, *Shape:* (m, labels), to the rows so near to a decision that they are computed again in
                float32, *Shape:* (m,), bool; not asked when `dtype` is float32.

        Raises:
            ValueError: a logit is not a number.
        """
        with self._lock:
            self.truncated = 0
            logits = self._run(self._network, texts)
            truncated = self.truncated
            if near is not None and self._exact is not self._network:
                rows = np.flatnonzero(near(logits))
                if len(rows):
                    self._exact = self._exact or self._load(torch.float32)
                    logits[rows] = self._run(self._exact, [texts[i] for i in rows])
            self.truncated = truncated
        bad = np.flatnonzero(np.isnan(logits).any(axis=1))
        if len(bad):
            first = f"first for the text {texts[bad[0]]!r:.200}"
            raise ValueError(f"the {self.role} model {self.model!r} gave logits that are not numbers, {first}")
        return logits

    def label_index(self, label: str | int) -> int:
        """The index of a class by its name, or the index itself, checked.

        Raises:
            ValueError: the model has no such class; its labels are listed.
        """
        for index, name in self.labels.items():
            if name == label or (index == label and not isinstance(label, bool)):
                return index
        expected = f"must be a label of {self.model!r}, one of {dict(self.labels)}"
        raise ValueError(f"`{self.role}_label` {expected}; got {label!r}")

    def _run(self, network: Any, texts: Sequence[str]) -> np.ndarray:
        """Logits of `texts`, by one of the two ways to batch."""
        packed = can_pack(network)
        forward = packed_logits if packed else _equal_length_logits
        # Generative models without a padding token refuse a batch even where nothing is padded.
        batch_size = 1 if not packed and network.config.pad_token_id is None else self.batch_size
        rows = run(
            texts,
            self._encode,
            lambda batch: forward(network, batch).float(),
            token_budget=default_token_budget(self.device),
            batch_size=batch_size,
            equal_lengths=not packed,
            progress=self.progress,
        )
        return rows.numpy().reshape(-1, len(self.labels))

    def _encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids, then token types where the tokenizer gives them, of each text. *Shape:* (tokens, columns)."""
        encoded = self._tokenizer(list(texts), return_attention_mask=False, verbose=False)
        columns = [encoded[name] for name in _COLUMNS if name in encoded]
        long = [i for i, ids in enumerate(columns[0]) if len(ids) > self.max_length]
        self.truncated += len(long)
        if self._cut:
            columns = [[values[: self.max_length] for values in column] for column in columns]
        elif long:
            cut = self._tokenizer([texts[i] for i in long], truncation=True, max_length=self.max_length)
            for column, name in zip(columns, _COLUMNS, strict=False):
                for i, values in zip(long, cut[name], strict=True):
                    column[i] = values
        return [np.array(row, dtype=np.int64).T for row in zip(*columns, strict=True)]

    def _load(self, dtype: torch.dtype) -> Any:
        from transformers import AutoModelForSequenceClassification

        option = f"{self.role}_model"
        network = load_transformer(
            AutoModelForSequenceClassification, self.model, self.role, option, self.device, torch.float32
        )
        if can_pack(network):
            pack(network, dtype)
            return network
        network = network.to(dtype)
        quicken(network)
        return network


def check_folder(model: str, role: str) -> None:
    """Refuses a folder that is missing or holds no safetensors weights.

    Raises:
        FileNotFoundError: it is such a folder.
    """
    ways_out = f"give another as `{role}_model`, or use the protocol 'embedded', whose model comes with the package"
    folder = Path(model)
    if folder.is_dir():
        if not any(folder.glob("*.safetensors")):
            has = "only a *.bin, a pickle that could run code" if any(folder.glob("*.bin")) else "none"
            lacks = f"must hold *.safetensors weights; it has {has}"
            raise FileNotFoundError(f"the folder {model!r}, for {role}, {lacks}. Convert it, {ways_out}")
    elif model.startswith(("/", ".", "~")) or "\\" in model or model.count("/") > 1:
        raise FileNotFoundError(f"the folder {model!r}, for {role}, does not exist; {ways_out}")


def commit(model: str) -> str:
    """The commit of a Hub model in the local cache, else the revision asked for; "" for a folder."""
    from huggingface_hub import try_to_load_from_cache

    name, revision = split_revision(model)
    if Path(name).is_dir():
        return ""
    path = try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(path).parent.name if isinstance(path, str) else revision


def _load_tokenizer(model: str, role: str) -> Any:
    from transformers import AutoTokenizer

    name, revision = split_revision(model)
    try:
        return AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise OSError(unavailable(model, f"{role} (its tokenizer)", f"{role}_model", error)) from error


def _equal_length_logits(network: Any, batch: Sequence[np.ndarray]) -> torch.Tensor:
    """Logits of texts of one length, which need neither padding nor a mask. *Shape:* (batch, labels)."""
    columns = to_device([np.ascontiguousarray(column) for column in np.stack(batch).transpose(2, 0, 1)], network.device)
    return network(**dict(zip(_COLUMNS, columns, strict=False))).logits


def _positions(network: Any) -> list[int]:
    """How many tokens each of a model's tables of positions has room for; none for relative positions."""
    tables = [
        module
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Embedding) and name.endswith(("position_embeddings", "embed_positions", "wpe"))
    ]
    return [table.num_embeddings - first_position(table) for table in tables]
