"""The pairs that refine what an encoder reads in pairs: contrasts that rules label, and
rows of the content table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import numpy as np
import pandas as pd

from training.data.joined_pairs import joined_pairs
from training.data.retold_contrasts import RetoldContrasts
from training.data.table_parts import ParaDetox
from training.data.varied_pairs import is_usable
from training.synthetic.amount_pairs import amount_pair
from training.synthetic.clause_pairs import clause_pair
from training.synthetic.converse_pairs import converse_pair
from training.synthetic.drawing import draw_distinct
from training.synthetic.pair_variations import Kept
from training.synthetic.profanity_edits import replace_rude
from training.synthetic.role_sentences import role_pair

__all__ = ["RULE_TRUST", "SHARES", "TEACHER_TRUST", "refining_pairs"]

# Shares of the pairs, by how they come to be: rude words replaced by others, another
# tone, another word, contrasts of the table, sentences by grammar (who does what;
# tense, mood and questions; converses; amounts), human rewrites, words deleted, and
# several of these in a row.
SHARES = {
    "replaced": 0.07,
    "restyled": 0.07,
    "swapped": 0.12,
    "contrasts": 0.08,
    "roles": 0.06,
    "clauses": 0.1,
    "converses": 0.06,
    "amounts": 0.04,
    "human": 0.08,
    "deleted": 0.06,
    "joined": 0.02,
}
# How far labels by rule count beside what the encoder said before, and how far the
# teacher's does.
RULE_TRUST, TEACHER_TRUST = 0.75, 0.5
# Kinds of rows whose sources are toxic sentences.
_TOXIC_KINDS = ("rewrite", "delete_unrated", "replace")
# Kinds of rows that people, or a large model told to be polite, wrote to say the same,
# and what they keep.
_HUMAN_KINDS = ("rewrite", "rewrite_to_rewrite", "rated_appdia", "rated_capp")
_HUMAN_KEPT = 0.92


def refining_pairs(
    content: pd.DataFrame,
    weighed: pd.DataFrame,
    style: pd.DataFrame,
    known: ParaDetox,
    count: int,
    seed: int,
) -> pd.DataFrame:
    """Make pairs: contrasts by rule, and rows of the table drawn by weight.

    Args:
        content: the content table.
        weighed: weight and label of each row; see `training.weigh_pairs`.
        style: the style table, of whose sentences contrasts are made too.
        known: the rude words, and words that stand in for them.
        count: how many.
        seed: decides every draw.

    Returns:
        Columns source, text, label; share: how far the label counts beside what the
        encoder said before, in [0, 1]; is_sound: the text is known to be sound.
    """
    rng = Random(seed)
    counts = {kind: round(share * count) for kind, share in SHARES.items()}
    contrasts = RetoldContrasts(content, weighed.teacher, style, known.rude)
    is_contrast = content.kind.str.startswith("contrast_")
    is_human = content.kind.isin(_HUMAN_KINDS)
    is_deleted = content.kind == "delete"
    parts = [
        _replaced(content, known, counts["replaced"], rng),
        _labeled(contrasts.restyled(counts["restyled"], rng)).assign(is_sound=True),
        _labeled(contrasts.swapped(counts["swapped"], rng)),
        _drawn(content[is_contrast], counts["contrasts"], rng),
        _by_grammar(role_pair, counts["roles"], rng),
        _by_grammar(clause_pair, counts["clauses"], rng),
        _by_grammar(converse_pair, counts["converses"], rng),
        _by_grammar(amount_pair, counts["amounts"], rng),
        _drawn(content[is_human], counts["human"], rng).assign(
            label=_HUMAN_KEPT, is_sound=True
        ),
        _drawn(content[is_deleted], counts["deleted"], rng),
    ]
    one_by_one = pd.concat(parts, ignore_index=True)
    joined = _labeled(joined_pairs(one_by_one, counts["joined"], rng))
    by_rule = pd.concat([one_by_one, joined], ignore_index=True)
    others = _by_weight(content, weighed, count - len(by_rule), seed)
    pairs = pd.concat([by_rule, others], ignore_index=True)
    return pairs.sample(frac=1, random_state=seed, ignore_index=True)


def _replaced(
    content: pd.DataFrame, known: ParaDetox, count: int, rng: Random
) -> pd.DataFrame:
    sources = content.source[content.kind.isin(_TOXIC_KINDS)].unique().tolist()

    def make(turn: int) -> Kept | None:
        source = rng.choice(sources)
        text, _, kept = replace_rude(source, known.rude, rng, known.lexicon)
        return ((source, text), kept) if is_usable((source, text)) else None

    return _labeled(draw_distinct(make, count if sources else 0, rng, at_most=True))


def _drawn(rows: pd.DataFrame, count: int, rng: Random) -> pd.DataFrame:
    """Draw rows that are no copies, with the label of the table."""
    rows = rows.loc[rows.source != rows.text, ["source", "text", "label"]]
    drawn = rows.sample(min(count, len(rows)), random_state=rng.randrange(2**32))
    return drawn.assign(share=RULE_TRUST, is_sound=False)


def _by_grammar(
    pair_of: Callable[[bool, Random], tuple[str, str, float]], count: int, rng: Random
) -> pd.DataFrame:
    def make(turn: int) -> Kept:
        source, text, kept = pair_of(turn % 2 == 0, rng)
        return (source, text), kept

    return _labeled(draw_distinct(make, count, rng, at_most=True)).assign(is_sound=True)


def _by_weight(
    content: pd.DataFrame, weighed: pd.DataFrame, count: int, seed: int
) -> pd.DataFrame:
    """Draw rows that are no copies, of another kind than the rules' own."""
    share = np.where(content.label.isna(), TEACHER_TRUST, 0.0)
    rows = content.assign(weight=weighed.weight, label=weighed.teacher, share=share)
    # A teacher mistakes these, so rules alone speak of them.
    is_mistaken = rows.kind.isin(["restyled", "swapped"])
    rows = rows[(rows.source != rows.text) & ~is_mistaken & (rows.weight > 0)]
    # The first to come of waits as long as their weights say (Efraimidis and Spirakis
    # 2006).
    waits = np.random.default_rng(seed).exponential(size=len(rows)) / rows.weight
    first = np.argsort(waits)[:count]
    chosen = rows.iloc[first][["source", "text", "label", "share"]]
    return chosen.assign(is_sound=False)


def _labeled(found: Sequence[Kept]) -> pd.DataFrame:
    rows = [(source, text, label) for (source, text), label in found]
    pairs = pd.DataFrame(rows, columns=["source", "text", "label"])
    return pairs.assign(share=RULE_TRUST, is_sound=False)
