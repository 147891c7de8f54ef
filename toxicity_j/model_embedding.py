"""SIM by sentence-transformers: the cosine of two embeddings, such as LaBSE's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .checkpoints import (
    ModelRef,
    entries,
    load_errors,
    require_regular_files,
    require_tensors,
)
from .devices import Device, resolve_device, resolve_dtype
from .model_interface import Progress, Scored
from .token_batches import deduplicate

# torch.nn.CosineSimilarity's floor for a vector's length, which the Wieting scripts
# inherit.
_EPSILON = 1e-8

# What is fetched from the Hub: no pickled weights, no code.
_SUFFIXES = ("json", "txt", "model", "safetensors")
_FILES = [f"{part}*.{suffix}" for part in ("", "*/") for suffix in _SUFFIXES]


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute row-wise cosines, in [-1, 1]; 0 where a vector is null.

    *Shape:* (n, d) and (n, d) to (n,), float64.
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    products = (one * other).sum(axis=1)
    lengths = _lengths(one) * _lengths(other)
    cosines: np.ndarray = np.clip(products / lengths, -1, 1)
    return cosines


def _lengths(vectors: np.ndarray) -> np.ndarray:
    lengths: np.ndarray = np.maximum(np.linalg.norm(vectors, axis=1), _EPSILON)
    return lengths


def paired_cosine(
    embed: Callable[[list[str]], Scored],
    first: Sequence[str],
    second: Sequence[str],
    model: str,
) -> Scored:
    """Compute the cosine of each pair, every distinct text embedded once.

    Args:
        embed: texts to vectors. *Shape:* (texts, d)
        first: one text per pair.
        second: the other, as many.
        model: what embeds, for messages.

    Returns:
        In [-1, 1]. *Shape:* (n,)

    Raises:
        ValueError: a vector is not finite.
    """
    texts, indices = deduplicate([*first, *second])
    found = embed(texts)
    vectors = Scored.checked(found.values, found.truncated, texts, model).values
    n = len(first)
    cosines = cosine(vectors[indices[:n]], vectors[indices[n:]])
    pairs = list(zip(first, second, strict=True))
    return Scored.checked(cosines, found.truncated, pairs, model)


class SentenceEmbedding:
    """Cosine of sentence-transformers embeddings, in [-1, 1], higher is better.

    Attributes:
        revision: the commit of a Hub model; "" for a folder.
        dtype: the name of the transformer's number format.

    Args:
        model: see `ModelRef.parse`.
        device: see `resolve_device`.
        batch_size: texts of a batch; 32 when None.
        dtype: of the transformer's weights.

    Raises:
        ImportError: sentence-transformers is not installed.
        OSError: the model is missing, gated, out of reach or damaged.
        ValueError: weights are pickled or missing, or a part is of another package.
    """

    def __init__(
        self,
        model: str | ModelRef,
        *,
        device: Device = None,
        batch_size: int | None = None,
        dtype: str = "float32",
    ) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ImportError(
                f"SIM with {str(model)!r} needs sentence-transformers: pip install"
                " '.[sentence]' in a clone, or give another `content_model`"
            ) from error
        self._ref = ModelRef.parse(model, "content_model")
        self.dtype, self.batch_size = dtype, batch_size or 32
        place, kind = resolve_device(device), resolve_dtype(dtype)
        folder = self._find_checked()
        self.revision = ""
        if self._ref.folder is None:
            self.revision = folder.name  # .../snapshots/<commit>
        with self._load_errors():
            loaded = SentenceTransformer(
                str(folder),
                device=str(place),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"dtype": kind, "use_safetensors": True},
            )
            self.model = loaded.eval()
            missing = _missing_tensors(self.model[0].auto_model, folder)
        require_tensors(missing, self._ref, "content_model")

    def _load_errors(self) -> AbstractContextManager[None]:
        return load_errors(self._ref, "content similarity", "content_model")

    def _find_checked(self) -> Path:
        """Return the model's folder, checked before anything of it is loaded."""
        with self._load_errors():
            folder = _fetch(self._ref)
        require_regular_files(folder, "content_model")
        with self._load_errors():
            parts = _read_parts(folder)
        _check_parts(folder, parts)
        return folder

    def score(
        self, first: Sequence[str], second: Sequence[str], *, progress: Progress = None
    ) -> Scored:
        """Compute one cosine per pair. *Shape:* (n,)."""
        return paired_cosine(
            self._embed, first, second, f"the content model {str(self._ref)!r}"
        )

    def _embed(self, texts: list[str]) -> Scored:
        """Embed texts. *Shape:* (texts, d), float32."""
        with torch.inference_mode():
            vectors = self.model.encode(
                texts,
                batch_size=self.batch_size,
                show_progress_bar=False,
                convert_to_tensor=True,
            )
        values = vectors.float().cpu().numpy()
        return Scored(values, self._count_truncated(texts))

    def _count_truncated(self, texts: list[str]) -> int:
        """Count the texts that sentence-transformers cuts without a word."""
        limit = self.model.max_seq_length
        if limit is None:
            return 0
        # A token stands for a character at least, so most texts need not be tokenized
        # again.
        long = [text for text in texts if len(text.encode()) + 2 > limit]
        if not long:
            return 0
        encoded = self.model.tokenizer(
            long, truncation=False, padding=False, verbose=False
        )
        return sum(len(ids) > limit for ids in encoded["input_ids"])


