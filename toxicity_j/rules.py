"""From model outputs to STA, SIM and FL: the rules a protocol names, as arithmetic on arrays. Models live elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# What the class names of toxicity and acceptability classifiers on the Hub say, lower-cased, "-" and " " written as
# "_"; and their opposites.
_TOXIC = frozenset({"toxic", "toxicity", "hate", "offensive", "abusive"})
_NEUTRAL = frozenset({"neutral", "non_toxic", "nontoxic", "not_toxic", "clean", "polite", "civil"})
_ACCEPTABLE = frozenset({"acceptable", "grammatical", "fluent", "natural"})
_UNACCEPTABLE = frozenset({"unacceptable", "ungrammatical", "unnatural", "corrupted"})
_NAMES = {"toxic": (_TOXIC, _NEUTRAL), "neutral": (_NEUTRAL, _TOXIC), "acceptable": (_ACCEPTABLE, _UNACCEPTABLE)}

# In logits: how near to a hard decision a score of reduced precision may be before it is computed again in float32.
# bfloat16 keeps 8 bits, so a logit of 8 moves by up to 0.03 at each rounding.
RESCORE_MARGIN = 0.5


@dataclass(frozen=True)
class FoundClass:
    """The class of a classifier that is read.

    Attributes:
        index: its index.
        by_name: the model's labels say so, or the user did; else the protocol's index was taken on trust.
    """

    index: int
    by_name: bool


def find_class(labels: Mapping[int, str], wanted: str, fallback: int | None, option: str) -> FoundClass:
    """Find the wanted class of a classifier by its name.

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
        return FoundClass(0, by_name=True)
    names = {int(index): name.strip().lower().replace("-", "_").replace(" ", "_") for index, name in labels.items()}
    own, opposite = _NAMES[wanted]
    for index, name in names.items():
        if name in own:
            return FoundClass(index, by_name=True)
    for index, name in names.items():
        if name in opposite and len(names) == 2:
            return FoundClass(1 - index, by_name=True)
    anonymous = all(name.startswith("label_") or name.isdecimal() for name in names.values())
    if fallback is not None and fallback < len(names) and (anonymous or wanted == "acceptable"):
        return FoundClass(fallback, by_name=False)
    reason = f"the model's labels do not say which is {wanted}; got labels {dict(labels)}"
    raise ValueError(f"`{option}` must name the class to read, because {reason}")


