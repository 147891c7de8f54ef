"""Evaluate an encoder for development: one command, one table with bootstrap intervals.

    python -m training.evaluate --data ../shared/data --output_file toxicity_j/evaluation.json

Looks at nothing that training or calibration saw: the evaluation part of rated style-transfer outputs (Krishna et
al. 2020, STRAP, PG_YELP), CoLA's development sets, the validation split, half of the kept Jigsaw sentences, a held-out
tenth of ParaDetox and the behavioural suite. A frozen MiniLM cosine stands beside SIM.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.behaviour import suite
from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_weights import find_weights
from training.data.sources import CORE, JIGSAW, jigsaw_half, read_cola, read_paradetox, read_style, read_transfer
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
    single,
    spearman,
)
from training.made_systems import LOSSY, made_systems
from training.modules.backbone import backbone_folder

# Held-out ParaDetox sources given to the made systems.
_MADE = 400
# Sentences of a published notebook; people put the first below 0.5, the others above it. Never trained on.
NOTEBOOK = (
    "I love you so much",
    "I'm famous, and you're dead",
    "And it just helped that you have no morals or integrity",
    "Nolan will destroy it",
)
_PARTS = ("style", "content", "fluency", "J", "speed")
_COSINE_BATCH = 64


def jigsaw_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure P(toxic) and its calibration on the kept Jigsaw sentences that calibration has not seen."""
    frame = jigsaw_half(folder, calibration=False)
    p_toxic = encoder.p_toxic(frame.text.tolist())
    labels = (frame.y >= 0.5).to_numpy(float)
    rows = []
    for name, function in (("accuracy", accuracy), ("AUC", auc), ("ECE", calibration_error)):
        rows.append(measured("style", "Jigsaw sentences", name, function, labels, p_toxic))
    chance = expected_ece_if_calibrated(p_toxic)
    rows.append(single("style", "Jigsaw sentences, by chance alone", "ECE", chance, len(p_toxic)))
    return rows


def validation_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure P(toxic) on the validation split, by source."""
    frame = read_style(folder, "val")
    frame["p_toxic"] = encoder.p_toxic(frame.text.tolist())
    frame["label"] = (frame.y >= 0.5).astype(float)
    rows = []
    for source, part in frame.groupby("source"):
        if part.label.nunique() == 2:
            rows.append(measured("style", f"validation, {source}", "AUC", auc, part.label, part.p_toxic))
    jigsaw = frame[frame.source == JIGSAW]
    rows.append(measured("style", f"validation, {JIGSAW}", "accuracy", accuracy, jigsaw.label, jigsaw.p_toxic))
    core = frame[frame.source.isin(CORE)]
    rows.append(measured("style", "validation, core sources", "AUC", auc, core.label, core.p_toxic))
    for source in (JIGSAW, "paradetox"):
        part = frame[frame.source == source]
        rows.append(measured("style", f"validation, {source}", "ECE", calibration_error, part.y, part.p_toxic))
    return rows


def notebook_rows(encoder: Encoder) -> list[Row]:
    """Give P(toxic) of the notebook's sentences."""
    p_toxic = encoder.p_toxic(list(NOTEBOOK))
    return [single("style", text, "P(toxic)", float(p), 1) for text, p in zip(NOTEBOOK, p_toxic, strict=True)]


def paradetox_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure P(toxic) of held-out toxic sources against their human rewrites."""
    _, held_out = read_paradetox(folder)
    toxic = encoder.p_toxic([row.toxic for row in held_out])
    human = encoder.p_toxic([row.rewrites[0] for row in held_out])
    labels = np.repeat([1.0, 0.0], len(held_out))
    both = np.concatenate([toxic, human])
    name = "ParaDetox tenth: "
    return [
        measured("style", name + "source and rewrite", "ECE", calibration_error, labels, both),
        measured("style", name + "toxic sources caught", "share", mean, toxic >= 0.5),
        measured("style", name + "rewrites passed", "share", mean, human < 0.5),
        measured("style", name + "source against rewrite", "AUC", auc, labels, both),
        measured("style", name + "rewrite below its source", "share", mean, human < toxic),
    ]


def made_system_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure the scores of made systems, and how well SIM tells lossy ones from human rewrites."""
    train, held_out = read_paradetox(folder)
    held_out = held_out[:_MADE]
    sources = [row.toxic for row in held_out]
    scores = {}
    for name, outputs in made_systems(held_out, train, SEED).items():
        scores[name] = encoder.score(outputs, sources)
    labels = np.repeat([1.0, 0.0], len(held_out))
    rewrites = scores["human rewrite"]["content"]
    rows = []
    for name in LOSSY:
        both = np.concatenate([rewrites, scores[name]["content"]])
        rows.append(measured("content", f"ParaDetox tenth: rewrite against {name}", "AUC", auc, labels, both))
    for name, found in scores.items():
        sta, sim, fl = 1 - found["style"], found["content"], found["fluency"]
        for part, values in (("style", sta), ("content", sim), ("fluency", fl), ("J", sta * sim * fl)):
            rows.append(measured(part, f"made system: {name}", "mean", mean, values))
    return rows