def _fetch(ref: ModelRef) -> Path:
    """Return the folder that holds the model; of a Hub model no code is fetched."""
    if ref.folder is not None:
        return ref.folder
    from huggingface_hub import snapshot_download

    path = snapshot_download(ref.name, revision=ref.revision, allow_patterns=_FILES)
    return Path(path)


def _read_parts(folder: Path) -> list[str]:
    """Return the class names of the parts that `modules.json` lists."""
    modules = folder / "modules.json"
    if not modules.is_file():
        return []
    listed = json.loads(modules.read_text(encoding="utf-8"))
    return [str(part["type"]) for part in listed]


def _check_parts(folder: Path, parts: list[str]) -> None:
    """Refuse parts of others' code, and weights in pickles.

    Raises:
        ValueError: `modules.json` names a class of another package, or a part has
            pickled weights alone.
    """
    for name in parts:
        if not name.startswith("sentence_transformers."):
            modules = folder / "modules.json"
            raise ValueError(
                f"`content_model`: {modules} must name parts of sentence_transformers"
                f" only; got {name!r}"
            )
    for pickled in entries(folder, "*.bin"):
        if not any(pickled.parent.glob("*.safetensors")):
            raise ValueError(
                f"`content_model`: {pickled} is a pickle that could run code; weights"
                " must be *.safetensors files"
            )
    if not entries(folder, "*.safetensors"):
        raise ValueError(
            f"`content_model`: the folder {str(folder)!r} must hold *.safetensors"
            " weights; it has none"
        )


def _missing_tensors(network: Any, folder: Path) -> list[str]:
    """Return the tensors of a transformer that no file holds."""
    # Without its pooler's, which sentence embeddings ignore.
    from safetensors import safe_open

    stored: set[str] = set()
    for path in [*folder.glob("*.safetensors"), *folder.glob("0_*/*.safetensors")]:
        with safe_open(str(path), framework="pt") as file:
            stored.update(map(_todays_name, file.keys()))
    # A checkpoint of a larger model names the transformer's tensors behind its own
    # prefix.
    stored |= {name.partition(".")[2] for name in stored}
    return [
        name
        for name in network.state_dict()
        if name not in stored and not name.startswith("pooler.")
    ]


def _todays_name(tensor: str) -> str:
    """Return a tensor's name as transformers reads it."""
    # Checkpoints from TensorFlow say gamma and beta.
    return tensor.replace(".gamma", ".weight").replace(".beta", ".bias")
