"""Training signals from the toxicity models: a differentiable loss and a reward
(installed package only).
"""
