"""Old name of `training.synthetic.meaning_corruption`."""

from training.synthetic.meaning_corruption import *  # noqa: F403
