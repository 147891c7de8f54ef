"""Old name of `training.train_identifier`."""

from training.train_identifier import *  # noqa: F403
