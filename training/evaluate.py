"""The development evaluation: one command, one table with bootstrap intervals.

    python -m training.evaluate --data ../shared/data

Looks at nothing that training or calibration saw: the evaluation part of rated style-transfer outputs (Krishna et
al. 2020, STRAP, PG_YELP), CoLA's development sets, the validation split, half of the kept Jigsaw sentences, a held-out
tenth of ParaDetox and the behavioural suite. A frozen MiniLM cosine stands beside SIM.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.behaviour import suite
from toxicity_j.batching import run
from toxicity_j.builtin_encoder import Encoder, pool
from toxicity_j.text import tokenize
from training.backbone import from_backbone
from training.data import (
    CORE,
    JIGSAW,
    Detoxified,
    jigsaw_half,
    read_cola,
    read_paradetox,
    read_style,
    read_transfer,
    rude_words,
)
from training.eval_metrics import (
    RESAMPLES,
    SEED,
    Row,
    accuracy,
    auc,
    calibration_error,
    expected_ece_if_calibrated,
    mean,
    measured,
    spearman,
)
from training.synthetic.disfluency import disfluent
from training.synthetic.lexicon import Lexicon
from training.synthetic.meaning_corruption import halve, negate, retarget, shuffle
from training.synthetic.profanity_edits import remove_rude, replace_rude

# Held-out ParaDetox sources given to the made systems.
MADE = 400
# Sentences of a published notebook and the side of .5 on which people would put them; never trained on.
NOTEBOOK = {
    "I love you so much": 0,
    "I'm famous, and you're dead": 1,
    "And it just helped that you have no morals or integrity": 1,
    "Nolan will destroy it": 1,
}


def style_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """P(toxic) against the validation split, by source, and against kept Jigsaw sentences, and its calibration."""
    frame = jigsaw_half(folder, calibration=False)
    p, y = encoder.style(frame.text.tolist()), frame.y.to_numpy()
    rows = [
        measured("style", "Jigsaw sentences", name, function, (y >= 0.5).astype(float), p)
        for name, function in (("accuracy", accuracy), ("AUC", auc), ("ECE", calibration_error))
    ]
    chance = expected_ece_if_calibrated(p)
    rows.append(Row("style", "Jigsaw sentences, by chance alone", "ECE", chance, np.nan, np.nan, len(p)))
    frame = read_style(folder, "val")
    p, y = encoder.style(frame.text.tolist()), frame.y.to_numpy()
    hard, core = (y >= 0.5).astype(float), frame.source.isin(CORE).to_numpy()
    for source in sorted(frame.source.unique()):
        chosen = (frame.source == source).to_numpy()
        if 0 < hard[chosen].mean() < 1:
            rows.append(measured("style", f"validation, {source}", "AUC", auc, hard[chosen], p[chosen]))
    jigsaw = (frame.source == JIGSAW).to_numpy()
    rows.append(measured("style", f"validation, {JIGSAW}", "accuracy", accuracy, hard[jigsaw], p[jigsaw]))
    rows.append(measured("style", "validation, core sources", "AUC", auc, hard[core], p[core]))
    for source in (JIGSAW, "paradetox"):
        chosen = (frame.source == source).to_numpy()
        rows.append(measured("style", f"validation, {source}", "ECE", calibration_error, y[chosen], p[chosen]))
    return rows


def notebook_rows(encoder: Encoder) -> list[Row]:
    """P(toxic) of the notebook's sentences."""
    p = encoder.style(list(NOTEBOOK))
    return [Row("style", text, "P(toxic)", float(x), np.nan, np.nan, 1) for text, x in zip(NOTEBOOK, p, strict=True)]


