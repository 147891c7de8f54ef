"""What the benchmark of the loss finds, and the table that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Cost", "row", "table"]

COLUMNS = (
    "model",
    "vocabulary",
    "batch",
    "step, s",
    "+ loss, s",
    "loss, ms",
    "cross-entropy, ms",
    "loss / step",
    "added to a step",
    "loss / cross-entropy",
    "copies of the logits: loss",
    "cross-entropy",
)


@dataclass(frozen=True)
class Cost:
    """What one model's step costs, medians over rounds.

    Attributes:
        model: a key of `loss_models.VOCABULARIES`.
        vocabulary: the width of its logits.
        batch: sequences and positions of each.
        step: seconds of a step with cross-entropy alone.
        with_loss: seconds of a step with the toxicity loss added.
        loss: seconds of the loss alone, forward and backward.
        cross_entropy: seconds of the cross-entropy alone, likewise.
        share: loss over step, the median over rounds.
        added: with_loss over step, minus 1, likewise; noisier, as it is a difference of
            two long times.
        of_cross_entropy: loss over cross_entropy, likewise.
        loss_copies: peak memory of the loss alone in copies of the logits, the gradient
            among them; None if unknown.
        cross_entropy_copies: the same of the cross-entropy.
    """

    model: str
    vocabulary: int
    batch: tuple[int, int]
    step: float
    with_loss: float
    loss: float
    cross_entropy: float
    share: float
    added: float
    of_cross_entropy: float
    loss_copies: float | None
    cross_entropy_copies: float | None


def table(costs: Sequence[Cost]) -> str:
    """Return the costs as Markdown."""
    lines = [_line(COLUMNS), "|---" * len(COLUMNS) + "|"]
    lines += [row(cost) for cost in costs]
    return "\n".join(lines)


def row(cost: Cost) -> str:
    """Return the costs of one model as a line of the table."""
    sequences, positions = cost.batch
    cells = [
        cost.model,
        f"{cost.vocabulary:,}",
        f"{sequences} x {positions}",
        f"{cost.step:.3f}",
        f"{cost.with_loss:.3f}",
        f"{cost.loss * 1e3:.1f}",
        f"{cost.cross_entropy * 1e3:.1f}",
        f"{cost.share:.1%}",
        f"{cost.added:.1%}",
        f"{cost.of_cross_entropy:.2f}",
        _if_known(cost.loss_copies),
        _if_known(cost.cross_entropy_copies),
    ]
    return _line(cells)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _if_known(copies: float | None) -> str:
    return "" if copies is None else f"{copies:.2f}"
