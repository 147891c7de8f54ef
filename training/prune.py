"""Old name of `training.modules.vocabulary`."""

from training.modules.vocabulary import *  # noqa: F403
