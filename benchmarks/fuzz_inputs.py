"""The kinds of input that random calls get: right ones, and anything else.

Names in capitals are Hypothesis strategies.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

# Invisible and combining characters, emoji, scripts, controls, a lone surrogate.
ODD = (
    "\u00ad\u200b\u200d\ufeff\u202e\u0301\u3164\u2800"
    "\U0001f642\U0001f44d\U000e0041\x00\x1b\r\n\t讨厌он\ud800"
)
WORDS = st.sampled_from(
    [
        "you",
        "fool",
        "fine",
        "d*mn",
        "the",
        "plan",
        "#BadIdea",
        "[SEP]",
        "<unk>",
        "|",
        "\n",
    ]
)
TEXT = st.one_of(
    st.lists(WORDS, max_size=8).map(" ".join),
    st.text(max_size=12),
    st.text(alphabet=ODD, max_size=6),
    st.sampled_from(["", " ", "a" * 3000, "word " * 1200, ".", "-"]),
)
NUMBER = st.one_of(
    st.integers(-3, 9),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(
        [
            0.0,
            0.5,
            1.0,
            2**63,
            -(2**70),
            np.int64(3),
            np.float32(0.5),
            np.float64("nan"),
            True,
        ]
    ),
)
ATOM = st.one_of(
    st.none(),
    st.booleans(),
    NUMBER,
    TEXT,
    st.binary(max_size=3),
    st.just(object()),
    st.just(...),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    few = st.lists(inner, max_size=2)
    return st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
        few.map(_object_array),
    )


def _object_array(items: list[Any]) -> np.ndarray:
    # np.array would take lists apart, and fails where their lengths differ.
    array = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    return array


ANYTHING = st.recursive(ATOM, _nested, max_leaves=5)


COLUMN_TYPES = (
    list,
    tuple,
    iter,
    set,
    partial(np.array, dtype=object),
    partial(pd.Series, dtype=object),
    partial(pd.DataFrame, dtype=object),
)


def column(length: int, item: st.SearchStrategy[Any] = TEXT) -> st.SearchStrategy[Any]:
    """Draw a column of texts, mostly a right one, in one of the types that hold
    columns.
    """
    right = st.lists(item, min_size=length, max_size=length)
    made = st.tuples(st.sampled_from(COLUMN_TYPES), right).map(
        lambda pair: pair[0](pair[1])
    )
    mixed = st.lists(st.one_of(item, ATOM), max_size=3)
    # Half of the columns are right ones, or no call would get past the checks.
    return st.one_of(right, right, right, made, mixed, ANYTHING)


LENGTH = st.integers(0, 3)
PAIRS = LENGTH.flatmap(lambda n: st.tuples(column(n), st.one_of(st.none(), column(n))))
FLAG = st.one_of(st.just(False), st.just(True), ATOM)
SCORES = st.one_of(
    st.lists(st.floats(0, 1), max_size=12),
    st.lists(NUMBER, max_size=8),
    st.lists(st.floats(-1.8e308, 1.8e308), max_size=8),
    st.lists(st.floats(0, 1), min_size=1, max_size=8).map(np.array),
    ANYTHING,
)
SETTING = {
    "n_resamples": st.one_of(st.integers(1, 30), NUMBER, ATOM),
    "seed": st.one_of(st.integers(0, 9), NUMBER, ATOM),
    "level": st.one_of(st.floats(0, 1), NUMBER, ATOM),
}
# Options of a scorer.
OPTIONS = {
    "protocol": st.one_of(
        st.sampled_from(["embedded", "emnlp2021", "textdetox2025"]), ANYTHING
    ),
    "style_model": st.one_of(st.sampled_from(["identifier", "encoder"]), ANYTHING),
    "content_model": st.one_of(st.just("encoder"), ANYTHING),
    "fluency_model": st.one_of(st.just("encoder"), ANYTHING),
    "device": st.one_of(st.sampled_from(["cpu", "meta", "cuda:9", ""]), ANYTHING),
    "batch_size": st.one_of(st.integers(1, 9), ANYTHING),
    "threshold": st.one_of(st.floats(0, 1), ANYTHING),
    "soft": FLAG,
    "dtype": st.one_of(st.sampled_from(["float32", "bfloat16"]), ANYTHING),
    "progress": FLAG,
    "style_label": ANYTHING,
    "fluency_label": ANYTHING,
    "style_tokenizer": ANYTHING,
}
# Completions as TRL gives them: texts, or conversations.
MESSAGE = st.fixed_dictionaries({"role": ATOM, "content": st.one_of(TEXT, ATOM)})
COMPLETIONS = st.one_of(
    LENGTH.flatmap(column), st.lists(st.lists(MESSAGE, max_size=2), max_size=2)
)