def paradetox_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Held-out ParaDetox: style and meaning of human rewrites against what lazy or lossy systems would write."""
    train, held_out = read_paradetox(folder)
    toxic = encoder.style([row.toxic for row in held_out])
    human = encoder.style([row.rewrites[0] for row in held_out])
    labels = np.repeat([1.0, 0.0], len(held_out))
    both = np.concatenate([toxic, human])
    rows = [
        measured("style", "ParaDetox tenth: source and rewrite", "ECE", calibration_error, labels, both),
        measured("style", "ParaDetox tenth: toxic sources caught", "share", mean, toxic >= 0.5),
        measured("style", "ParaDetox tenth: rewrites passed", "share", mean, human < 0.5),
        measured("style", "ParaDetox tenth: source against rewrite", "AUC", auc, labels, both),
        measured("style", "ParaDetox tenth: rewrite below its source", "share", mean, human < toxic),
    ]
    held_out = held_out[:MADE]
    sources, labels = [row.toxic for row in held_out], np.repeat([1.0, 0.0], len(held_out))
    scores = {name: encoder.score(outputs, sources) for name, outputs in made_systems(held_out, train).items()}
    rewrites = scores["human rewrite"]["meaning"]
    for name, found in scores.items():
        if name in LOSSY:
            both = np.concatenate([rewrites, found["meaning"]])
            rows.append(measured("meaning", f"ParaDetox tenth: rewrite against {name}", "AUC", auc, labels, both))
    for name, found in scores.items():
        sta, sim, fl = 1 - found["style"], found["meaning"], found["fluency"]
        for part, values in (("style", sta), ("meaning", sim), ("fluency", fl), ("J", sta * sim * fl)):
            rows.append(measured(part, f"made system: {name}", "mean", mean, values))
    return rows


LOSSY = ("target swapped", "polarity flipped", "half lost", "rude word to random", "another rewrite", "words shuffled")


def made_systems(rows: list[Detoxified], train: list[Detoxified]) -> dict[str, list[str]]:
    """Outputs of made systems for each toxic text of `rows`, seeded."""
    rng = random.Random(SEED)
    rude = rude_words(train)
    others = [row.rewrites[0] for row in train]
    lexicon = Lexicon(others)

    def lossy(kind: Callable[..., float], text: str) -> str:
        words = text.split()
        kind(words, rng, lexicon, others)
        return " ".join(words)

    return {
        "copy": [row.toxic for row in rows],
        "human rewrite": [row.rewrites[0] for row in rows],
        "rude words deleted": [remove_rude(row.toxic, rude)[0] for row in rows],
        "rude word to random": [replace_rude(row.toxic, rude, rng, lexicon)[0] for row in rows],
        "rewrite broken": [disfluent(row.rewrites[0], rng, lexicon)[0] for row in rows],
        "target swapped": [lossy(retarget, row.rewrites[0]) for row in rows],
        "polarity flipped": [lossy(negate, row.rewrites[0]) for row in rows],
        "half lost": [lossy(halve, row.rewrites[0]) for row in rows],
        "another rewrite": [rng.choice(others) for _ in rows],
        "words shuffled": [lossy(shuffle, row.rewrites[0]) for row in rows],
    }


def rated_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Meaning and fluency against raters of style-transfer outputs, and a frozen MiniLM cosine against the same."""
    frozen, rows = from_backbone().eval().requires_grad_(False), []
    for name, frame in read_transfer(folder, "evaluation").items():
        one, two, human = frame.text1.astype(str).tolist(), frame.text2.astype(str).tolist(), frame.human.to_numpy()
        scores = encoder.score(two, one)
        rows.append(measured("meaning", name, "Spearman", spearman, scores["meaning"], human))
        rows.append(
            measured("meaning", f"{name}, frozen MiniLM cosine", "Spearman", spearman, cosine(frozen, one, two), human)
        )
        if "grammatical" in frame:
            known = frame.grammatical.notna().to_numpy()
            judged = frame.grammatical.to_numpy()[known]
            rows.append(
                measured("fluency", f"{name}, grammatical", "Spearman", spearman, scores["fluency"][known], judged)
            )
    return rows


def cosine(encoder: Encoder, one: list[str], two: list[str]) -> np.ndarray:
    """Cosine of mean-pooled states, as all-MiniLM-L6-v2 is used."""

    def forward(batch: list[list[int]]) -> torch.Tensor:
        lengths = [len(ids) for ids in batch]
        return pool(encoder.body.alone(encoder.body.embed(batch), lengths), lengths)[0]

    states = run(one + two, lambda texts: tokenize(encoder.tokenizer, texts, 128), forward, token_budget=1024)
    return torch.cosine_similarity(states[: len(one)], states[len(one) :]).double().numpy()


