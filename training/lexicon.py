"""Old name of `training.synthetic.lexicon`."""

from training.synthetic.lexicon import *  # noqa: F403
