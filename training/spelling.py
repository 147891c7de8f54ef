"""Old name of `training.synthetic.spelling`."""

from training.synthetic.spelling import *  # noqa: F403
