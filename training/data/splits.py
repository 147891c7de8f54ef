"""What is held out from training, decided by the texts themselves."""

from __future__ import annotations

import hashlib

from toxicity_j.text import normalize

# So many Jigsaw sentences of the training split, drawn with this seed, are held out for
# calibration and evaluation.
JIGSAW_HELD_OUT, JIGSAW_SEED = 2000, 20261123
_RATED_PARTS = ("training", "calibration", "training", "evaluation")


def dedup_key(text: str) -> str:
    """Return what makes two texts the same: normalized, in lower case."""
    return normalize(text).lower()


def _hash(text: str) -> int:
    # By the text, so that a new release of the data moves no text to another part.
    digest = hashlib.md5(dedup_key(text).encode(), usedforsecurity=False)
    return int(digest.hexdigest(), 16)


def is_held_out(toxic: str) -> bool:
    """Say whether a ParaDetox source belongs to the tenth that training never sees."""
    return _hash(toxic) % 10 == 0


def rated_part(source: str) -> str:
    """Say what the rated outputs for a source are for: "training" (half of them),
    "calibration" or "evaluation".
    """
    return _RATED_PARTS[_hash(source) % len(_RATED_PARTS)]
