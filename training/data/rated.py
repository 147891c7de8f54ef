"""Rated data of others, each scale mapped to [0, 1]: meaning kept, toxicity, fluency.

The files stand in `meaning_rated/`, `style_rated/` and `fluency_rated/` of the data folder. A missing file is an error.
Every reader returns one frame with the columns `label`, `weight` (how much a row counts, before any balancing),
`source` (the file's name) and `tier`: "open" rows may teach the licence-clean weights, "research" rows may not.

The maps are judgements of the authors. They follow one question: which score would a rater of detoxified text give?
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from training.data.tables import read_tsv

OPEN, RESEARCH = "open", "research"

# A hypothesis that follows from a premise says less than it, so entailment is not full agreement.
_NLI = {"entailment": 0.72, "neutral": 0.35, "not_entailment": 0.2, "contradiction": 0.08}
# One replaced word: a synonym keeps everything, another word breaks it.
_ONE_WORD = {"entailment": 0.92, "neutral": 0.4, "contradiction": 0.08}
# STS grade 3 means "roughly equivalent, important information differs"; the power brings it below one half.
_STS_POWER = 1.5

# DEMETR: the start of a perturbation's description -> (meaning kept, fluency). None: too mixed to learn from.
_DEMETR = {
    "empty string": (0.0, 0.0),
    "unrelated translation": (0.02, 0.93),
    "adding a word": (0.25, None),
    "affirmative to negation": (0.08, None),
    "change of gender pronoun": (0.25, None),
    "changing a word to its antonym": (0.1, None),
    "codemix": (None, 0.3),
    "numbers changed": (0.2, 0.93),
    "remove noun": (0.35, 0.35),
    "remove random named entity": (0.3, 0.35),
    "remove the head": (0.3, 0.3),
    "removes adj or adv": (0.5, None),
    "removes content verb": (0.35, 0.2),
    "replace NE": (0.15, None),
    "shuffled words": (0.25, 0.04),
    "change affirmative to interrogative": (0.3, None),
    "change into hypernym": (0.5, None),
    "change the aspect": (0.75, None),
    "change the tense": (0.4, None),
    "remove prepositional phrase": (0.5, None),
    "change function word": (0.75, 0.45),
    "change pos": (0.85, 0.4),
    "change the case": (0.9, 0.45),
    "conjunction removed": (0.85, 0.55),
    "lowercase first": (0.97, 0.88),
    "lowercase the entire": (0.97, 0.85),
    "misspell": (0.95, 0.65),
    "randomly insert punctuation": (0.93, 0.6),
    "remove one char": (0.93, 0.6),
    "remove the final": (0.98, 0.9),
    "repeat the last word 4": (0.85, 0.15),
    "repeat the last word twice": (0.93, 0.4),
    "tokenize": (0.98, 0.88),
    "two adjacent": (0.88, 0.35),
}
_EDOS = {"1": 0.95, "2": 0.9, "3": 0.75, "4": 0.8}
# Backhanded compliments and condescension: raters of toxicity are divided.
_EDOS_MILD = ("3.3", "3.4")
_CANNOT_REWRITE = {"toxic_content": (0.85, 1.0), "not_toxic": (0.15, 2.0), "unclear": (0.5, 0.5)}
_IMPLICIT_HATE = {"explicit_hate": (0.92, 1.0), "implicit_hate": (0.72, 0.7), "not_hate": (0.15, 0.3)}


def _scaled(values: pd.Series, low: float, high: float) -> pd.Series:
    return ((pd.to_numeric(values, errors="coerce") - low) / (high - low)).clip(0.0, 1.0)


def _mapped(values: pd.Series, table: dict) -> pd.Series:
    return values.map(table).astype(float)


def _demetr_values(frame: pd.DataFrame, index: int) -> pd.Series:
    """Look up meaning (index 0) or fluency (index 1) of each row's perturbation."""
    kinds = {}
    for kind in frame.kind.unique():
        found = [values for start, values in _DEMETR.items() if kind.startswith(start)]
        kinds[kind] = found[0][index] if found else None
    return _mapped(frame.kind, kinds)


def _pairs(one: pd.Series, two: pd.Series, label: pd.Series | float, weight: pd.Series | float) -> pd.DataFrame:
    return pd.DataFrame({"text1": one, "text2": two, "label": label, "weight": weight})


def _demetr_pairs(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "demetr.tsv")
    # Half against the reference, half against the good translation, from which it differs by one edit.
    first = frame.reference.where(frame.item % 2 == 1, frame.good)
    edited = _pairs(first, frame.perturbed, _demetr_values(frame, 0), 0.6)
    good = frame.drop_duplicates(["reference", "good"])
    return pd.concat([edited, _pairs(good.reference, good.good, 0.95, 1.0)])


