"""Content similarity of pairs of texts: sentence embeddings, a transformer's pooled output, a one-logit regression,
chrF, character BLEU.

Each model class has `similarity(first, second)`, one score a pair. The Wieting embeddings have their own module.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from .batching import resolve_device, resolve_dtype, unique

# torch.nn.CosineSimilarity's floor for a vector's length, which the Wieting scripts inherit.
_EPSILON = 1e-8


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Row-wise cosine, in [-1, 1]; 0 where a vector is null.

    *Shape:* (n, d) and (n, d) to (n,), float64.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    lengths = [np.maximum(np.linalg.norm(x, axis=1), _EPSILON) for x in (first, second)]
    return np.clip((first * second).sum(axis=1) / (lengths[0] * lengths[1]), -1, 1)


def paired_cosine(embed: Callable[[list[str]], np.ndarray], first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    """Cosine of each pair, every distinct text embedded once.

    Args:
        embed: texts to vectors, *Shape:* (texts, d).
        first: one text a pair.
        second: the other, as many.

    Returns:
        *Shape:* (n,), in [-1, 1].
    """
    texts, places = unique([*first, *second])
    vectors = embed(texts)
    return cosine(vectors[places[: len(first)]], vectors[places[len(first) :]])


class SentenceEmbedding:
    """Cosine of sentence-transformers embeddings, not clipped at 0: in [-1, 1], higher is better.

    Args:
        model: a Hub id, optionally `@revision`, or a folder.
        device: see `resolve_device`.
        batch_size: texts of a batch; 32 when None.
        dtype: of the transformer's weights.

    Raises:
        ImportError: sentence-transformers is not installed.
        OSError: the model is missing, gated, or out of reach.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str | torch.device | None = None,
        batch_size: int | None = None,
        dtype: str = "float32",
    ):
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ImportError(
                f"SIM with {model!r} needs sentence-transformers: pip install 'toxicity_j[sentence]', "
                "or give another `content_model`, such as 'encoder'"
            ) from error
        name, _, revision = model.partition("@") if not Path(model).exists() else (model, "", "")
        try:
            self.model = SentenceTransformer(
                name,
                device=str(resolve_device(device)),
                revision=revision or None,
                trust_remote_code=False,
                model_kwargs={"dtype": resolve_dtype(dtype), "use_safetensors": True},
            ).eval()
        except (OSError, ValueError) as error:
            raise OSError(unavailable(model, "content similarity", "content_model", error)) from error
        self.batch_size = batch_size or 32
        self.revision = getattr(self.model[0].auto_model.config, "_commit_hash", None) or revision or "main"

    def embed(self, texts: list[str]) -> np.ndarray:
        """*Shape:* (texts, d), float32."""
        with torch.inference_mode():
            vectors = self.model.encode(
                texts, batch_size=self.batch_size, show_progress_bar=False, convert_to_tensor=True
            )
        return vectors.float().cpu().numpy()

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        """One cosine a pair, *Shape:* (n,)."""
        return paired_cosine(self.embed, first, second)


def unavailable(model: str, role: str, option: str, error: Exception) -> str:
    """What to say of a model that cannot be had: its name, what it was for, and the ways out."""
    reason = f"{type(error).__name__}: {first_line(error)}"
    return (
        f"the model {model!r}, for {role}, could not be loaded ({reason}). Give a local folder that holds it as "
        f"`{option}`, or use the protocol 'embedded', whose model comes with the package"
    )


def first_line(error: Exception) -> str:
    """The beginning of an error's message."""
    return (str(error).strip().splitlines() or [""])[0][:200]


def chrf(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Sentence chrF over 100, in [0, 1]: sacrebleu's defaults, characters up to 6, no words, beta 2 (Popovic 2015).

    Args:
        predictions: n texts.
        references: n lists; sacrebleu takes the best of several.

    Raises:
        ImportError: sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics import CHRF
    except ImportError as error:
        raise ImportError("chrF needs sacrebleu: pip install 'toxicity_j[chrf]'") from error
    metric = CHRF()
    pairs, places = unique([(text, tuple(refs)) for text, refs in zip(predictions, references, strict=True)])
    return np.array([metric.sentence_score(text, list(refs)).score / 100 for text, refs in pairs])[places]


def character_bleu(sources: Sequence[str], predictions: Sequence[str]) -> float:
    """The "BLEU" of the s-nlp scripts: NLTK's sentence BLEU over characters against the source, in [0, 1].

    Pairs where either text has at most 3 characters are left out, as in s-nlp/detox: emnlp2021/metric/metric.py; NaN
    when that is all.

    Raises:
        ImportError: NLTK is not installed.
    """
    try:
        from nltk.translate.bleu_score import sentence_bleu
    except ImportError as error:
        raise ImportError("`bleu_source` needs NLTK: pip install 'toxicity_j[wieting]'") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NLTK warns for each pair without a common 4-gram
        pairs = [(a, b) for a, b in zip(sources, predictions, strict=True) if len(a) > 3 and len(b) > 3]
        scores = [sentence_bleu([source], prediction) for source, prediction in pairs]
    return float(sum(scores) / len(scores)) if scores else float("nan")
