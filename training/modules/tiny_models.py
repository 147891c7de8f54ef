"""Write a tiny language model with random weights, to see whether a recipe that needs one runs.

python -m training.modules.tiny_models --output_dir runs/tiny_language_model
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from training.modules.backbone import backbone_folder


def write_tiny_language_model(folder: Path, seed: int = 0) -> None:
    """Write a GPT-2 of one layer over the backbone's vocabulary, with its tokenizer."""
    file = backbone_folder() / "tokenizer.json"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(file), unk_token="[UNK]", pad_token="[PAD]")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=256, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the model to the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m training.modules.tiny_models", description=__doc__.splitlines()[0])
    parser.add_argument("--output_dir", type=Path, required=True)
    args = parser.parse_args(arguments)
    write_tiny_language_model(args.output_dir)


if __name__ == "__main__":
    main()
