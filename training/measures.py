"""Old name of `training.eval_metrics`."""

from training.eval_metrics import *  # noqa: F403
