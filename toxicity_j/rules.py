"""From model outputs to STA, SIM and FL: the rules a protocol names, as arithmetic on arrays.

Logits in, one number a segment out. Models are loaded elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# What the class names of toxicity and acceptability classifiers on the Hub say, lower-cased, "-" and " " written as
# "_"; and their opposites.
_TOXIC = frozenset({"toxic", "toxicity", "hate", "offensive", "abusive"})
_NEUTRAL = frozenset({"neutral", "non_toxic", "nontoxic", "not_toxic", "clean", "polite", "civil"})
_ACCEPTABLE = frozenset({"acceptable", "grammatical", "fluent", "natural"})
_UNACCEPTABLE = frozenset({"unacceptable", "ungrammatical", "unnatural", "corrupted"})
_NAMES = {"toxic": (_TOXIC, _NEUTRAL), "neutral": (_NEUTRAL, _TOXIC), "acceptable": (_ACCEPTABLE, _UNACCEPTABLE)}

# In logits: how near to a hard decision a score of reduced precision may be before it is computed again in float32.
# bfloat16 keeps 8 bits, so a logit of 8 moves by up to .03 at each rounding.
NEAR_LOGITS = 0.5


def class_index(labels: Mapping[int, str], wanted: str, fallback: int | None, option: str) -> int:
    """Which class of a classifier is the wanted one, by its name.

    Args:
        labels: the model's id2label.
        wanted: "toxic", "neutral" or "acceptable".
        fallback: the index that a protocol states, for models whose labels say nothing (LABEL_0, LABEL_1); None where
            it states none. For acceptability any labels that do not say it will do.
        option: the argument by which a user can name the class, for the message.

    Raises:
        ValueError: no label says which; the labels are listed.
    """
    if len(labels) == 1:
        return 0
    names = {int(index): name.strip().lower().replace("-", "_").replace(" ", "_") for index, name in labels.items()}
    own, opposite = _NAMES[wanted]
    for index, name in names.items():
        if name in own:
            return index
    for index, name in names.items():
        if name in opposite and len(names) == 2:
            return 1 - index
    anonymous = all(name.startswith("label_") or name.isdecimal() for name in names.values())
    if fallback is not None and fallback < len(names) and (anonymous or wanted == "acceptable"):
        return fallback
    reason = f"the model's labels do not say which is {wanted}; got labels {dict(labels)}"
    raise ValueError(f"`{option}` must name the class to read, for {reason}")


def probabilities(logits: np.ndarray, *, independent: bool = False) -> np.ndarray:
    """Class probabilities, in [0, 1].

    *Shape:* (n, labels) to (n, labels), float64.

    Args:
        logits: a classifier's output. A single column is taken through the sigmoid, as the textdetox and
            pseudoparadetox scripts do.
        independent: labels do not exclude each other (a multi-label model): the sigmoid of each.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if independent or logits.shape[1] == 1:
        return 1 / (1 + np.exp(-logits))
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Decision:
    """When a text counts as toxic.

    Attributes:
        rule: "probability" of the toxic class above `threshold`; its raw "logit" above `threshold`; or it being the
            "argmax".
        threshold: in [0, 1] for "probability", any real number for "logit", None for "argmax".
    """

    rule: str
    threshold: float | None = None

    def toxic(self, logits: np.ndarray, p_toxic: np.ndarray, index: int, index_is_toxic: bool) -> np.ndarray:
        """The decision for each text.

        Args:
            logits: *Shape:* (n, labels)
            p_toxic: probability of the toxic class, in [0, 1]. *Shape:* (n,)
            index: the class that is read.
            index_is_toxic: whether that class is the toxic one, or its opposite.

        Returns:
            *Shape:* (n,), bool.
        """
        if self.rule == "probability":
            return p_toxic > self.threshold
        if self.rule == "argmax":
            return (logits.argmax(axis=1) == index) == index_is_toxic
        return logits[:, index] > np.float32(self.threshold)  # in float32, as torch compares

    def is_borderline(self, p_toxic: np.ndarray) -> np.ndarray:
        """Return where rounding could flip a decision on probabilities. *Shape:* (n,) to (n,), bool."""
        bounded = np.clip(p_toxic, 1e-9, 1 - 1e-9)
        return self.near((np.log(bounded) - np.log1p(-bounded))[:, None], 0)

    def near(self, logits: np.ndarray, index: int) -> np.ndarray:
        """Whether reduced precision could have put a text on the wrong side. *Shape:* (n, labels) to (n,), bool."""
        own = logits[:, index]
        if self.rule == "logit":
            return np.abs(own - self.threshold) < NEAR_LOGITS
        rest = np.delete(logits, index, axis=1)
        if self.rule == "argmax":
            return np.abs(own - rest.max(axis=1)) < NEAR_LOGITS
        against = np.logaddexp.reduce(rest, axis=1) if rest.shape[1] else np.zeros_like(own)
        threshold = np.clip(self.threshold, 1e-9, 1 - 1e-9)
        odds = np.log(threshold) - np.log1p(-threshold)
        # Either class may be the toxic one, so either side of even odds is guarded.
        return np.abs(np.abs(own - against) - abs(odds)) < NEAR_LOGITS


def relative_style(output: np.ndarray, source: np.ndarray, references: Sequence[np.ndarray] | None) -> np.ndarray:
    """The CLEF 2025 STA: max(1[p(ref) <= p(out)], (p(out) + 1[p(src) <= p(out)]) / 2), in [0, 1]; without references
    the second alone.

    Args:
        output: probability that each prediction is not toxic, in [0, 1]. *Shape:* (n,)
        source: the same of the sources. *Shape:* (n,)
        references: the same of each segment's references, n arrays; the easiest of several counts.
    """
    scores = (output + (source <= output)) / 2
    if references is None:
        return scores
    return np.maximum(scores, [float(p.min() <= out) for p, out in zip(references, output, strict=True)])


def relative_fluency(output: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The RUSSE 2022 FL before calibration: 1, less what was lost against the source, in [0, 1]."""
    return np.minimum(0, output - source) + 1


def calibrate(scores: np.ndarray, slope: float | None) -> np.ndarray:
    """A line of that slope through (1, 1), clipped to [0, 1]; unchanged when there is no slope."""
    return scores if slope is None else np.clip((scores - 1) * slope + 1, 0, 1)


def best_of(values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """The largest value of each group, for groups that lie one after another.

    *Shape:* (sum of counts,) to (len(counts),).
    """
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int)
    return np.maximum.reduceat(values, starts)
