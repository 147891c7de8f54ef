"""Explain the scores of a rewrite: what lowers J, what changed, which words do it.

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
# Log-odds below which an effect on P(toxic) or on FL is noise: removing a random word
# moves it by about this much.
LEAST_EFFECT, LEAST_BREAK = 0.25, 0.4
# Share of the largest effect under which a word is not marked, so that the words that
# matter stand out.
LEAST_SHARE = 0.4
# P(toxic) under which a text is not called toxic, so no word is said to drive it.
LEAST_TOXICITY = 0.2
# FL above which nothing is called broken.
FLUENT = 0.95

# Nearer to 0 or 1 log-odds would be rounding, and infinite at the end.
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
    texts = []
    for index in range(len(words)):
        rest = [*words[:index], *words[index + 1 :]]
        texts.append(" ".join(rest))
    return texts


def changed_words(
    source: Sequence[str], rewrite: Sequence[str]
) -> tuple[list[bool], list[bool]]:
    """Return which words of each text have no partner in the other.

    Case and outer punctuation do not count.
    """
    ours, theirs = list(map(_bare, source)), list(map(_bare, rewrite))
    lost, added = [True] * len(ours), [True] * len(theirs)
    # Without `autojunk`, which gives up on words that are frequent in a long text.
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    for block in matcher.get_matching_blocks():
        kept = [False] * block.size
        lost[block.a : block.a + block.size] = kept
        added[block.b : block.b + block.size] = kept
    return lost, added


def factor_shares(sta: float, sim: float, fl: float) -> dict[str, float]:
    """Return the share of each factor in what J lost: -log(factor) / -log(J).

    Shares lie in [0, 1] and add up to 1; there are none where J is 1. A factor at or
    below 0 takes everything (equally, if there are several).
    """
    factors = {"sta": sta, "sim": sim, "fl": fl}
    zero = [name for name, value in factors.items() if value <= 0]
    if zero:
        # -log of each is infinite.
        shares = dict.fromkeys(factors, 0.0)
        shares.update(dict.fromkeys(zero, 1 / len(zero)))
        return shares
    losses = {}
    for name, value in factors.items():
        losses[name] = max(0.0, -math.log(value))
    total = sum(losses.values())
    if total <= 1e-9:
        return {}
    return {name: loss / total for name, loss in losses.items()}


def explain(source: str, rewrites: Sequence[str]) -> list[Explanation]:
    """Return the explanation of each rewrite of a source.

    Args:
        source: what was rewritten.
        rewrites: best first; where the texts are long, the first ones get the encoder's
            time.
    """
    source_words = split_words(source)
    words = [split_words(text) for text in rewrites]
    texts = [source_words, *words]
    # Each text is read once per word of it, beside the source.
    cost = sum(len(text) * (len(text) + len(source_words)) for text in texts)
    model = "encoder"
    if cost > ENCODER_BUDGET:
        model = "identifier"
    broken = _broken(source, words)
    of_source, *toxic = _toxicity(texts, broken, model)
    explanations = []
    for text, effects, found in zip(words, toxic, broken, strict=True):
        lost, added = changed_words(source_words, text)
        breaks = np.zeros(len(text))
        if found is not None:
            breaks, _ = found
        before = list(map(Word, source_words, lost, of_source))
        after = list(map(Word, text, added, effects, breaks))
        explanations.append(Explanation(before, after, model, found is not None))
    return explanations


def _broken(
    source: str, texts: Sequence[Sequence[str]]
) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Return per text what each word costs in FL, and P(toxic) of it and its variants.

    The cost is the rise of FL's log-odds without the word. None if texts are too long.
    """
    left, known, variants = ENCODER_BUDGET, [], []
    source_words = len(split_words(source))
    for words in texts:
        left -= (len(words) + 1) * (len(words) + source_words)
        # The best rewrites come first, and later ones do without.
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
        rise = _log_odds(fluency[1:]) - _log_odds(fluency[:1])
        effect = _notable(rise, LEAST_BREAK)
        is_broken = fluency[0] < FLUENT
        results.append((effect * is_broken, segments.p_toxic[start:end]))
        start = end
    return results


def _toxicity(
    texts: Sequence[Sequence[str]], broken: Sequence[Any], model: str
) -> list[np.ndarray]:
    """Return per text (source first) the fall of P(toxic)'s log-odds by word."""
    known: list[Any] = [None] * len(texts)
    if model == "encoder":
        # The encoder has said so already where it looked for broken words.
        for place, found in enumerate(broken, start=1):
            if found is not None:
                _, known[place] = found
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
        effects.append(_notable(effect, LEAST_EFFECT) * (values[0] >= LEAST_TOXICITY))
    return effects


def _p_toxic(texts: list[str], model: str) -> np.ndarray:
    """Compute P(toxic) of texts. *Shape:* (n,)"""
    if model != "encoder":
        return identifier().p_toxic(texts)
    if not texts:
        return np.zeros(0)
    return scorer(Choice(), "short").score(predictions=texts).p_toxic


def _notable(effect: np.ndarray, least: float) -> np.ndarray:
    """Return the effects, 0 where they are noise or small beside the largest."""
    largest = float(effect.max(initial=0.0))
    return np.where(effect >= max(least, LEAST_SHARE * largest), effect, 0.0)


def _log_odds(probability: np.ndarray) -> np.ndarray:
    inside = np.clip(probability, _ODDS_EDGE, 1 - _ODDS_EDGE)
    return np.log(inside) - np.log1p(-inside)


def _bare(word: str) -> str:
    bare = word.strip(string.punctuation + "“”‘’…").casefold()
    # Of punctuation alone nothing would be left, and all of it would be equal.
    return bare or word