def _nli(folder: Path, name: str, table: dict[str, float], weight: float) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    counts = frame.label.value_counts()
    # Every label of a file counts as much as its rarest main label.
    smallest = counts[counts > 0.02 * len(frame)].min()
    balance = (smallest / frame.label.map(counts)).clip(upper=1.0)
    return _pairs(frame.text1, frame.text2, _mapped(frame.label, table), weight * balance)


def _rated_pairs(frame: pd.DataFrame, column: str, low: float, high: float, weight: float) -> pd.DataFrame:
    first, second = ("source", "rewrite") if "source" in frame else ("text1", "text2")
    return _pairs(frame[first], frame[second], _scaled(frame[column], low, high), weight)


def _sts(folder: Path, name: str) -> pd.DataFrame:
    rows = _rated_pairs(read_tsv(folder / f"{name}.tsv"), "score_0_5", 0, 5, 0.5)
    return rows.assign(label=rows.label**_STS_POWER)


def _two_valued(folder: Path, name: str, column: str, soft: tuple[float, float], weights: tuple) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    labels = _mapped(frame[column], {0: soft[0], 1: soft[1]})
    return _pairs(frame.text1, frame.text2, labels, _mapped(frame[column], {0: weights[0], 1: weights[1]}))


def _simplicity(folder: Path, column: str) -> pd.Series:
    frame = read_tsv(folder / "simplicity_da.tsv")
    wide = frame.scale.str.startswith("0-100")
    return _scaled(frame[column], 0, 100).where(wide, _scaled(frame[column], 1, 5))


def _positives(folder: Path, name: str, label: float, weight: float) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    return _pairs(frame.source, frame.rewrite, label, weight)


def read_meaning_rated(folder: Path) -> pd.DataFrame:
    """Read pairs with labels of kept meaning; columns text1, text2, label in [0, 1], weight, source, tier.

    Args:
        folder: the data folder, which holds `meaning_rated/`.
    """
    rated = Path(folder) / "meaning_rated"
    simple = read_tsv(rated / "simplicity_da.tsv")
    parts = {
        ("negation_nli", OPEN): _nli(rated, "negation_nli", _NLI, 1.0),
        ("cad_nli", OPEN): _nli(rated, "cad_nli", _NLI, 0.7),
        ("breaking_nli", OPEN): _nli(rated, "breaking_nli", _ONE_WORD, 1.0),
        ("semantoneg", OPEN): _two_valued(rated, "semantoneg", "same_meaning", (0.08, 0.92), (0.5, 1.0)),
        ("cannot_wikifact", OPEN): _two_valued(rated, "cannot_wikifact", "negated", (0.92, 0.08), (1.0, 0.4)),
        ("demetr", OPEN): _demetr_pairs(rated),
        ("stsb", OPEN): _sts(rated, "stsb"),
        ("sts12_16", OPEN): _sts(rated, "sts12_16"),
        ("lai_formality", RESEARCH): _rated_pairs(read_tsv(rated / "lai_formality.tsv"), "content_mean", 0, 100, 2.0),
        ("mir_yelp", RESEARCH): _rated_pairs(read_tsv(rated / "mir_yelp.tsv"), "content_mean_1_5", 1, 5, 2.0),
        ("simplicity_da", RESEARCH): _pairs(simple.source, simple.rewrite, _simplicity(rated, "meaning_mean"), 1.0),
        ("asset_ratings", RESEARCH): _rated_pairs(read_tsv(rated / "asset_ratings.tsv"), "meaning_mean", 0, 100, 1.0),
        ("tmu_gfm", RESEARCH): _rated_pairs(read_tsv(rated / "tmu_gfm.tsv"), "meaning_mean_0_4", 0, 4, 0.5),
        ("twitter_para", RESEARCH): _rated_pairs(read_tsv(rated / "twitter_para.tsv"), "score_0_1", 0, 1, 1.0),
        ("multipit_expert", RESEARCH): _two_valued(rated, "multipit_expert", "paraphrase", (0.25, 0.88), (1.0, 1.0)),
        ("lewidi_paraphrase", RESEARCH): _rated_pairs(
            read_tsv(rated / "lewidi_paraphrase.tsv"), "mean_m5_5", -5, 5, 1.0
        ),
        ("appdia", RESEARCH): _positives(rated, "appdia", 0.9, 1.5),
        ("capp", RESEARCH): _positives(rated, "capp", 0.8, 0.3),
    }
    return _joined(parts, ["text1", "text2"])


