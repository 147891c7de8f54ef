"""SIM and FL against raters, on systems made up to lose meaning or fluency, and on the
behavioural suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.behaviour import suite
from toxicity_j.builtin_encoder import Encoder
from training.data.sources import read_cola, read_paradetox, read_transfer
from training.eval_metrics import SEED, Row, auc, mean, measured, single, spearman
from training.made_systems import LOSSY, made_systems
from training.modules.backbone import backbone_folder

__all__ = [
    "behaviour_rows",
    "cola_rows",
    "frozen_cosines",
    "made_system_rows",
    "rated_rows",
]

# Held-out ParaDetox sources given to the made systems.
_MADE = 400
_COSINE_BATCH = 64


def made_system_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Measure the scores of made systems, and how well SIM tells lossy ones from human
    rewrites.
    """
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
        rows.append(
            measured(
                "content",
                f"ParaDetox tenth: rewrite against {name}",
                "AUC",
                auc,
                labels,
                both,
            )
        )
    for name, found in scores.items():
        factors = {
            "style": 1 - found["style"],
            "content": found["content"],
            "fluency": found["fluency"],
        }
        factors["J"] = factors["style"] * factors["content"] * factors["fluency"]
        for part, values in factors.items():
            rows.append(measured(part, f"made system: {name}", "mean", mean, values))
    return rows


def rated_rows(encoder: Encoder, folder: Path) -> list[Row]:
    """Compare SIM and FL with raters of style-transfer outputs, and a frozen MiniLM
    cosine with the same.
    """
    rows = []
    for name, frame in read_transfer(folder, "evaluation").items():
        sources = frame.text1.astype(str).tolist()
        outputs = frame.text2.astype(str).tolist()
        human = frame.human.to_numpy()
        scores = encoder.score(outputs, sources)
        cosines = frozen_cosines(sources, outputs)
        rows.append(
            measured("content", name, "Spearman", spearman, scores["content"], human)
        )
        rows.append(
            measured(
                "content",
                f"{name}, frozen MiniLM cosine",
                "Spearman",
                spearman,
                cosines,
                human,
            )
        )
        if "grammatical" in frame:
            grammatical = frame.grammatical.to_numpy()
            known = ~np.isnan(grammatical)
            judged = grammatical[known]
            fluency = scores["fluency"][known]
            rows.append(
                measured(
                    "fluency",
                    f"{name}, grammatical",
                    "Spearman",
                    spearman,
                    fluency,
                    judged,
                )
            )
    return rows


def frozen_cosines(one: Sequence[str], two: Sequence[str]) -> np.ndarray:
    """Compute cosines of mean-pooled states of all-MiniLM-L6-v2, as it is used.
    *Shape:* (n,)
    """
    tokenizer = AutoTokenizer.from_pretrained(backbone_folder())
    model = AutoModel.from_pretrained(backbone_folder()).eval()
    texts = [*one, *two]
    pooled = []
    with torch.inference_mode():
        for start in range(0, len(texts), _COSINE_BATCH):
            batch = texts[start : start + _COSINE_BATCH]
            inputs = tokenizer(
                batch,
                padding=True,
                truncation=True,
                max_length=128,
                return_tensors="pt",
            )
            mask = inputs["attention_mask"].unsqueeze(-1)
            states = model(**inputs).last_hidden_state
            total = (states * mask).sum(1)
            pooled.append(total / mask.sum(1))
    states = torch.cat(pooled)
    cosines = torch.cosine_similarity(states[: len(one)], states[len(one) :])
    return cosines.double().numpy()


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

    def score(
        role: str, texts: Sequence[str], sources: Sequence[str] | None
    ) -> Sequence[float]:
        own_sources = texts if sources is None else sources
        found = encoder.score(texts, own_sources, want=(role,))
        return found[role].tolist()

    return score


def behaviour_rows(encoder: Encoder) -> list[Row]:
    """Measure pass rates on the behavioural suite: by role, by capability, and the two
    rates.
    """
    score = suite_score(encoder)
    outcomes = suite.run_cases(score, suite.read_cases())
    rows = []
    for role in suite.ROLES:
        passed = np.array(
            [outcome.passed for outcome in outcomes if outcome.case.role == role]
        )
        rows.append(measured(role, "behavioural suite", "passed", mean, passed))
    for name, (passed_count, count) in suite.by_capability(outcomes).items():
        role, capability = name.split()
        rows.append(
            single(
                role,
                f"behavioural suite: {capability}",
                "passed",
                passed_count / count,
                count,
            )
        )
    for name, value in suite.measure_rates(score).items():
        rows.append(single("style", f"behavioural suite: {name}", "share", value, 1))
    return rows
