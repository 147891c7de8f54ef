"""What tests hold scores against: computed by other libraries, text by text or in one
padded batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch


def sentence_cosine(path: str, first: Sequence[str], second: Sequence[str]):
    """Cosines of sentence-transformers' embeddings. *Shape:* (n,)."""
    return _sentence_cosine(path, tuple(first), tuple(second))


@cache
def _sentence_cosine(path: str, first: tuple[str, ...], second: tuple[str, ...]):
    from scipy.spatial.distance import cosine
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(path, device="cpu")
    pairs = zip(model.encode(first), model.encode(second), strict=True)
    return np.array([1 - cosine(a, b) for a, b in pairs])


def pooled_cosine(path: str, first: Sequence[str], second: Sequence[str]):
    """Cosines of the pooled outputs of transformers' AutoModel. *Shape:* (n,)."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModel.from_pretrained(path).eval()
    vectors = []
    for texts in (first, second):
        inputs = tokenizer(
            list(texts), return_tensors="pt", padding=True, truncation=True
        )
        with torch.no_grad():
            pooled = model(**inputs).pooler_output
        vectors.append(torch.nn.functional.normalize(pooled))
    return (vectors[0] * vectors[1]).sum(1).numpy()


def slow_wieting(folder: str, text: str) -> torch.Tensor:
    """One text at a time, as the published look-up does it: lower, Treebank, pieces,
    lower, `if emb:`, UUUNKKK, mean.
    """
    from nltk.tokenize import TreebankWordTokenizer
    from sentencepiece import SentencePieceProcessor

    stored = torch.load(f"{folder}/sim.pt", weights_only=False)
    embeddings = stored["state_dict"]["embedding.weight"]
    pieces = SentencePieceProcessor(model_file=f"{folder}/sim.sp.30k.model")
    words = " ".join(TreebankWordTokenizer().tokenize(text.lower()))
    rows = []
    for piece in " ".join(pieces.EncodeAsPieces(words)).strip().lower().split():
        index = stored["vocab_words"].get(piece.lower())
        if index:
            rows.append(embeddings[index])
    if not rows:
        rows = [embeddings[stored["vocab_words"]["UUUNKKK"]]]
    return torch.stack(rows).sum(0) / len(rows)
