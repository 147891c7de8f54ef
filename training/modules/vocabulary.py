"""Takes rare tokens out of the encoder's vocabulary: they are a third of its weights
and most never meet a reader.

What a dropped token spelled is then spelled by smaller pieces. Kept: special tokens,
every single ASCII character, and the tokens most frequent in the training texts, ties
in the order of the backbone's vocabulary.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from tokenizers import Tokenizer

from toxicity_j.builtin_encoder import Encoder
from toxicity_j.builtin_network import EncoderNetwork

# So many that the shipped file stays under 32 MB.
KEEP = 23_000


def count_tokens(rows: Iterable[Sequence[int]]) -> Counter[int]:
    """Count how often each token id occurs."""
    counts: Counter[int] = Counter()
    for ids in rows:
        counts.update(ids)
    return counts


def prune(encoder: Encoder, counts: Counter[int], keep: int = KEEP) -> Encoder:
    """Return the encoder over its `keep` most useful tokens, with no more positions
    than its longest text has.
    """
    kept = _most_useful(encoder.tokenizer.get_vocab(), counts, keep)
    numbers = {old: new for new, old in enumerate(kept)}
    config = replace(
        encoder.config, vocab_size=len(kept), positions=encoder.config.max_length
    )
    smaller = Encoder(EncoderNetwork(config), _renumbered(encoder.tokenizer, numbers))
    state = encoder.network.state_dict()
    words = state["body.word_embeddings.weight"]
    positions = state["body.position_embeddings.weight"]
    state["body.word_embeddings.weight"] = words[torch.tensor(kept)]
    state["body.position_embeddings.weight"] = positions[: config.positions]
    smaller.network.load_state_dict(state)
    smaller.network.eval().requires_grad_(False)
    return smaller


def _most_useful(
    vocabulary: dict[str, int], counts: Counter[int], keep: int
) -> list[int]:
    """Return the ids to keep, in order: the basic tokens, then the most frequent
    ones.
    """
    ranks = []
    for token, number in vocabulary.items():
        is_rare = not _is_basic(token)
        ranks.append((is_rare, -counts[number], number))
    kept = sorted(ranks)[:keep]
    return sorted(number for _, _, number in kept)


def _is_basic(token: str) -> bool:
    """Return whether a token is a special one or a single ASCII character."""
    special = token.startswith("[") and token.endswith("]") and "unused" not in token
    is_single = len(token.removeprefix("##")) == 1
    return special or (token.isascii() and is_single)


def _renumbered(tokenizer: Tokenizer, numbers: dict[int, int]) -> Tokenizer:
    """Return the tokenizer with only the tokens in `numbers`, under their new ids."""
    parts = json.loads(tokenizer.to_str())
    vocabulary = parts["model"]["vocab"]
    parts["model"]["vocab"] = {
        token: numbers[old] for token, old in vocabulary.items() if old in numbers
    }
    for token in parts["added_tokens"]:
        token["id"] = numbers[token["id"]]
    # Null where a tokenizer adds no special tokens.
    post_processor = parts.get("post_processor") or {}
    for token in post_processor.get("special_tokens", {}).values():
        token["ids"] = [numbers[old] for old in token["ids"]]
    return Tokenizer.from_str(json.dumps(parts))
