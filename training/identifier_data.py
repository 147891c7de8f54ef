"""Old name of `training.data.tables`."""

from training.data.tables import *  # noqa: F403
