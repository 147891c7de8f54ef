"""How an identifier is trained, and the command-line flags that say so."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields

__all__ = ["TrainingOptions", "add_training_flags", "training_options"]


@dataclass(frozen=True)
class TrainingOptions:
    """How `fit` trains.

    Attributes:
        num_train_epochs: at most so many passes.
        batch_size: texts per step.
        learning_rate: the highest; reached after a twentieth of the steps, then falling
            to zero along a cosine.
        weight_decay: of AdamW, on all but the embedding.
        early_stopping_patience: epochs without a better validation AUC that training
            bears.
        seed: of weights, order and dropout.

    Raises:
        ValueError: A value is out of its range.
    """

    num_train_epochs: int = 6
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    early_stopping_patience: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        lowest = {
            "num_train_epochs": 1,
            "batch_size": 1,
            "early_stopping_patience": 0,
            "seed": 0,
        }
        for name, low in lowest.items():
            value = getattr(self, name)
            if value < low:
                raise ValueError(f"`{name}` must be at least {low}; got {value}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(
                f"`learning_rate` must be above 0; got {self.learning_rate}"
            )


def add_training_flags(
    parser: argparse.ArgumentParser, defaults: TrainingOptions
) -> None:
    """Add a flag for each training option, and one for the progress bars."""
    add = parser.add_argument_group("training").add_argument
    for option in fields(TrainingOptions):
        default = getattr(defaults, option.name)
        add(f"--{option.name}", type=type(default), default=default)
    add("--disable_tqdm", action="store_true", help="no progress bars")


def training_options(args: argparse.Namespace) -> TrainingOptions:
    """Make the options that the flags of `add_training_flags` say."""
    return TrainingOptions(
        **{
            option.name: getattr(args, option.name)
            for option in fields(TrainingOptions)
        }
    )
