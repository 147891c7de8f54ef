"""Write out tokens as text, cut it as the identifier does, and find what lies under it.

On the CPU and in NumPy: tokenizers read strings only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Integers = npt.NDArray[np.int64]


def write_out(
    surfaces: npt.NDArray[np.object_], tokens: Integers, sizes: Integers
) -> tuple[list[str], Integers]:
    """Return the text of each row, and the position that wrote each character.

    Args:
        surfaces: what each token of the vocabulary writes.
        tokens: the token at each position. *Shape:* (batch, length)
        sizes: its characters that count, 0 where nothing is written. *Shape:* (batch,
            length)

    Returns:
        The texts, and indices of the flattened batch. *Shape:* (characters,)
    """
    texts, owners = [], []
    for row, (row_tokens, row_sizes) in enumerate(zip(tokens, sizes, strict=True)):
        is_written = row_sizes > 0
        text = "".join(surfaces[row_tokens[is_written]])
        positions = np.flatnonzero(is_written) + row * tokens.shape[1]
        owner = np.repeat(positions, row_sizes[is_written])
        # The identifier reads normalized text, which has no space at its start.
        stripped = text.lstrip()
        dropped = len(text) - len(stripped)
        texts.append(stripped)
        owners.append(owner[dropped:])
    return texts, np.concatenate(owners)


def cut(
    identifier: Tokenizer, texts: Sequence[str]
) -> tuple[Integers, Integers, Integers]:
    """Return the id, the row and the span of each of the identifier's tokens.

    Args:
        identifier: the identifier's tokenizer.
        texts: one per row.

    Returns:
        *Shape:* (places,), (places,) and (places, 2). Spans count characters from the
        start of the first text.
    """
    ids, spans = [], []
    start = 0
    encodings = identifier.encode_batch(list(texts), add_special_tokens=False)
    for text, encoding in zip(texts, encodings, strict=True):
        offsets = np.array(encoding.offsets, dtype=np.int64)
        spans.append(offsets.reshape(-1, 2) + start)
        ids.append(np.array(encoding.ids, dtype=np.int64))
        start += len(text)
    rows = np.repeat(np.arange(len(texts)), list(map(len, ids)))
    return np.concatenate(ids), rows, np.concatenate(spans)


def links(first: Integers, last: Integers) -> tuple[Integers, Integers]:
    """Return (place, position) for each position from `first` to `last` of each place.

    *Shape:* (links,) each.
    """
    counts = last - first + 1
    ends = np.cumsum(counts)
    place = np.repeat(np.arange(len(first)), counts)
    # How far each link is from the first one of its place.
    begins = np.repeat(ends - counts, counts)
    within = np.arange(len(place)) - begins
    return place, first[place] + within
