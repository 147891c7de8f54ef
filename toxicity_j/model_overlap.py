"""Scores by overlap of characters, without a network: sentence chrF, and the "BLEU" of the s-nlp scripts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .batching import Scored, deduplicate


class Chrf:
    """Sentence chrF: sacrebleu's defaults, characters up to 6, no words, beta 2 (Popovic 2015).

    Raises:
        ImportError: sacrebleu is not installed.
    """

    revision = ""
    dtype = "float64"

    def __init__(self) -> None:
        try:
            from sacrebleu.metrics.chrf import CHRF
        except ImportError as error:
            raise ImportError("chrF needs sacrebleu: pip install 'toxicity_j[chrf]'") from error
        self._metric = CHRF()

    def score(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None,
        references: Sequence[Sequence[str]] | None,
        *,
        progress: Any = None,
    ) -> Scored:
        """Compute chrF over 100 of each prediction, in [0, 1]; sacrebleu takes the best of several references.

        *Shape:* (n,)

        Raises:
            ValueError: there are no references.
        """
        if references is None:
            raise ValueError("`references` must be given: chrF compares with them; got None")
        pairs = [(text, tuple(others)) for text, others in zip(predictions, references, strict=True)]
        distinct, indices = deduplicate(pairs)
        scores = [self._metric.sentence_score(text, list(others)).score / 100 for text, others in distinct]
        return Scored.checked(np.array(scores)[indices], 0, pairs, "chrF")


def character_bleu(sources: Sequence[str], predictions: Sequence[str]) -> float:
    """Compute the "BLEU" of the s-nlp scripts: NLTK's sentence BLEU over characters against the source, in [0, 1].

    Pairs where either text has at most 3 characters are left out, as in s-nlp/detox: emnlp2021/metric/metric.py; NaN
    when no pair is left.

    Raises:
        ImportError: NLTK is not installed.
    """
    try:
        from nltk.translate.bleu_score import sentence_bleu
    except ImportError as error:
        raise ImportError("`bleu_source` needs NLTK: pip install 'toxicity_j[wieting]'") from error
    pairs = [(a, b) for a, b in zip(sources, predictions, strict=True) if len(a) > 3 and len(b) > 3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NLTK warns for each pair without a common 4-gram
        scores = [float(sentence_bleu([source], prediction)) for source, prediction in pairs]
    return sum(scores) / len(scores) if scores else float("nan")
