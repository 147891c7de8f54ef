"""The training and development data: where they come from, what is held out, and how
they are mixed.
"""
