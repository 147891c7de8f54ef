"""Which model plays which part in a protocol, how it is loaded, and how a signature names it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .builtin_encoder import Encoder
from .builtin_identifier import ToxicityIdentifier
from .builtin_weights import SHA256
from .cpu_linear import quicken
from .model_classifier import Classifier
from .model_embedding import SentenceEmbedding
from .model_pair import PooledEmbedding, Regression
from .model_wieting import MODEL_FILE, WietingEmbedding, missing_files
from .model_xcomet import Xcomet, is_xcomet
from .protocols import ENCODER, IDENTIFIER, WIETING, Protocol
from .rules import class_index

# The built-in weights behind each built-in name.
_SHIPPED = {ENCODER: "encoder.safetensors", IDENTIFIER: "identifier.safetensors"}
# What of a model folder can move a score, in it or one folder below.
_SUFFIXES = {".safetensors", ".bin", ".pt", ".model", ".json", ".txt"}


@dataclass(frozen=True)
class Part:
    """One model and its part in a protocol.

    Attributes:
        role: "style", "content" or "fluency".
        kind: how it is run: "encoder", "identifier", "classifier", "sentence", "wieting", "pooler", "regression",
            "xcomet" or "chrf".
        model: a built-in name, a Hub id, optionally `@revision`, or a folder; None for chrF.
        reads: what the class that is read means: "toxic", "neutral" or "acceptable".
        index: that class by its index, as the protocol states it; None where the label's name decides.
        label: the "toxic" or "acceptable" class as the user names it, by name or index.
        tokenizer: a model whose tokenizer is used in place of its own.
        published: the model is the protocol's own, so that its classes are known by index whatever their labels say.
        cut: over-long inputs are cut anywhere, the closing special token lost.
    """

    role: str
    kind: str
    model: str | None
    reads: str = ""
    index: int | None = None
    label: str | int | None = None
    tokenizer: str | None = None
    published: bool = False
    cut: bool = False


class BuiltIn:
    """A built-in model, run as a Scorer's options say.

    Attributes:
        progress: a tqdm-like class, or None.
        truncated: distinct texts that were cut in the last call.
    """

    def __init__(self, model: Encoder | ToxicityIdentifier, batch_size: int | None):
        self.model, self.batch_size = model, batch_size
        self.progress = None

    @property
    def truncated(self) -> int:  # noqa: D102 (see the class)
        return getattr(self.model, "truncated", 0)

    def p_toxic(self, texts: Sequence[str]) -> np.ndarray:
        """P(toxic) of each text, in [0, 1]. *Shape:* (n,), float64."""
        score = self.model.style if isinstance(self.model, Encoder) else self.model.p_toxic
        return score(texts, batch_size=self.batch_size, progress=self.progress)

    def score(
        self, predictions: Sequence[str], sources: Sequence[str] | None, want: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """The encoder's scores by the names in `want`; see `Encoder.score`."""
        return self.model.score(predictions, sources, want, batch_size=self.batch_size, progress=self.progress)


def style_part(protocol: Protocol, model: str | None, label: str | int | None, tokenizer: str | None) -> Part:
    """The STA model: the protocol's, or the one given in its place, which brings its own tokenizer."""
    style = protocol.style
    model = style.model if model is None else model
    if model in (ENCODER, IDENTIFIER):
        return Part("style", model, model)
    published = _same_model(model, style.model)
    if tokenizer is None and (published or _lacks_tokenizer(model)):
        tokenizer = style.tokenizer
    reads = style.label_is if label is None else "toxic"
    return Part("style", "classifier", model, reads, style.label, label, tokenizer, published, style.cut)


def content_part(protocol: Protocol, model: str | None) -> Part:
    """The SIM model: the protocol's, or the one given in its place; a folder says itself whether it holds Wieting's
    files.
    """
    content = protocol.content
    model = content.model if model is None else model
    if model == ENCODER:
        kind = "encoder"
    elif model == WIETING or _holds(model, MODEL_FILE):
        kind = "wieting"
    elif content.kind == "wieting" and Path(model).is_dir() and not _holds(model, "config.json", "modules.json"):
        kind = "wieting"  # a folder without its files, which the error names
    elif content.kind in ("wieting", "encoder") or _holds(model, "modules.json"):
        kind = "sentence"
    else:
        kind = content.kind
    return Part("content", kind, model)


