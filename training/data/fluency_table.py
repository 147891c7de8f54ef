"""The texts that the fluency head learns from, each beside a source: broken on purpose,
rated by people, hand-written.

A text without a source of its own stands beside itself or beside a noisy copy, so that
what the source already has is not counted against the rewrite.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pandas as pd

from training.data.rated import read_fluency_rated
from training.data.sources import read_cola, read_krishna, read_style
from training.data.table_parts import (
    ParaDetox,
    count_words,
    distinct_pairs,
    read_training_paradetox,
    select,
    without_held_out,
)
from training.data.tables import read_tsv
from training.synthetic import handwritten as written
from training.synthetic.chat import chat_noise
from training.synthetic.disfluency import disfluent
from training.synthetic.fluency_contrasts import fluency_contrasts
from training.synthetic.lexicon import Lexicon
from training.synthetic.own_texts import own_twins
from training.synthetic.profanity_edits import remove_rude, replace_rude

__all__ = ["fluency_table"]

COLUMNS = ["source", "text", "label", "weight", "trust", "kind", "tier", "sound"]
RATED_SHARE = {
    "query_wellformed": 0.35,
    "blimp": 0.7,
    "demetr": 0.7,
    "nlg_emnlp17": 0.5,
}
# Sentences that contrasts are made of, and of these, sentences that are also written as
# in a chat.
_SENTENCES, _CHAT_SENTENCES = 40_000, 15_000


class _Rows(list):
    """Rows of the table."""

    def put(
        self,
        source: str,
        text: str,
        label: float,
        kind: str,
        *,
        weight: float,
        trust: float,
        tier: str = "open",
        sound: str = "",
    ) -> None:
        """Append a row."""
        self.append((source, text, label, weight, trust, kind, tier, sound))


def fluency_table(folder: Path, seed: int, contrasts: int) -> pd.DataFrame:
    """Build the table; columns as `COLUMNS`; `sound` is the sentence that a broken one
    was made from, or "".

    Args:
        folder: the data folder.
        seed: decides every draw.
        contrasts: how many contrasts of our own.
    """
    rng = Random(f"fluency-{seed}")
    known = read_training_paradetox(folder)
    rows = _Rows()
    _paradetox_texts(rows, known, rng)
    sentences = _sample_sentences(folder, seed)
    _contrasts(rows, sentences + known.rewrites, rng, contrasts)
    _chat(rows, sentences[:_CHAT_SENTENCES], rng, known.lexicon)
    _rated(rows, folder)
    _outputs(rows, folder)
    for text, label in written.FLUENCY:
        rows.put(text, text, label, "written", weight=1.0, trust=0.9)
    return distinct_pairs(rows, COLUMNS, "text")


def _sample_sentences(folder: Path, seed: int) -> list[str]:
    frame = read_style(folder, "train")
    short = frame[count_words(frame.text).between(4, 25)]
    drawn = short.sample(min(_SENTENCES, len(short)), random_state=seed)
    return drawn.text.tolist()


def _paradetox_texts(rows: _Rows, known: ParaDetox, rng: Random) -> None:
    for row in known.rows:
        toxic = row.toxic
        for rewrite in row.rewrites:
            rows.put(
                toxic, rewrite, 0.95, "rewrite", weight=0.6, trust=0.5, sound=rewrite
            )
            broken, label = disfluent(rewrite, rng, known.lexicon)
            rows.put(
                toxic,
                broken,
                min(label, 0.9),
                "broken_rewrite",
                weight=0.6,
                trust=0.7,
                sound=rewrite,
            )
        text, label, _ = remove_rude(toxic, known.rude)
        if text.strip() and text != toxic:
            sound = toxic if label < 0.5 else ""
            rows.put(toxic, text, label, "delete", weight=1.0, trust=0.4, sound=sound)
        text, label, _ = replace_rude(toxic, known.rude, rng, known.lexicon)
        rows.put(toxic, text, label, "replace", weight=0.4, trust=0.5)
        rows.put(toxic, toxic, 0.92, "copy", weight=0.4, trust=0.6, sound=toxic)


def _contrasts(rows: _Rows, sentences: Sequence[str], rng: Random, count: int) -> None:
    made = fluency_contrasts(rng, count, sentences)
    own = [(broken, sound, "own") for sound, broken in own_twins()]
    for broken, sound, kind in [*made, *own]:
        # Beside itself too, because FL is of the text, not of the change.
        source = sound if rng.random() < 0.4 else broken
        rows.put(
            source, broken, 0.22, f"contrast_{kind}", weight=0.8, trust=0.8, sound=sound
        )
        rows.put(
            sound, sound, 0.94, f"sound_{kind}", weight=0.4, trust=0.8, sound=sound
        )


def _chat(rows: _Rows, sentences: Sequence[str], rng: Random, lexicon: Lexicon) -> None:
    """Add chat spelling: no fault where the source has it, and still broken where a
    word is lost as well.
    """
    for sentence in sentences:
        noisy = chat_noise(rng, sentence)
        rows.put(noisy, noisy, 0.88, "chat_copy", weight=0.5, trust=0.8)
        broken, label = disfluent(noisy, rng, lexicon)
        rows.put(
            noisy,
            broken,
            min(label, 0.85),
            "chat_broken",
            weight=0.5,
            trust=0.7,
            sound=noisy,
        )
        if rng.random() < 0.3:
            rows.put(sentence, noisy, 0.8, "chat_added", weight=0.4, trust=0.7)


def _rated(rows: _Rows, folder: Path) -> None:
    """Add texts that people rated."""
    rated = without_held_out(read_fluency_rated(folder))
    columns = ("text", "label", "weight", "source", "tier", "source_text")
    for text, label, weight, name, tier, source_text in select(rated, *columns):
        share = weight * RATED_SHARE.get(name, 1.0)
        if not (isinstance(source_text, str) and source_text.strip()):
            rows.put(
                text, text, label, f"rated_{name}", weight=share, trust=0.8, tier=tier
            )
            continue
        rows.put(
            source_text,
            text,
            label,
            f"rated_{name}",
            weight=share,
            trust=0.8,
            tier=tier,
        )
        # Once alone too, so that its own faults count without a source.
        rows.put(
            text,
            text,
            label,
            f"rated_{name}_alone",
            weight=0.5 * share,
            trust=0.8,
            tier=tier,
        )
    for text, is_acceptable in read_cola(folder / "cola" / "in_domain_train.tsv"):
        label, sound = 0.2, ""
        if is_acceptable:
            label, sound = 0.96, text
        rows.put(
            text,
            text,
            label,
            "rated_cola",
            weight=0.8,
            trust=0.8,
            tier="research",
            sound=sound,
        )
    krishna = read_krishna(folder, "training").dropna(subset=["grammatical"])
    for source, text, label in select(krishna, "text1", "text2", "grammatical"):
        rows.put(source, text, label, "rated_krishna2020", weight=2.0, trust=0.8)


def _outputs(rows: _Rows, folder: Path) -> None:
    """Add outputs of systems, which the teacher alone labels."""
    judged = read_tsv(folder / "teacher" / "judge_meaning.tsv")
    for source, text in select(judged, "source", "rewrite"):
        rows.put(source, text, float("nan"), "outputs", weight=1.0, trust=0.0)
