"""`toxicity-j protocols`: each protocol's models, their sizes and licences, and which
of them are on this machine.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from .compare.render import aligned
from .protocols import ENCODER, IDENTIFIER, WIETING, Protocol, protocols


@dataclass(frozen=True)
class ModelFacts:
    """What a user wants to know of a model before it is downloaded.

    Attributes:
        size: in megabytes, float32 where it is not built in; approximate.
        licence: as its page says.
    """

    size: int
    licence: str


# Sizes and licences from the models' pages on the Hub; "see its card" where none was at
# hand.
MODELS: dict[str, ModelFacts] = {
    ENCODER: ModelFacts(32, "Apache-2.0, learnt in part from research-only data"),
    IDENTIFIER: ModelFacts(3, "Apache-2.0, learnt in part from research-only data"),
    WIETING: ModelFacts(100, "none stated"),
    "s-nlp/roberta_toxicity_classifier": ModelFacts(
        500, "CC-BY-NC-SA-4.0, not for commercial use"
    ),
    "cointegrated/roberta-large-cola-krishna2020": ModelFacts(1400, "see its card"),
    "textdetox/xlmr-large-toxicity-classifier": ModelFacts(2200, "openrail++"),
    "textdetox/xlmr-large-toxicity-classifier-v2": ModelFacts(2200, "see its card"),
    "cardiffnlp/twitter-xlm-roberta-large-2022": ModelFacts(20, "see its card"),
    "sentence-transformers/LaBSE": ModelFacts(1900, "Apache-2.0"),
    "myyycroft/XCOMET-lite": ModelFacts(1100, "see its card"),
    "Elron/bleurt-large-128": ModelFacts(1300, "see its card"),
    "s-nlp/russian_toxicity_classifier": ModelFacts(700, "see its card"),
    "cointegrated/LaBSE-en-ru": ModelFacts(500, "see its card"),
    "s-nlp/rubert-base-corruption-detector": ModelFacts(700, "see its card"),
}
HEADER = ("protocol", "columns", "factor", "model", "size", "licence", "here")


def protocol_rows() -> list[tuple[str, ...]]:
    """Return one row per protocol and model, in the order of `HEADER`."""
    rows: list[tuple[str, ...]] = []
    for name, protocol in protocols().items():
        for factor, model in _models(protocol):
            size, licence = _facts(model)
            rows.append(
                (name, _columns(protocol), factor, model, size, licence, _here(model))
            )
    return rows


def _facts(model: str) -> tuple[str, str]:
    """Return the size and the licence of a model, empty where they are not known."""
    if model not in MODELS:
        return "", ""
    facts = MODELS[model]
    return f"{facts.size} MB", facts.licence


def protocol_table(table_format: str) -> str:
    """Return the table as "text", "markdown" or "json"."""
    rows = protocol_rows()
    if table_format == "json":
        return json.dumps(
            [dict(zip(HEADER, row, strict=True)) for row in rows], indent=2
        )
    if table_format == "markdown":
        rule = ("---",) * len(HEADER)
        cells = [" | ".join(row) for row in (HEADER, rule, *rows)]
        return "\n".join(f"| {row} |" for row in cells)
    return aligned([HEADER, *_without_repetition(rows)])


def is_here(model: str) -> bool:
    """Return True if a model needs no download: built in, or in the Hub's cache."""
    if model in (ENCODER, IDENTIFIER):
        return True
    folder = model.replace("/", "--")
    snapshots = _hub_cache() / f"models--{folder}" / "snapshots"
    return any(snapshots.glob("*/config.json")) or any(
        snapshots.glob("*/*.safetensors")
    )


def _hub_cache() -> Path:
    """Return the folder of huggingface_hub's cache."""
    # The environment variables are those of its constants.py.
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{caches}/huggingface"
    hub = os.environ.get("HF_HUB_CACHE") or f"{home}/hub"
    return Path(hub).expanduser()


def _here(model: str) -> str:
    if model == "chrF":
        return "needs sacrebleu"
    if model == WIETING:
        return "by --content-model"
    if is_here(model):
        return "yes"
    return "no"


def _models(protocol: Protocol) -> list[tuple[str, str]]:
    """Return each factor and its model, tokenizers of another model included."""
    models = [("STA", protocol.style.model)]
    if protocol.style.tokenizer is not None:
        models.append(("STA tokenizer", protocol.style.tokenizer))
    if protocol.content is not None:
        models.append(("SIM", protocol.content.model))
    if protocol.fluency is not None:
        models.append(("FL", protocol.fluency.model or "chrF"))
    return models


def _columns(protocol: Protocol) -> str:
    """Return what the protocol reads, optional columns in brackets."""
    columns = [name for name in protocol.needs if name != "predictions"]
    if protocol.references == "optional":
        columns.append("[references]")
    if protocol.languages:
        columns.append("[languages]")
    return ", ".join(columns)


def _without_repetition(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out a protocol's name and columns below its first row."""
    shown = []
    last = ""
    for name, columns, *others in rows:
        # The eye finds a group by the blank below its name.
        if name == last:
            shown.append(("", "", *others))
        else:
            shown.append((name, columns, *others))
        last = name
    return shown