def fluency_part(protocol: Protocol, model: str | None, label: str | int | None) -> Part:
    """The FL model: the protocol's, or the one given in its place."""
    fluency = protocol.fluency
    if model is None:
        kind = fluency.kind
    elif model == ENCODER:
        kind = "encoder"
    else:
        is_same_kind = fluency.kind == "xcomet" and (_same_model(model, fluency.model) or is_xcomet(model))
        kind = "xcomet" if is_same_kind else "classifier"
    model = fluency.model if model is None else model
    published = model is not None and _same_model(model, fluency.model)
    return Part("fluency", kind, model, "acceptable", fluency.label, label, published=published, cut=fluency.cut)


def load(part: Part, device: str | None, batch_size: int | None, dtype: str) -> Any:
    """The model itself, ready to score.

    Raises:
        ImportError: an extra is not installed.
        OSError: the model is missing, gated or out of reach.
        ValueError: a folder does not hold what it should.
    """
    options = {"device": device, "batch_size": batch_size, "dtype": dtype}
    if part.kind == "classifier":
        return Classifier(part.model, role=part.role, tokenizer=part.tokenizer, cut=part.cut, **options)
    if part.kind == "encoder":
        encoder = Encoder.load(device=device, dtype=dtype)
        quicken(encoder.body)
        return BuiltIn(encoder, batch_size)
    if part.kind == "identifier":
        return BuiltIn(ToxicityIdentifier.from_pretrained(device=device), batch_size)
    if part.kind == "wieting":
        if part.model == WIETING:
            raise FileNotFoundError(missing_files())
        return WietingEmbedding(part.model)
    by_kind = {"sentence": SentenceEmbedding, "pooler": PooledEmbedding, "regression": Regression, "xcomet": Xcomet}
    return by_kind[part.kind](part.model, **options)


def class_read(part: Part, classifier: Classifier) -> tuple[int, str]:
    """The index of the class that a classifier's part reads, and what it means ("toxic", "neutral" or "acceptable").

    Raises:
        ValueError: the labels do not say, or lack the one that the user named; they are listed.
    """
    if part.label is not None:
        return classifier.label_index(part.label), part.reads
    if part.published and part.index is not None:
        return part.index, part.reads
    return class_index(classifier.labels, part.reads, part.index, f"{part.role}_label"), part.reads


def name_in_signature(part: Part, loaded: Any) -> str:
    """The model, which one exactly (the commit of a Hub model, a digest of a folder or of shipped weights), and the
    class read of it.
    """
    name = _exact(part.model, loaded) if part.model else part.kind
    if part.kind != "classifier":
        return name
    tokenizer = f"+{_exact(part.tokenizer, None)}" if part.tokenizer else ""
    index, reads = class_read(part, loaded)
    return f"{name}{tokenizer}#{index}={reads}"


def _exact(model: str, loaded: Any) -> str:
    if model in _SHIPPED:
        return f"{model}@{SHA256[_SHIPPED[model]][:8]}"
    if Path(model).is_dir():
        return f"{Path(model).resolve().name}@{folder_digest(model)}"
    name, _, revision = model.partition("@")
    revision = getattr(loaded, "revision", None) or revision
    return f"{name}@{revision}" if revision else name


def folder_digest(folder: str | Path) -> str:
    """Eight hexadecimal digits of the SHA-256 over the weights and settings in a model folder, the same wherever it
    lies.
    """
    digest = hashlib.sha256()
    paths = [path for pattern in ("*", "*/*") for path in Path(folder).glob(pattern) if path.suffix in _SUFFIXES]
    for path in sorted(paths, key=lambda path: path.relative_to(folder).as_posix()):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:8]


def _same_model(given: str, published: str | None) -> bool:
    return published is not None and given.partition("@")[0] == published


def _holds(folder: str, *files: str) -> bool:
    return any((Path(folder) / file).is_file() for file in files)


def _lacks_tokenizer(model: str) -> bool:
    folder = Path(model)
    return folder.is_dir() and not any(folder.glob("*token*")) and not any(folder.glob("*.model"))
