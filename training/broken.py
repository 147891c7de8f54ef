"""Old name of `training.synthetic.disfluency`."""

from training.synthetic.disfluency import *  # noqa: F403
