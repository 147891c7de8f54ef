"""Old name of `training.synthetic.profanity_edits`."""

from training.synthetic.profanity_edits import *  # noqa: F403