def _joined(parts: dict[tuple[str, str], pd.DataFrame], texts: list[str]) -> pd.DataFrame:
    """Stack the parts; drop rows without a text or label, and pairs or texts that were seen before."""
    frame = pd.concat([part.assign(source=name, tier=tier) for (name, tier), part in parts.items()])
    frame = frame.dropna(subset=[*texts, "label"])
    frame[texts] = frame[texts].astype(str)
    return frame.drop_duplicates([*texts, "source"]).reset_index(drop=True)


def _texts(text: pd.Series, label: pd.Series | float, weight: pd.Series | float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"text": text, "label": label, "weight": weight})


def _by_table(folder: Path, name: str, column: str, table: dict[str, tuple[float, float]]) -> pd.DataFrame:
    frame = read_tsv(folder / f"{name}.tsv")
    chosen = frame[column].map(lambda key: table.get(key, (0.5, 0.3)))
    return _texts(frame.text, chosen.str[0], chosen.str[1])


def _edos(folder: Path) -> pd.DataFrame:
    # A sentence that is not sexist may be toxic all the same, so those rows say nothing.
    frame = read_tsv(folder / "edos.tsv").query("sexist == 'sexist'")
    labels = _mapped(frame.category.str[0], _EDOS).where(~frame.vector.str[:3].isin(_EDOS_MILD), 0.5)
    return _texts(frame.text, labels, 0.7)


def _brexit(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "hs_brexit.tsv")
    votes = frame.offensive.str.split(",", expand=True).apply(pd.to_numeric, errors="coerce")
    return _texts(frame.text, votes.mean(axis=1), 0.5)


def _unhealthy(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "unhealthy.tsv")
    parts = {"hostile": 1.0, "antagonize": 0.8, "condescending": 0.6, "generalisation_unfair": 0.6, "dismissive": 0.5}
    graded = pd.concat([frame[name].astype(float) * share for name, share in parts.items()], axis=1)
    return _texts(frame.text, graded.max(axis=1), 0.5)


def read_style_rated(folder: Path) -> pd.DataFrame:
    """Read texts with labels of toxicity; columns text, label in [0, 1], weight, source, tier.

    Args:
        folder: the data folder, which holds `style_rated/`.
    """
    rated = Path(folder) / "style_rated"
    abuse = read_tsv(rated / "convabuse.tsv")
    toxigen = read_tsv(rated / "toxigen_annotated.tsv")
    jokes = read_tsv(rated / "hahackathon.tsv")
    opinions = read_tsv(rated / "md_agreement.tsv")
    requests = read_tsv(rated / "stanford_politeness.tsv")
    talk = read_tsv(rated / "politeness_hpd_en.tsv")
    # The rude end of the politeness files is curt, seldom toxic: both map to the low end of the scale.
    curt = -pd.to_numeric(requests.politeness_z, errors="coerce")
    parts = {
        ("cannot_rewrite", OPEN): _by_table(rated, "cannot_rewrite", "reason", _CANNOT_REWRITE),
        ("convabuse", OPEN): _texts(abuse.text, _scaled(abuse.share_positive, 0, 1), 0.7),
        ("toxigen_annotated", OPEN): _texts(toxigen.text, _scaled(toxigen.toxicity_human_1_5, 1, 5)),
        ("edos", OPEN): _edos(rated),
        ("implicit_hate", OPEN): _by_table(rated, "implicit_hate", "label", _IMPLICIT_HATE),
        ("hahackathon", RESEARCH): _texts(jokes.text, _scaled(jokes.offense_mean_0_5, 0, 3.5), 0.5),
        ("md_agreement", RESEARCH): _texts(opinions.text, _scaled(opinions.share_positive, 0, 1)),
        ("hs_brexit", RESEARCH): _brexit(rated),
        ("unhealthy", RESEARCH): _unhealthy(rated),
        ("stanford_politeness", RESEARCH): _texts(requests.text, (0.08 + 0.05 * curt).clip(0.02, 0.25), 0.3),
        ("politeness_hpd_en", RESEARCH): _texts(talk.text, (0.2 - 0.05 * talk.labels.astype(float)), 0.3),
    }
    return _joined(parts, ["text"])


def _graded(
    text: pd.Series,
    label: pd.Series | float,
    weight: float,
    pair: pd.Series | None = None,
    source_text: pd.Series | None = None,
) -> pd.DataFrame:
    return _texts(text, label, weight).assign(pair=pair, source_text=source_text)


