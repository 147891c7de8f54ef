"""SIM of the English s-nlp and STRAP evaluators: the subword-embedding model of Wieting
et al. 2019 (arXiv 1909.06694).

Two files of the authors are read, `sim.pt` (a vocabulary and its embeddings) and
`sim.sp.30k.model` (SentencePiece). Neither is part of this package. Text processing
follows wieting_similarity/{similarity_evaluator,sim_utils}.py of s-nlp/detox, quirks
included.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from .checkpoints import ModelRef, first_line, load_errors
from .model_embedding import paired_cosine
from .model_interface import Progress, Scored

MODEL_FILE = "sim.pt"
TOKENIZER_FILE = "sim.sp.30k.model"

# s-nlp/paradetox: evaluation_detox/README.md;
# martiansideofthemoon/style-transfer-paraphrase: README.md
WHERE = (
    "https://storage.yandexcloud.net/nlp/wieting_similarity_data.zip (or, from the"
    " authors of STRAP, http://style.cs.umass.edu)"
)

# The word that stands for a text without a known piece (sim_utils.py:
# Example.populate_embeddings).
UNKNOWN = "UUUNKKK"


def missing_files(folder: str | None = None) -> str:
    """Build the message for the two files when they are not there."""
    files = f"{MODEL_FILE} and {TOKENIZER_FILE}"
    place = "`content_model` names no folder"
    if folder is not None:
        place = f"{folder!r} does not hold both"
    return (
        f"SIM of this protocol needs the Wieting files, {files}, and {place}. Their"
        f" authors publish them at {WHERE}: give the folder as `content_model`."
        " Stand-ins, which show in the signature because numbers differ:"
        " content_model='encoder' (built in) or"
        " content_model='sentence-transformers/all-MiniLM-L6-v2'"
    )


class WietingEmbedding:
    """Cosine of mean subword embeddings, in [-1, 1], higher is better.

    Args:
        folder: where `sim.pt` and `sim.sp.30k.model` are.

    Raises:
        FileNotFoundError: one of them is missing; the message says where to get them.
        ImportError: NLTK or SentencePiece is not installed.
        OSError: `sim.sp.30k.model` is damaged.
        ValueError: `sim.pt` is not what the authors publish, or holds code.
    """

    revision = ""
    dtype = "float32"

    def __init__(self, folder: str | Path | ModelRef) -> None:
        ref = folder
        if not isinstance(ref, ModelRef):
            ref = ModelRef(str(folder), "", Path(ref))
        place = Path(ref.location)
        model, tokenizer = place / MODEL_FILE, place / TOKENIZER_FILE
        if not model.is_file() or not tokenizer.is_file():
            raise FileNotFoundError(missing_files(str(place)))
        try:
            from nltk.tokenize.treebank import TreebankWordTokenizer
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise ImportError(
                "the Wieting SIM needs NLTK and SentencePiece: pip install"
                " '.[wieting]' in a clone"
            ) from error
        self.name = f"the content model {str(ref)!r}"
        self.words = TreebankWordTokenizer()
        with load_errors(ref, "content similarity", "content_model"):
            self.pieces = SentencePieceProcessor(model_file=str(tokenizer))
        self.vocabulary, self.vectors = _read(model)

    def score(
        self, first: Sequence[str], second: Sequence[str], *, progress: Progress = None
    ) -> Scored:
        """Compute one cosine per pair. *Shape:* (n,)."""
        return paired_cosine(self.embed, first, second, self.name)

    def embed(self, texts: list[str]) -> Scored:
        """Compute the mean embedding of each text. *Shape:* (texts, d), float32."""
        # The scripts cut no text: a mean has room for any number of pieces.
        bags = [self.indices(text) for text in texts]
        lengths = [len(bag) for bag in bags]
        starts = torch.from_numpy(np.cumsum([0, *lengths[:-1]]))
        flat = torch.tensor(list(chain.from_iterable(bags)))
        with torch.inference_mode():
            means = torch.nn.functional.embedding_bag(
                flat, self.vectors, starts, mode="mean"
            )
        return Scored(means.numpy())

    def indices(self, text: str) -> list[int]:
        """Return the vocabulary indices of a text's pieces, never empty.

        Index 0 is dropped as if unknown, because the scripts ask `if emb:`; unknown
        pieces are dropped.
        """
        words = " ".join(self.words.tokenize(text.lower()))
        pieces = " ".join(self.pieces.encode(words, out_type=str))
        found = map(self.vocabulary.get, pieces.lower().split())
        known = [index for index in found if index]
        if not known:
            return [self.vocabulary[UNKNOWN]]
        return known


def _read(path: Path) -> tuple[dict[str, int], torch.Tensor]:
    """Read vocabulary and embeddings, running no code. *Shape:* (words, d)."""
    try:
        # The training options lie beside the tensors.
        with torch.serialization.safe_globals([argparse.Namespace]):
            stored = torch.load(path, map_location="cpu", weights_only=True)
        vocabulary = stored["vocab_words"]
        vectors = stored["state_dict"]["embedding.weight"].float()
        words, _ = vectors.shape
        fits = all(0 <= index < words for index in vocabulary.values())
        if not fits or UNKNOWN not in vocabulary:
            raise ValueError(
                f"its vocabulary does not fit its {words} embeddings, or lacks"
                f" {UNKNOWN}"
            )
    except Exception as error:  # a damaged pickle raises whatever its bytes lead to
        reason = f"{type(error).__name__}: {first_line(error)}"
        message = (
            f"`content_model`: {path} is not a Wieting model, or holds more than"
            f" tensors ({reason})"
        )
        raise ValueError(message) from error
    return vocabulary, vectors
