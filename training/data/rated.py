"""Rated data of others, each scale mapped to [0, 1]: meaning kept, toxicity, fluency.

The files stand in `meaning_rated/`, `style_rated/` and `fluency_rated/` of the data
folder. A missing file is an error. Every reader returns one frame with the columns
`label`, `weight` (how much a row counts, before any balancing), `source` (the file's
name) and `tier` ("open" or "research").
"""

from training.data.rated_fluency import read_fluency_rated
from training.data.rated_meaning import read_meaning_rated
from training.data.rated_style import read_style_rated

__all__ = ["read_fluency_rated", "read_meaning_rated", "read_style_rated"]
