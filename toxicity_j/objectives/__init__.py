"""Training signals from the toxicity models: a loss and a reward.

They need the installed package.
"""
