"""Explain the scores of a rewrite: what lowers J, what was lost or added, and which
words drive a score.

Words are judged by leave-one-out: each is removed in turn, the text is scored again,
and the change in log-odds is the word's effect. Effects are computed by the built-in
models whatever protocol scores the rewrite.
"""

from __future__ import annotations

import difflib
import math
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .models import Choice, identifier, scorer

# Tokens (words of source and variant together) that the encoder reads in about half a
# second on two cores.
ENCODER_BUDGET = 6000
# Log-odds below which an effect is noise: removing a random word moves a score by about
# this much.
LEAST_EFFECT = 0.2
# Share of the largest effect under which a word is not marked, so that the words that
# matter stand out.
LEAST_SHARE = 0.4
# P(toxic) under which a text is not called toxic, so no word is said to drive it.
LEAST_TOXICITY = 0.2
# FL above which nothing is called broken.
FLUENT = 0.9

_ODDS_EDGE = 1e-6


@dataclass(frozen=True)
class Word:
    """One word of a text.

    Attributes:
        text: the word with its punctuation.
        changed: not in the other text (lost from the source, or added by the rewrite).
        toxicity: fall of the log-odds of P(toxic) when it is removed, at least 0;
            higher is more toxic.
        broken: rise of the log-odds of FL when it is removed, at least 0; higher is
            more broken.
    """

    text: str
    changed: bool = False
    toxicity: float = 0.0
    broken: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """A source and one rewrite, word by word.

    Attributes:
        source: the source's words.
        rewrite: the rewrite's words.
        model: what computed the toxicity of words, "encoder" or "identifier".
        fluency_known: whether `broken` was computed.
    """

    source: list[Word]
    rewrite: list[Word]
    model: str
    fluency_known: bool


def split_words(text: str) -> list[str]:
    """Return the words of a text, split at white space."""
    return re.findall(r"\S+", text)


def without_each(words: Sequence[str]) -> list[str]:
    """Return the text without each word in turn."""
    return [
        " ".join([*words[:index], *words[index + 1 :]]) for index in range(len(words))
    ]


def changed_words(
    source: Sequence[str], rewrite: Sequence[str]
) -> tuple[list[bool], list[bool]]:
    """Return which words of each text have no partner in the other; case and outer
    punctuation do not count.
    """
    ours, theirs = [_bare(word) for word in source], [_bare(word) for word in rewrite]
    lost, added = [True] * len(ours), [True] * len(theirs)
    for block in difflib.SequenceMatcher(
        None, ours, theirs, autojunk=False
    ).get_matching_blocks():
        lost[block.a : block.a + block.size] = [False] * block.size
        added[block.b : block.b + block.size] = [False] * block.size
    return lost, added


def factor_shares(sta: float, sim: float, fl: float) -> dict[str, float]:
    """Return the share of each factor in what J lost, -log(factor) / -log(J), in [0,
    1]; they add up to 1.

    Empty where J is 1. A factor at or below 0 takes everything (equally, if there are
    several).
    """
    factors = {"sta": sta, "sim": sim, "fl": fl}
    zero = [name for name, value in factors.items() if value <= 0]
    if zero:
        return {name: (name in zero) / len(zero) for name in factors}
    losses = {name: max(0.0, -math.log(value)) for name, value in factors.items()}
    total = sum(losses.values())
    return {name: loss / total for name, loss in losses.items()} if total > 1e-9 else {}


def explain(source: str, rewrites: Sequence[str]) -> list[Explanation]:
    """Return the explanation of each rewrite of a source.

    Args:
        source: what was rewritten.
        rewrites: best first; where the texts are long, the first ones get the encoder's
            time.
    """
    source_words = split_words(source)
    words = [split_words(text) for text in rewrites]
    cost = sum(
        len(text) * (len(text) + len(source_words)) for text in [source_words, *words]
    )
    model = "encoder" if cost <= ENCODER_BUDGET else "identifier"
    broken = _broken(source, words)
    toxic = _toxicity([source_words, *words], broken, model)
    explanations = []
    for text, effects, breaks in zip(words, toxic[1:], broken, strict=True):
        lost, added = changed_words(source_words, text)
        before = [
            Word(*fields) for fields in zip(source_words, lost, toxic[0], strict=True)
        ]
        zeros = np.zeros(len(text))
        columns = zip(
            text, added, effects, zeros if breaks is None else breaks[0], strict=True
        )
        explanations.append(
            Explanation(
                before, [Word(*fields) for fields in columns], model, breaks is not None
            )
        )
    return explanations


def _broken(
    source: str, texts: Sequence[Sequence[str]]
) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Return per text the rise of FL's log-odds by word, and P(toxic) of it and its
    variants; None if too long.
    """
    left, known, variants = ENCODER_BUDGET, [], []
    source_words = len(split_words(source))
    for words in texts:
        left -= (len(words) + 1) * (len(words) + source_words)
        known.append(left >= 0)
        if left >= 0:
            variants += [" ".join(words), *without_each(words)]
    if not variants:
        return [None for _ in texts]
    segments = scorer(Choice(), "short").score(
        predictions=variants, sources=[source] * len(variants)
    )
    results: list[tuple[np.ndarray, np.ndarray] | None] = []
    start = 0
    for words, is_known in zip(texts, known, strict=True):
        if not is_known:
            results.append(None)
            continue
        end = start + len(words) + 1
        fluency = segments.fl[start:end]
        effect = _log_odds(fluency[1:]) - _log_odds(fluency[:1])
        results.append(
            (_notable(effect) * (fluency[0] < FLUENT), segments.p_toxic[start:end])
        )
        start = end
    return results


def _toxicity(
    texts: Sequence[Sequence[str]], broken: Sequence[Any], model: str
) -> list[np.ndarray]:
    """Return per text (source first) the fall of P(toxic)'s log-odds by word."""
    known: list[Any] = [None] * len(texts)
    if model == "encoder":
        # The encoder has said so already where it looked for broken words.
        known[1:] = [found and found[1] for found in broken]
    variants = []
    for words, values in zip(texts, known, strict=True):
        if values is None:
            variants += [" ".join(words), *without_each(words)]
    computed, start = _p_toxic(variants, model), 0
    effects = []
    for words, values in zip(texts, known, strict=True):
        if values is None:
            end = start + len(words) + 1
            values = computed[start:end]
            start = end
        effect = _log_odds(values[:1]) - _log_odds(values[1:])
        effects.append(_notable(effect) * (values[0] >= LEAST_TOXICITY))
    return effects


def _p_toxic(texts: list[str], model: str) -> np.ndarray:
    """Compute P(toxic) of texts. *Shape:* (n,)"""
    if model != "encoder":
        return identifier().p_toxic(texts)
    if not texts:
        return np.zeros(0)
    return scorer(Choice(), "short").score(predictions=texts).p_toxic


def _notable(effect: np.ndarray) -> np.ndarray:
    least = max(LEAST_EFFECT, LEAST_SHARE * float(effect.max(initial=0.0)))
    return np.where(effect >= least, effect, 0.0)


def _log_odds(probability: np.ndarray) -> np.ndarray:
    inside = np.clip(probability, _ODDS_EDGE, 1 - _ODDS_EDGE)
    return np.log(inside) - np.log1p(-inside)


def _bare(word: str) -> str:
    return word.strip(string.punctuation + "“”‘’…").casefold() or word