def sigmoid(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Compute the sigmoid of each logit. *Shape:* any, in and out; float64, in [0, 1].

    Not torch's, which rounds an element by its place in the array: equal texts would score alike but for the last bit.
    """
    decay: npt.NDArray[np.float64] = np.exp(-np.asarray(logits, dtype=np.float64))
    return 1 / (1 + decay)


def probabilities(logits: np.ndarray, *, independent: bool = False) -> np.ndarray:
    """Return class probabilities, in [0, 1].

    *Shape:* (n, labels) to (n, labels), float64.

    Args:
        logits: a classifier's output. A single column is taken through the sigmoid, as the textdetox and
            pseudoparadetox scripts do.
        independent: labels do not exclude each other (a multi-label model): the sigmoid of each.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if independent or logits.shape[1] == 1:
        return sigmoid(logits)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return softmax


def log_odds(logits: np.ndarray, index: int, *, independent: bool = False) -> np.ndarray:
    """Return the logarithm of p / (1 - p) for one class. *Shape:* (n, labels) to (n,)."""
    own = logits[:, index]
    if independent or logits.shape[1] == 1:
        return own
    rest = np.delete(logits, index, axis=1)
    odds: np.ndarray = own - np.logaddexp.reduce(rest, axis=1)
    return odds


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)), finite also for 0 and 1. *Shape:* (n,) to (n,)."""
    bounded = np.clip(probability, 1e-9, 1 - 1e-9)
    odds: np.ndarray = np.log(bounded) - np.log1p(-bounded)
    return odds


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

    def toxic(self, logits: np.ndarray | None, p_toxic: np.ndarray, index: int, index_is_toxic: bool) -> np.ndarray:
        """Decide for each text.

        Args:
            logits: *Shape:* (n, labels); not needed for the rule "probability".
            p_toxic: probability of the toxic class, in [0, 1]. *Shape:* (n,)
            index: the class that is read.
            index_is_toxic: whether that class is the toxic one, or its opposite.

        Returns:
            *Shape:* (n,), bool.
        """
        if self.rule == "probability":
            is_above: np.ndarray = p_toxic > self._edge
            return is_above
        if logits is None:
            raise ValueError(f"`logits` must be given for the rule {self.rule!r}; got None")
        if self.rule == "argmax":
            is_largest: np.ndarray = logits.argmax(axis=1) == index
            return is_largest if index_is_toxic else ~is_largest
        above: np.ndarray = logits[:, index] > np.float32(self._edge)  # in float32, as torch compares
        return above

    def is_borderline(self, logits: np.ndarray, index: int, *, independent: bool = False) -> np.ndarray:
        """Return where rounding could flip the decision. *Shape:* (n, labels) to (n,), bool.

        Args:
            logits: in reduced precision.
            index: the class that is read.
            independent: as in `probabilities`.
        """
        if self.rule == "logit":
            distance = logits[:, index] - self._edge
        elif self.rule == "argmax":
            distance = logits[:, index] - np.delete(logits, index, axis=1).max(axis=1)
        else:
            odds = log_odds(logits, index, independent=independent)
            # Either class may be the toxic one, so either side of even odds is guarded.
            distance = np.abs(odds) - abs(self._edge_logit)
        return _is_near(distance)

    def is_borderline_probability(self, p_toxic: np.ndarray) -> np.ndarray:
        """Return where rounding could flip a decision on probabilities. *Shape:* (n,) to (n,), bool."""
        return _is_near(logit(p_toxic) - self._edge_logit)

    @property
    def _edge(self) -> float:
        if self.threshold is None:
            raise ValueError(f"`threshold` must be given for the rule {self.rule!r}; got None")
        return self.threshold

    @property
    def _edge_logit(self) -> float:
        return float(logit(np.array(self._edge)))


def relative_style(output: np.ndarray, source: np.ndarray, references: Sequence[np.ndarray] | None) -> np.ndarray:
    """Return the CLEF 2025 STA, in [0, 1].

    max(1[p(ref) <= p(out)], (p(out) + 1[p(src) <= p(out)]) / 2); without references the second alone.

    Args:
        output: probability that each prediction is not toxic, in [0, 1]. *Shape:* (n,)
        source: the same of the sources. *Shape:* (n,)
        references: the same of each segment's references, n arrays; the easiest of several counts.
    """
    scores: np.ndarray = (output + (source <= output)) / 2
    if references is None:
        return scores
    easiest = np.array([p.min() for p in references])
    larger: np.ndarray = np.maximum(scores, easiest <= output)
    return larger


def compares_borderline(
    odds: np.ndarray, output: slice, source: slice, references: Sequence[np.ndarray] | None
) -> np.ndarray:
    """Return the texts whose comparison in `relative_style` rounding could flip.

    Args:
        odds: log-odds of every text. *Shape:* (n,)
        output: where the m predictions stand among them.
        source: where the m sources stand.
        references: for each prediction, the indices of its references.

    Returns:
        *Shape:* (n,), bool.
    """
    marked = np.zeros(len(odds), dtype=bool)
    close = _is_near(odds[output] - odds[source])
    marked[output] |= close
    marked[source] |= close
    for row, indices in enumerate(references or []):
        near = indices[_is_near(odds[indices] - odds[output][row])]
        if len(near):
            marked[near] = True
            marked[output.start + row] = True
    return marked


def relative_fluency(output: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the RUSSE 2022 FL before rescaling: 1, less what was lost against the source, in [0, 1]."""
    scores: np.ndarray = np.minimum(0, output - source) + 1
    return scores


def rescale(scores: np.ndarray, slope: float | None) -> np.ndarray:
    """Apply the line of a slope through (1, 1), clipped to [0, 1]; without a slope, return the scores unchanged."""
    return scores if slope is None else np.clip((scores - 1) * slope + 1, 0, 1)


def saturate(scores: np.ndarray, level: float | None) -> np.ndarray:
    """Return min(score, level) / level; without a level, the scores unchanged."""
    if level is None:
        return scores
    saturated: np.ndarray = np.minimum(scores, level) / level
    return saturated


def best_of(values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Return the largest value of each group, for groups that lie one after another.

    *Shape:* (sum of counts,) to (len(counts),).
    """
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int)
    return np.maximum.reduceat(values, starts)


def _is_near(distance: np.ndarray) -> np.ndarray:
    near: np.ndarray = np.abs(distance) < RESCORE_MARGIN
    return near
