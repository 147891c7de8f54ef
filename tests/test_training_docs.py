"""The recipes of docs/training_with_the_loss.md run as they stand there, on a tiny
model.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

PAGE = Path(__file__).parents[1] / "docs" / "training_with_the_loss.md"
MODEL = "google-t5/t5-small"


def tiny_t5(folder: Path) -> str:
    """A T5 of one layer with a SentencePiece-like tokenizer."""
    from transformers import (
        PreTrainedTokenizerFast,
        T5Config,
        T5ForConditionalGeneration,
    )

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    texts = [
        "you are an idiot",
        "you are mistaken",
        "what a crap plan",
        "please be quiet , fool",
        "this damn bus is late",
    ]
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts * 5, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    ).save_pretrained(folder)
    shape = {
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 32,
        "num_layers": 1,
        "num_heads": 2,
        "decoder_start_token_id": 0,
    }
    config = T5Config(vocab_size=96, **shape)  # wider than the tokenizer, as T5's is
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return str(folder)


@pytest.mark.skipif(
    not importlib.util.find_spec("accelerate"),
    reason="transformers' Trainer needs accelerate",
)
def test_the_recipes_run_and_give_j_after_the_epoch(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    assert len(blocks) >= 6
    names: dict = {}
    folder = tiny_t5(tmp_path / "t5")
    for block in blocks:
        exec(compile(block.replace(MODEL, folder), str(PAGE), "exec"), names)
    assert {"eval_sta", "eval_sim", "eval_fl", "eval_j"} <= names[
        "trainer"
    ].state.log_history[-2].keys()
    from transformers import Seq2SeqTrainer

    trainer = Seq2SeqTrainer(
        model=names["model"],
        args=names["arguments"],
        train_dataset=names["encoded"],
        eval_dataset=names["encoded"],
        data_collator=names["trainer"].data_collator,
        compute_loss_func=names["detox_loss"],
    )
    assert trainer.train().training_loss > 0
