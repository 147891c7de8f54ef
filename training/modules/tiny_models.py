"""Write a tiny language model and a tiny encoder with random weights, to see whether a
recipe that needs them runs.

python -m training.modules.tiny_models --output_dir runs/tiny
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

from training.flags import command_parser
from training.synthetic.handwritten import FLUENCY

_VOCABULARY = 800


def _tiny_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # Padding first, so that its id is 0 as in the published vocabularies.
    special = ["[PAD]", "[UNK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=_VOCABULARY, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator([text for text, _ in FLUENCY], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]"
    )


def write_tiny_models(folder: Path, seed: int = 0) -> None:
    """Write `language_model` and `teacher`, each of one layer over a small vocabulary,
    with their tokenizer.
    """
    tokenizer = _tiny_tokenizer()
    torch.manual_seed(seed)
    shape = {"n_positions": 256, "n_embd": 16, "n_layer": 1, "n_head": 2}
    # The ids by default lie beyond a small vocabulary.
    special = {"bos_token_id": 0, "eos_token_id": 0}
    config = GPT2Config(vocab_size=len(tokenizer), **special, **shape)
    language_model = GPT2LMHeadModel(config)
    size = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    # Stands for all-mpnet-base-v2: `AutoModel` loads either.
    teacher = BertModel(BertConfig(vocab_size=len(tokenizer), **size))
    for name, model in (("language_model", language_model), ("teacher", teacher)):
        tokenizer.save_pretrained(folder / name)
        model.save_pretrained(folder / name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the models to the folder that the command line names."""
    parser = command_parser("modules.tiny_models", __doc__)
    parser.add_argument("--output_dir", type=Path, required=True)
    args = parser.parse_args(arguments)
    write_tiny_models(args.output_dir)


if __name__ == "__main__":
    main()
