"""From model outputs to STA, SIM and FL: the rules of protocols, as arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "RESCORE_MARGIN",
    "Decision",
    "best_of",
    "compares_borderline",
    "log_odds",
    "logit",
    "probabilities",
    "relative_fluency",
    "relative_style",
    "rescale",
    "saturate",
    "sigmoid",
]

# In logits: how near to a hard decision a score of reduced precision may be before it
# is computed again in float32. bfloat16 keeps 8 bits, so a logit of 8 moves by up to
# 0.03 at each rounding.
RESCORE_MARGIN = 0.5


def sigmoid(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Compute the sigmoid of each logit. *Shape:* any, in and out; float64, in [0, 1].

    Not torch's, which rounds an element by its place in the array: equal texts would
    score alike but for the last bit.
    """
    decay: npt.NDArray[np.float64] = np.exp(-np.asarray(logits, dtype=np.float64))
    return 1 / (1 + decay)


def probabilities(logits: np.ndarray, *, independent: bool = False) -> np.ndarray:
    """Return class probabilities, in [0, 1].

    *Shape:* (n, labels) to (n, labels), float64.

    Args:
        logits: a classifier's output. A single column is taken through the sigmoid, as
            the textdetox and pseudoparadetox scripts do.
        independent: labels do not exclude each other, so each has a sigmoid.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if independent or logits.shape[1] == 1:
        return sigmoid(logits)
    # Less the largest, so that exp cannot overflow.
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return softmax


def log_odds(
    logits: np.ndarray, index: int, *, independent: bool = False
) -> np.ndarray:
    """Return log(p / (1 - p)) of one class. *Shape:* (n, labels) to (n,)."""
    own = logits[:, index]
    if independent or logits.shape[1] == 1:
        return own
    rest = np.delete(logits, index, axis=1)
    odds: np.ndarray = own - np.logaddexp.reduce(rest, axis=1)
    return odds


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)), finite also for 0 and 1. *Shape:* (n,) to (n,)."""
    smallest = 1e-9
    bounded = np.clip(probability, smallest, 1 - smallest)
    odds: np.ndarray = np.log(bounded) - np.log1p(-bounded)
    return odds


@dataclass(frozen=True)
class Decision:
    """When a text counts as toxic.

    Attributes:
        rule: "probability" of the toxic class above `threshold`; its raw "logit" above
            `threshold`; or it being the "argmax".
        threshold: in [0, 1] for "probability", any real number for "logit", None for
            "argmax".
    """

    rule: str
    threshold: float | None = None

    def toxic(
        self,
        logits: np.ndarray | None,
        p_toxic: np.ndarray,
        index: int,
        index_is_toxic: bool,
    ) -> np.ndarray:
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
            raise ValueError(f"`logits` must be given for {self.rule!r}; got None")
        if self.rule == "argmax":
            is_toxic: np.ndarray = (logits.argmax(axis=1) == index) == index_is_toxic
            return is_toxic
        # In float32, as torch compares.
        above: np.ndarray = logits[:, index] > np.float32(self._edge)
        return above

    def is_borderline(
        self, logits: np.ndarray, index: int, *, independent: bool = False
    ) -> np.ndarray:
        """Return where rounding could flip the decision. *Shape:* (n,), bool.

        Args:
            logits: in reduced precision.
            index: the class that is read.
            independent: as in `probabilities`.
        """
        own = logits[:, index]
        if self.rule == "logit":
            distance = own - self._edge
        elif self.rule == "argmax":
            others = np.delete(logits, index, axis=1)
            distance = own - others.max(axis=1)
        else:
            odds = log_odds(logits, index, independent=independent)
            # Either class may be the toxic one, so either side of even odds is guarded.
            distance = np.abs(odds) - abs(self._edge_logit)
        return _is_near(distance)

    def is_borderline_probability(self, p_toxic: np.ndarray) -> np.ndarray:
        """Return the same of decisions on P(toxic). *Shape:* (n,), bool."""
        return _is_near(logit(p_toxic) - self._edge_logit)

    @property
    def _edge(self) -> float:
        if self.threshold is None:
            raise ValueError(f"`threshold` must be given for {self.rule!r}; got None")
        return self.threshold

    @property
    def _edge_logit(self) -> float:
        return float(logit(np.array(self._edge)))


def relative_style(
    output: np.ndarray, source: np.ndarray, references: Sequence[np.ndarray] | None
) -> np.ndarray:
    """Return the CLEF 2025 STA, in [0, 1].

    max(1[p(ref) <= p(out)], (p(out) + 1[p(src) <= p(out)]) / 2); without references the
    second alone.

    Args:
        output: probability that each prediction is not toxic, in [0, 1]. *Shape:* (n,)
        source: the same of the sources. *Shape:* (n,)
        references: the same of each segment's references, n arrays.
    """
    scores: np.ndarray = (output + (source <= output)) / 2
    if references is None:
        return scores
    # A prediction that is as civil as one of its references has done enough.
    easiest = np.array([shares.min() for shares in references])
    larger: np.ndarray = np.maximum(scores, easiest <= output)
    return larger


def compares_borderline(
    odds: np.ndarray,
    output: slice,
    source: slice,
    references: Sequence[np.ndarray] | None,
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
        own = output.start + row
        distance = odds[indices] - odds[own]
        # A reference near its prediction puts both in doubt.
        near = indices[_is_near(distance)]
        if len(near):
            marked[near] = True
            marked[own] = True
    return marked


def relative_fluency(output: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the RUSSE 2022 FL before rescaling: 1 less what was lost, in [0, 1]."""
    scores: np.ndarray = np.minimum(0, output - source) + 1
    return scores


def rescale(scores: np.ndarray, slope: float | None) -> np.ndarray:
    """Apply a line through (1, 1), clipped to [0, 1]; without a slope, nothing."""
    if slope is None:
        return scores
    line = (scores - 1) * slope + 1
    return np.clip(line, 0, 1)


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
    ends = np.cumsum(counts)
    starts = np.concatenate([[0], ends[:-1]]).astype(int)
    return np.maximum.reduceat(values, starts)


def _is_near(distance: np.ndarray) -> np.ndarray:
    near: np.ndarray = np.abs(distance) < RESCORE_MARGIN
    return near
