"""Fluency learnt token by token: which words of a made sentence are wrong is known, and says more than one label.

The head that guesses it is thrown away after training; the token features under it are those of the fluency score.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, gelu

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.text import normalize
from training.examples import Text
from training.synthetic.disfluency import flaws


def flaw_loss(
    encoder: Encoder, head: nn.Linear, states: torch.Tensor, rows: Sequence[Text], lengths: Sequence[int]
) -> torch.Tensor:
    """Binary cross-entropy of "this token is wrong" over the tokens of the rows whose sound sentence is known.

    Args:
        encoder: whose `fluency_tokens` is trained.
        head: from its token features to a logit.
        states: fluency states of the rows. *Shape:* (tokens, hidden)
        rows: the texts.
        lengths: tokens of each.
    """
    marks, known = token_flaws(encoder.tokenizer, rows, lengths)
    if not known.any():
        return states.new_zeros(())
    marks, known = marks.to(states.device), known.to(states.device)
    logits = head(gelu(encoder.fluency_tokens.token(states[known].float())))[:, 0]
    return binary_cross_entropy_with_logits(logits, marks[known])


def token_flaws(
    tokenizer: Tokenizer, rows: Sequence[Text], lengths: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """For each token of the packed rows, 1 where its word is wrong, and whether that is known. *Shape:* (tokens,)"""
    marks, known = [], []
    for row, length in zip(rows, lengths, strict=True):
        wrong, said = [0.0] * length, [False] * length
        if row.sound is not None:
            text = normalize(row.text)
            words = flaws(normalize(row.sound), text)
            for place, (start, end) in enumerate(tokenizer.encode(text).offsets[:length]):
                if end > start:  # not a special token
                    wrong[place], said[place] = float(words[text.count(" ", 0, start)]), True
            said[-1] = False  # the closing token, also of a text that was cut
        marks += wrong
        known += said
    return torch.tensor(marks), torch.tensor(known, dtype=torch.bool)
