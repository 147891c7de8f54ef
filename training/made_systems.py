"""What lazy, lossy and broken systems would write for toxic texts, to see whether the
scores tell them apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from training.data.sources import Detoxified, rude_words
from training.synthetic.disfluency import disfluent
from training.synthetic.lexicon import Lexicon
from training.synthetic.meaning_corruption import halve, negate, retarget, shuffle
from training.synthetic.profanity_edits import remove_rude, replace_rude

# Systems whose outputs lose the meaning.
LOSSY = (
    "target swapped",
    "polarity flipped",
    "half lost",
    "rude word to random",
    "another rewrite",
    "words shuffled",
)

# Changes a list of words in place, and returns the kept meaning.
_Corruption = Callable[[list[str], random.Random, Lexicon, Sequence[str]], float]
_CORRUPTIONS: dict[str, _Corruption] = {
    "target swapped": retarget,
    "polarity flipped": negate,
    "half lost": halve,
    "words shuffled": shuffle,
}


def made_systems(
    rows: Sequence[Detoxified], train: list[Detoxified], seed: int
) -> dict[str, list[str]]:
    """Write the outputs of every made system for the toxic texts of `rows`.

    Args:
        rows: what is detoxified.
        train: rows that tell which words are rude, and which words there are.
        seed: equal ones give equal outputs.
    """
    rng = random.Random(seed)
    rude = rude_words(train)
    others = [row.rewrites[0] for row in train]
    lexicon = Lexicon(others)
    rewrites = [row.rewrites[0] for row in rows]
    systems = {
        "copy": [row.toxic for row in rows],
        "human rewrite": rewrites,
        "rude words deleted": [remove_rude(row.toxic, rude)[0] for row in rows],
        "rude word to random": [
            replace_rude(row.toxic, rude, rng, lexicon)[0] for row in rows
        ],
        "rewrite broken": [disfluent(text, rng, lexicon)[0] for text in rewrites],
        "another rewrite": [rng.choice(others) for _ in rows],
    }
    for name, corrupt in _CORRUPTIONS.items():
        systems[name] = [
            _corrupted(text, corrupt, rng, lexicon, others) for text in rewrites
        ]
    return systems


def _corrupted(
    text: str,
    corrupt: _Corruption,
    rng: random.Random,
    lexicon: Lexicon,
    others: Sequence[str],
) -> str:
    words = text.split()
    corrupt(words, rng, lexicon, others)
    return " ".join(words)