def _two_sided(good: pd.Series, bad: pd.Series, labels: tuple[float, float], weight: float) -> pd.DataFrame:
    """Turn minimal pairs into rows: both sides carry the row's number as `pair`."""
    number = pd.Series(np.arange(len(good)), index=good.index)
    return pd.concat([_graded(good, labels[0], weight, number), _graded(bad, labels[1], weight, number)])


def _demetr_fluency(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "meaning_rated" / "demetr.tsv")
    broken = _graded(frame.perturbed, _demetr_values(frame, 1), 0.6, frame.item)
    good = frame.drop_duplicates("good")
    return pd.concat([_graded(good.good, 0.93, 1.0, good.item), broken])


def _mqm(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "wmt_ted_mqm.tsv")
    penalty = frame.fluency_err.astype(float) + 0.5 * frame.style_err.astype(float)
    # One minor error (1 point) costs a little, one major error (5 points) more than half.
    return _graded(frame.text, 0.97 * np.exp(-penalty / 6), 1.0, frame.seg)


def _jfleg(folder: Path) -> pd.DataFrame:
    frame = read_tsv(folder / "jfleg.tsv")
    frame = frame[frame.source != frame.ref0]
    return _two_sided(frame.ref0, frame.source, (0.93, 0.35), 1.0).assign(source_text=None)


def _outputs(path: Path, column: str, low: float, high: float, weight: float) -> pd.DataFrame:
    """Read rated rewrites: the source is what the rewrite was made of."""
    frame = read_tsv(path)
    return _graded(frame.rewrite, _scaled(frame[column], low, high), weight, frame.get("item"), frame.source)


def read_fluency_rated(folder: Path) -> pd.DataFrame:
    """Read texts with labels of fluency; columns text, label, weight, source, tier, pair, source_text.

    `pair` numbers, within a source, the rows that say the same in different ways, or is missing; `source_text` is the
    text that a rewrite was made of, or is missing.

    Args:
        folder: the data folder, which holds `fluency_rated/` and `meaning_rated/`.
    """
    rated, pairs = Path(folder) / "fluency_rated", Path(folder) / "meaning_rated"
    spoken = read_tsv(rated / "nlg_emnlp17.tsv")
    asked = read_tsv(rated / "query_wellformed.tsv")
    minimal = read_tsv(rated / "blimp.tsv")
    learners = read_tsv(rated / "gug.tsv")
    linguists = read_tsv(rated / "li_adger.tsv")
    described = read_tsv(rated / "webnlg2020.tsv")
    simple = read_tsv(pairs / "simplicity_da.tsv")
    described_label = _scaled(described.fluency_mean_0_100, 20, 100)
    simple_label = _simplicity(pairs, "fluency_mean")
    parts = {
        ("gmeg", OPEN): _outputs(rated / "gmeg.tsv", "quality_mean_0_100", 25, 95, 1.0),
        ("wmt_ted_mqm", OPEN): _mqm(rated),
        ("nlg_emnlp17", OPEN): _graded(spoken.text, _scaled(spoken.naturalness_median_1_6, 1, 6), 0.5),
        ("query_wellformed", OPEN): _graded(asked.text, _scaled(asked.wellformed_0_1, 0, 1), 0.25),
        ("blimp", OPEN): _two_sided(minimal.good, minimal.bad, (0.93, 0.2), 0.3),
        ("demetr", OPEN): _demetr_fluency(Path(folder)),
        ("gug", RESEARCH): _graded(learners.text, _scaled(learners.mean_1_4, 1, 4), 1.0),
        ("jfleg", RESEARCH): _jfleg(rated),
        ("li_adger", RESEARCH): _graded(linguists.text, _scaled(linguists.judgement, -1.3, 1.3), 0.5),
        ("webnlg2020", RESEARCH): _graded(described.text, described_label, 0.5, described["sample"]),
        ("mir_yelp", RESEARCH): _outputs(pairs / "mir_yelp.tsv", "naturalness_mean_1_5", 1, 5, 1.0),
        ("tmu_gfm", RESEARCH): _outputs(pairs / "tmu_gfm.tsv", "grammar_mean_0_4", 1, 4, 1.0),
        ("lai_formality", RESEARCH): _outputs(pairs / "lai_formality.tsv", "fluency_mean", 0, 100, 1.0),
        ("asset_ratings", RESEARCH): _outputs(pairs / "asset_ratings.tsv", "fluency_mean", 0, 100, 1.0),
        ("simplicity_da", RESEARCH): _graded(simple.rewrite, simple_label, 1.0, None, simple.source),
    }
    return _joined(parts, ["text"])