def cola_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Fluency against CoLA's development labels."""
    rows = []
    for name in ("in_domain_dev", "out_of_domain_dev"):
        texts, labels = zip(*read_cola(folder / "cola" / f"{name}.tsv"), strict=True)
        scores = encoder.score(texts, want=("fluency",))["fluency"]
        rows.append(measured("fluency", f"CoLA {name}", "AUC", auc, np.array(labels), scores))
    return rows


def score_with(encoder: Encoder) -> suite.Score:
    """The encoder as the behavioural suite calls it."""

    def score(role: str, texts: list[str], sources: list[str] | None) -> list[float]:
        head = "meaning" if role == "content" else role
        return encoder.score(texts, sources, want=(head,))[head].tolist()

    return score


def behaviour_rows(encoder: Encoder) -> list[Row]:
    """Pass rates of the behavioural suite."""
    outcomes = suite.run_cases(score_with(encoder), suite.read_cases())
    rows = []
    for role in suite.ROLES:
        passed = np.array([outcome.passed for outcome in outcomes if outcome.case.role == role])
        rows.append(measured("meaning" if role == "content" else role, "behavioural suite", "passed", mean, passed))
    for name, text_file in (
        ("identity sentences passed", "identity_neutral"),
        ("implied threats caught", "implied_threat"),
    ):
        p = encoder.style(suite.read_lines(suite.FOLDER / f"{text_file}.txt"))
        passed = p < 0.5 if text_file == "identity_neutral" else p >= 0.5
        rows.append(measured("style", f"behavioural suite: {name}", "share", mean, passed))
    return rows


def speed_row(path: Path | None, folder: Path) -> Row:
    """Pairs a CPU-second, all three scores, bfloat16."""
    encoder = Encoder.load(path, device="cpu", dtype="bfloat16")
    _, rows = read_paradetox(folder)
    predictions, sources = [row.rewrites[0] for row in rows], [row.toxic for row in rows]
    encoder.score(predictions[:64], sources[:64])
    began = time.process_time()
    encoder.score(predictions, sources)
    return Row(
        "speed",
        "bfloat16, all three scores",
        "pairs/s",
        len(rows) / (time.process_time() - began),
        np.nan,
        np.nan,
        len(rows),
    )


def table(encoder: Encoder, path: Path | None, folder: Path) -> list[Row]:
    """All rows; `path` says where the encoder came from, to time it in bfloat16."""
    rows = [*style_rows(encoder, folder), *notebook_rows(encoder), *paradetox_rows(encoder, folder)]
    rows += [
        *rated_rows(encoder, folder),
        *cola_rows(encoder, folder),
        *behaviour_rows(encoder),
        speed_row(path, folder),
    ]
    parts = ("style", "meaning", "fluency", "J", "speed")
    return sorted(rows, key=lambda row: parts.index(row.part))


def markdown(rows: list[Row], encoder: Encoder) -> str:
    """The table and the behavioural suite's pass rates by capability, for the model card."""
    lines = ["| score | what | statistic | value | 95 % interval | n |", "|---|---|---|---|---|---|"]
    for row in rows:
        interval = "" if np.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
        lines.append(f"| {row.part} | {row.name} | {row.statistic} | {row.value:.3f} | {interval} | {row.n} |")
    lines += ["", "| behavioural suite: capability | passed | of |", "|---|---|---|"]
    passed = suite.by_capability(suite.run_cases(score_with(encoder), suite.read_cases()))
    lines += [f"| {name} | {ok} | {count} |" for name, (ok, count) in passed.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints the table, and writes it where `--json` says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--weights", type=Path, help="a file written by Encoder.save; the shipped weights when not given"
    )
    parser.add_argument(
        "--dtype", default="float32", help="bfloat16 is three times as fast and close enough for a look"
    )
    parser.add_argument("--markdown", type=Path, help="also write the table, and the behavioural suite by capability")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    encoder = Encoder.load(args.weights, dtype=args.dtype)
    rows = table(encoder, args.weights, args.data)
    print(f"95 % intervals: {RESAMPLES} bootstrap resamples of the items, seed {SEED}")
    print("\n".join(map(str, rows)))
    if args.markdown:
        args.markdown.write_text(markdown(rows, encoder))
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
