"""How much each public source counts, and on which scale it is labeled."""

from __future__ import annotations

from dataclasses import dataclass

JIGSAW = "emnlp_dev"
# Sources whose labels agree best with people's judgment of detoxified text, and the
# share of their rows that the last part of style training sees: sentences whose label
# is a clear yes or no count for more.
CORE = {
    JIGSAW: 1.0,
    "cannot_rewrite": 1.0,
    "paradetox": 0.7,
    "toxic_spans": 0.4,
    "civil_toxic30": 0.4,
    "wiki_cat": 0.3,
}
# Sources of style released for research only, or without a license (the data folder's
# README).
RESEARCH_SOURCES = ("wiki_cat", JIGSAW)


@dataclass(frozen=True)
class Scale:
    """The scale of a file of meaning labels.

    Attributes:
        low: its lowest label.
        high: its highest label.
        power: maps relatedness to "same meaning".
        weight: of a row.
    """

    low: float
    high: float
    power: float
    weight: float


# Files of style transfer and short messages count for more than news and captions.
MEANING_SCALES = {
    "yamsh_yelp": Scale(1.0, 5.0, 1.0, 3.0),
    "yamsh_para": Scale(1.0, 5.0, 1.0, 0.7),
    "yamsh_bible": Scale(1.0, 5.0, 1.0, 0.7),
    "pit": Scale(0.0, 5.0, 1.0, 2.0),
    "advers": Scale(0.0, 1.0, 1.0, 2.0),
    "msr": Scale(0.0, 1.0, 1.0, 0.5),
    "etpc": Scale(0.0, 1.0, 1.0, 0.4),
    "paws": Scale(0.0, 1.0, 1.0, 0.5),
    "sick": Scale(1.0, 5.0, 2.0, 0.4),
    "PG_YELP": Scale(1.0, 5.0, 1.0, 3.0),
    "STRAP_COHA": Scale(0.0, 1.0, 1.0, 3.0),
    "STRAP_formality": Scale(0.0, 1.0, 1.0, 3.0),
    "STRAP_shakespeare": Scale(0.0, 1.0, 1.0, 3.0),
}
# Of these, ratings of outputs of style transfer: only half of their sources is for
# training; see `rated_part`.
TRANSFER = ("PG_YELP", "STRAP_COHA", "STRAP_formality", "STRAP_shakespeare")
# Labels of two-valued files, softened: their raters disagree about as often.
SOFT_LABELS = {0.0: 0.15, 1.0: 0.92}
