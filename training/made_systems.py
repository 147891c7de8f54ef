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
    sources = [row.toxic for row in rows]
    # One system after another, because all draw from one stream.
    systems = {
        "copy": sources,
        "human rewrite": rewrites,
        "rude words deleted": [remove_rude(text, rude)[0] for text in sources],
    }
    replaced = [replace_rude(text, rude, rng, lexicon) for text in sources]
    systems["rude word to random"] = [text for text, _, _ in replaced]
    broken = [disfluent(text, rng, lexicon) for text in rewrites]
    systems["rewrite broken"] = [text for text, _ in broken]
    systems["another rewrite"] = [rng.choice(others) for _ in rows]
    for name, corrupt in _CORRUPTIONS.items():
        outputs = []
        for text in rewrites:
            words = text.split()
            corrupt(words, rng, lexicon, others)
            outputs.append(" ".join(words))
        systems[name] = outputs
    return systems
