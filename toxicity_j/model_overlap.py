"""Scores by overlap of characters, without a network: sentence chrF, and the "BLEU" of
the s-nlp scripts.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from .model_interface import Progress, Scored
from .token_batches import deduplicate


class Chrf:
    """Sentence chrF: characters up to 6, no words, beta 2 (Popovic 2015).

    Raises:
        ImportError: sacrebleu is not installed.
    """

    revision = ""
    dtype = "float64"

    def __init__(self) -> None:
        try:
            from sacrebleu.metrics.chrf import CHRF
        except ImportError as error:
            raise ImportError(
                "chrF needs sacrebleu: pip install '.[chrf]' in a clone"
            ) from error
        self._metric = CHRF()

    def score(
        self,
        predictions: Sequence[str],
        sources: Sequence[str] | None,
        references: Sequence[Sequence[str]] | None,
        *,
        progress: Progress = None,
    ) -> Scored:
        """Compute chrF over 100 of each prediction, in [0, 1].

        *Shape:* (n,)

        Raises:
            ValueError: there are no references.
        """
        if references is None:
            raise ValueError(
                "`references` must be given: chrF compares with them; got None"
            )
        # sacrebleu takes the best of several references.
        hashable = map(tuple, references)
        pairs = list(zip(predictions, hashable, strict=True))
        # Systems often copy, and chrF in Python is slow.
        distinct, indices = deduplicate(pairs)
        scores = np.array([self._score_one(*pair) for pair in distinct])
        return Scored.checked(scores[indices], 0, pairs, "chrF")

    def _score_one(self, prediction: str, references: tuple[str, ...]) -> float:
        percent: float = self._metric.sentence_score(prediction, list(references)).score
        return percent / 100


def character_bleu(sources: Sequence[str], predictions: Sequence[str]) -> float:
    """Compute the "BLEU" of the s-nlp scripts, over characters, in [0, 1].

    Pairs where either text has at most 3 characters are left out, as in s-nlp/detox:
    emnlp2021/metric/metric.py. Without any other pair it is 0, where the script gives
    NaN.

    Raises:
        ImportError: NLTK is not installed.
    """
    try:
        from nltk.translate.bleu_score import sentence_bleu
    except ImportError as error:
        raise ImportError(
            "`bleu_source` needs NLTK: pip install '.[wieting]' in a clone"
        ) from error
    scores = []
    with warnings.catch_warnings():
        # NLTK warns of each pair without a common 4-gram.
        warnings.simplefilter("ignore")
        for source, prediction in zip(sources, predictions, strict=True):
            if min(len(source), len(prediction)) > 3:
                bleu = sentence_bleu([source], prediction)
                scores.append(float(bleu))
    # NaN has no place in JSON.
    if not scores:
        return 0.0
    return sum(scores) / len(scores)
