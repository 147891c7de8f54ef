"""The files of an XCOMET: where they are, and what its `config.json` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .checkpoints import ModelRef, load_errors

__all__ = [
    "ARGUMENT",
    "ROLE",
    "WEIGHTS_FILE",
    "base_model",
    "fetch",
    "is_xcomet",
    "read_settings",
]

WEIGHTS_FILE = "model.safetensors"

# What the model is for, and the argument that names it, for messages.
ROLE, ARGUMENT = "the third factor (XCOMET)", "fluency_model"

# XCOMETLite's defaults (pan-webis-de/pan-code:
# clef25/text-detoxification/evaluation/metrics/fluency/deberta_encoder.py).
DEFAULTS: dict[str, Any] = {
    "pretrained_model": "microsoft/mdeberta-v3-base",
    "word_layer": 8,
    "hidden_sizes": (3072, 1024),
    "layer_transformation": "softmax",
    "encoder_model": "DeBERTa",
}


def is_xcomet(ref: ModelRef) -> bool:
    """Return whether a folder's `config.json` is an XCOMET's."""
    if ref.folder is None:
        return False
    config = ref.folder / "config.json"
    if not config.is_file():
        return False
    with load_errors(ref, ROLE, ARGUMENT):
        return "word_layer" in json.loads(config.read_text(encoding="utf-8"))


def fetch(ref: ModelRef) -> tuple[Path, str]:
    """Return the folder that holds the model, and its revision."""
    if ref.folder is not None:
        return ref.folder, ""
    from huggingface_hub import hf_hub_download

    for file in ("config.json", WEIGHTS_FILE):
        path = hf_hub_download(ref.name, file, revision=ref.revision)
    folder = Path(path).parent  # .../snapshots/<commit>
    return folder, folder.name


def read_settings(folder: Path) -> dict[str, Any]:
    """Read `config.json`, with the defaults of what it does not say."""
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return {**DEFAULTS, **settings}


def base_model(folder: Path, name: str) -> ModelRef:
    """Return where the encoder's settings and tokenizer are."""
    # A folder inside the model's, or else a model of its own.
    inside = folder / name
    if inside.is_dir() and inside.resolve().is_relative_to(folder.resolve()):
        return ModelRef(str(inside), "", inside)
    return ModelRef.parse(name, f"{ARGUMENT} (pretrained_model of its config.json)")