def rated_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Compare SIM and FL with raters of style-transfer outputs, and a frozen MiniLM cosine with the same."""
    rows = []
    for name, frame in read_transfer(folder, "evaluation").items():
        sources, outputs = frame.text1.astype(str).tolist(), frame.text2.astype(str).tolist()
        human = frame.human.to_numpy()
        scores = encoder.score(outputs, sources)
        cosines = frozen_cosines(sources, outputs)
        rows.append(measured("content", name, "Spearman", spearman, scores["content"], human))
        rows.append(measured("content", f"{name}, frozen MiniLM cosine", "Spearman", spearman, cosines, human))
        if "grammatical" in frame:
            known = frame.grammatical.notna().to_numpy()
            judged = frame.grammatical.to_numpy()[known]
            fluency = scores["fluency"][known]
            rows.append(measured("fluency", f"{name}, grammatical", "Spearman", spearman, fluency, judged))
    return rows


def frozen_cosines(one: Sequence[str], two: Sequence[str]) -> np.ndarray:
    """Compute cosines of mean-pooled states of all-MiniLM-L6-v2, as it is used. *Shape:* (n,)"""
    tokenizer = AutoTokenizer.from_pretrained(backbone_folder())
    model = AutoModel.from_pretrained(backbone_folder()).eval()
    texts = [*one, *two]
    pooled = []
    with torch.inference_mode():
        for start in range(0, len(texts), _COSINE_BATCH):
            batch = texts[start : start + _COSINE_BATCH]
            inputs = tokenizer(batch, padding=True, truncation=True, max_length=128, return_tensors="pt")
            mask = inputs["attention_mask"].unsqueeze(-1)
            states = model(**inputs).last_hidden_state
            pooled.append((states * mask).sum(1) / mask.sum(1))
    states = torch.cat(pooled)
    return torch.cosine_similarity(states[: len(one)], states[len(one) :]).double().numpy()


def _fluency(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    """Score fluency without a source: each text stands for its own."""
    return encoder.score(texts, texts, want=("fluency",))["fluency"]


def cola_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Compare FL with CoLA's development labels."""
    rows = []
    for name in ("in_domain_dev", "out_of_domain_dev"):
        table = read_cola(folder / "cola" / f"{name}.tsv")
        labels = np.array([label for _, label in table])
        scores = _fluency(encoder, [text for text, _ in table])
        rows.append(measured("fluency", f"CoLA {name}", "AUC", auc, labels, scores))
    return rows


def suite_score(encoder: Encoder) -> suite.Score:
    """Score with an encoder, as the behavioural suite asks for it."""

    def score(role: str, texts: Sequence[str], sources: Sequence[str] | None) -> Sequence[float]:
        return encoder.score(texts, texts if sources is None else sources, want=(role,))[role].tolist()

    return score


def behaviour_rows(encoder: Encoder) -> list[Row]:
    """Measure pass rates on the behavioural suite: by role, by capability, and the two rates."""
    score = suite_score(encoder)
    outcomes = suite.run_cases(score, suite.read_cases())
    rows = []
    for role in suite.ROLES:
        passed = np.array([outcome.passed for outcome in outcomes if outcome.case.role == role])
        rows.append(measured(role, "behavioural suite", "passed", mean, passed))
    for name, (passed_count, count) in suite.by_capability(outcomes).items():
        role, capability = name.split()
        rows.append(single(role, f"behavioural suite: {capability}", "passed", passed_count / count, count))
    for name, value in suite.measure_rates(score).items():
        rows.append(single("style", f"behavioural suite: {name}", "share", value, 1))
    return rows


def speed_row(path: Path | None, folder: Path) -> Row:
    """Measure pairs per CPU-second, all three scores, in bfloat16."""
    encoder = Encoder.from_pretrained(path, device="cpu", dtype="bfloat16")
    _, rows = read_paradetox(folder)
    predictions, sources = [row.rewrites[0] for row in rows], [row.toxic for row in rows]
    encoder.score(predictions[:64], sources[:64])
    began = time.process_time()
    encoder.score(predictions, sources)
    seconds = time.process_time() - began
    return single("speed", "bfloat16, all three scores", "pairs/s", len(rows) / seconds, len(rows))


def evaluate(encoder: Encoder, path: Path | None, folder: Path) -> list[Row]:
    """Measure everything; `path` says where the encoder came from, to time it in bfloat16."""
    rows = [
        *jigsaw_rows(encoder, folder),
        *validation_rows(encoder, folder),
        *notebook_rows(encoder),
        *paradetox_rows(encoder, folder),
        *made_system_rows(encoder, folder),
        *rated_rows(encoder, folder),
        *cola_rows(encoder, folder),
        *behaviour_rows(encoder),
        speed_row(path, folder),
    ]
    return sorted(rows, key=lambda row: _PARTS.index(row.part))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it where `--output_file` says."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder laid out like the data README says")
    parser.add_argument("--encoder", type=Path, help="a file of Encoder.save_pretrained; the shipped one when missing")
    parser.add_argument("--dtype", default="float32", help="bfloat16 is quicker, and close enough for a look")
    parser.add_argument("--output_file", type=Path, help="also write the rows to this JSON file")
    args = parser.parse_args(arguments)
    rows = evaluate(Encoder.from_pretrained(args.encoder, dtype=args.dtype), args.encoder, args.data)
    print(f"95 % intervals: {RESAMPLES} bootstrap resamples of the items, seed {SEED}")
    for row in rows:
        print(row)
    if args.output_file:
        file = args.encoder or find_weights("encoder.safetensors")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        kept = [asdict(row) for row in rows if row.part != "speed"]  # a rate is one machine's
        table = json.dumps({"encoder": digest, "rows": kept}, indent=0)
        args.output_file.write_text(table.replace("NaN", "null") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
