"""Old name of `training.synthetic.handwritten`."""

from training.synthetic.handwritten import *  # noqa: F403
