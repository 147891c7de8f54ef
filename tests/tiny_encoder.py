"""A small random encoder, and pairs that it can read."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_encoder_config import EncoderConfig
from toxicity_j.builtin_network import EncoderNetwork

VOCABULARY = (
    "[PAD] [CLS] [SEP] [UNK] you are a silly fool i think that is not so good the dog"
    " ran home . , !"
)
WORDS = VOCABULARY.split()
PREDICTIONS = [
    "You are a fool !",
    "i think so",
    "the dog ran home .",
    "you",
    "that is not so good , i think .",
    "a a a a a a",
]
SOURCES = [
    "You are a silly fool !",
    "i think that is so",
    "the dog is home",
    "i",
    "that is good",
    "the the the",
]


def tiny_encoder(seed: int = 0, **options) -> Encoder:
    """An encoder of a few layers with random weights; `options` go to its config."""
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    torch.manual_seed(seed)
    shape = {
        "hidden": 32,
        "heads": 4,
        "intermediate": 64,
        "positions": 40,
        "trunk_layers": 2,
        "branch_layers": 1,
    }
    config = EncoderConfig(
        vocab_size=len(WORDS),
        pair_layers=1,
        token_features=8,
        max_length=16,
        **shape,
        **options,
    )
    network = EncoderNetwork(config)
    for parameter in network.parameters():  # wide enough for scores to differ
        torch.nn.init.normal_(parameter, std=0.3)
    return Encoder(network.eval().requires_grad_(False), tokenizer)
