"""Takes rare tokens out of the encoder's vocabulary: they are a third of its weights and most never meet a reader.

What a dropped token spelled is then spelled by smaller pieces. Kept: special tokens, every single ASCII character, and
the tokens most frequent in the training texts, ties in the order of the backbone's vocabulary.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import torch
from tokenizers import Tokenizer

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.text import normalize

KEEP = 24_500


def count_tokens(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[int]:
    """Count how often each token id occurs in the texts."""
    counts: Counter[int] = Counter()
    for encoding in tokenizer.encode_batch([normalize(text) for text in texts]):
        counts.update(encoding.ids)
    return counts


def prune(encoder: Encoder, counts: Counter[int], keep: int = KEEP) -> Encoder:
    """Return the encoder over its `keep` most useful tokens, with no more positions than its longest text has."""
    vocabulary = encoder.tokenizer.get_vocab()
    always = {
        number
        for token, number in vocabulary.items()
        if (token.startswith("[") and token.endswith("]") and "unused" not in token)
        or (token.isascii() and len(token.removeprefix("##")) == 1)
    }
    order = sorted(vocabulary.values(), key=lambda number: (number not in always, -counts[number], number))
    kept = sorted(order[:keep])
    config = replace(encoder.config, vocab_size=len(kept), positions=encoder.config.max_length)
    smaller = Encoder(config, _renumbered(encoder.tokenizer, {old: new for new, old in enumerate(kept)}))
    state = encoder.state_dict()
    state["body.words.weight"] = state["body.words.weight"][torch.tensor(kept)]
    state["body.places.weight"] = state["body.places.weight"][: config.positions]
    smaller.load_state_dict(state)
    return smaller.eval().requires_grad_(False)


def _renumbered(tokenizer: Tokenizer, numbers: dict[int, int]) -> Tokenizer:
    """Return the tokenizer with only the tokens in `numbers`, under their new ids."""
    parts = json.loads(tokenizer.to_str())
    vocabulary = parts["model"]["vocab"]
    parts["model"]["vocab"] = {token: numbers[old] for token, old in vocabulary.items() if old in numbers}
    for token in parts["added_tokens"]:
        token["id"] = numbers[token["id"]]
    for token in (parts.get("post_processor") or {}).get("special_tokens", {}).values():
        token["ids"] = [numbers[old] for old in token["ids"]]
    return Tokenizer.from_str(json.dumps(parts))
