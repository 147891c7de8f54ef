"""Language models of published shapes with random weights, for the loss to be measured
on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import transformers

from toxicity_j.builtin_identifier import ToxicityIdentifier

__all__ = ["SMALL_VOCABULARY", "VOCABULARIES", "build_model", "vocabulary"]


class Width(NamedTuple):
    """How wide a model's logits are.

    Attributes:
        logits: columns of them.
        unused: the last ones, which no token of its tokenizer has.
        mark: how its tokens show that a word begins.
    """

    logits: int
    unused: int
    mark: str


VOCABULARIES = {
    "T5-small": Width(32_128, 28, "▁"),
    "GPT-2": Width(50_257, 0, "Ġ"),
    "BART-base": Width(50_265, 0, "Ġ"),
}
SMALL_VOCABULARY = 600
# Enough words with numbers behind for the largest of the vocabularies.
_NUMBERS = 100

# config.json of google-t5/t5-small, openai-community/gpt2 and facebook/bart-base. The
# first two are what transformers takes when no shape is given.
_SHAPES: dict[str, dict[str, int]] = {
    "T5-small": {},
    "GPT-2": {},
    "BART-base": {
        "d_model": 768,
        "encoder_layers": 6,
        "decoder_layers": 6,
        "encoder_ffn_dim": 3072,
        "decoder_ffn_dim": 3072,
        "encoder_attention_heads": 12,
        "decoder_attention_heads": 12,
    },
}
_SMALL_SHAPES: dict[str, dict[str, int]] = {
    "T5-small": {"d_model": 32, "d_ff": 64, "num_layers": 1, "num_heads": 2},
    "GPT-2": {"n_embd": 32, "n_layer": 1, "n_head": 2},
    "BART-base": {
        "d_model": 32,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
    },
}


def vocabulary(identifier: ToxicityIdentifier, size: int, mark: str) -> dict[str, int]:
    """Return `size` tokens: the identifier's words and pieces, then words with numbers
    behind.
    """
    own = identifier.tokenizer.get_vocab()
    words = sorted(token for token in own if token.isascii() and "[" not in token)
    tokens = []
    for token in words:
        piece = token.removeprefix("##")
        begins_word = piece == token
        tokens.append(mark + token if begins_word else piece)
    letters = [word for word in words if word.isalpha()]
    for number in range(_NUMBERS):
        tokens += [f"{mark}{word}{number}" for word in letters]
    distinct = list(dict.fromkeys(tokens))
    return {token: index for index, token in enumerate(distinct[:size])}


def build_model(name: str, size: int, *, small: bool) -> torch.nn.Module:
    """Return a model of the published shape with random weights, in train mode."""
    shapes = _SMALL_SHAPES if small else _SHAPES
    makers: dict[str, Callable[..., Any]] = {
        "T5-small": _t5,
        "GPT-2": _gpt2,
        "BART-base": _bart,
    }
    model = makers[name](vocab_size=size, **shapes[name])
    return model.train()


def _t5(**shape: int) -> Any:
    config = transformers.T5Config(decoder_start_token_id=0, **shape)
    return transformers.T5ForConditionalGeneration(config)


def _gpt2(**shape: int) -> Any:
    # The ids by default lie beyond a small vocabulary.
    config = transformers.GPT2Config(bos_token_id=0, eos_token_id=0, **shape)
    return transformers.GPT2LMHeadModel(config)


def _bart(**shape: int) -> Any:
    config = transformers.BartConfig(**shape)
    return transformers.BartForConditionalGeneration(config)
