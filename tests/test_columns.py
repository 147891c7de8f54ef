"""Columns in: what is accepted unchanged, and what is rejected with which words."""

from __future__ import annotations

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from toxicity_j.column_checks import checked_references, checked_texts
from toxicity_j.columns import Columns, same_length

TEXTS = ["a plain text", "", "  ", "日本語 😀 שלום\x00\t"]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        iter,
        np.array,
        lambda items: np.array(items, dtype=object),
        pd.Series,
        pa.array,
        lambda items: pa.chunked_array([items[:1], items[1:]]),
        lambda items: datasets.Dataset.from_dict({"text": items})["text"],
    ],
)
def test_every_ordered_container_of_strings_is_read_unchanged(make):
    # NumPy's fixed-width strings cannot hold a trailing NUL, ours ends in a tab, so all
    # nine keep each character.
    read = checked_texts(make(TEXTS), "predictions")
    assert read == TEXTS
    assert all(type(text) is str for text in read)


@pytest.mark.parametrize(
    "column", ["ab", b"ab", {"a": 1}, {"a", "b"}, None, 3, np.array("ab")]
)
def test_what_is_no_column_is_a_type_error_that_names_the_argument(column):
    with pytest.raises(TypeError, match="`sources` must be a list of strings"):
        checked_texts(column, "sources")


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (None, "None"),
        (float("nan"), "float nan"),
        (3, "int 3"),
        (b"x", "bytes b'x'"),
        (["x"], r"list \['x'\]"),
    ],
)
def test_an_item_that_is_no_string_is_named_with_its_index(item, shown):
    with pytest.raises(
        TypeError, match=f"`predictions` must hold strings only; item 1 is {shown}"
    ):
        checked_texts(["fine", item], "predictions")


def test_a_pandas_null_is_not_the_text_nan():
    with pytest.raises(TypeError, match="item 1"):
        checked_texts(pd.Series(["fine", None]), "predictions")


def test_an_empty_column_is_an_error():
    with pytest.raises(ValueError, match="`predictions` must hold at least one text"):
        checked_texts([], "predictions")


def test_a_lone_surrogate_is_named_with_its_place():
    with pytest.raises(
        ValueError, match="`predictions`.*item 1 has a lone surrogate at character 2"
    ):
        checked_texts(["fine", "ab\ud800"], "predictions")


def test_references_may_be_strings_or_lists_in_one_column():
    assert checked_references(["one", ["two", "three"]]) == [["one"], ["two", "three"]]


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        ("one", TypeError, "`references` must be a list"),
        ([], ValueError, "`references` must hold at least one item"),
        (["one", []], ValueError, r"`references\[1\]` must hold at least one text"),
        (["one", None], TypeError, r"`references\[1\]` must be a list"),
        (
            ["one", ["two", 3]],
            TypeError,
            r"`references\[1\]` must hold strings only; item 1 is int 3",
        ),
    ],
)
def test_bad_references_are_named(column, error, message):
    with pytest.raises(error, match=message):
        checked_references(column)


def test_lengths_differ_and_both_are_named():
    assert (
        same_length(predictions=["a", "b"], sources=None, references=[["c"], ["d"]])
        == 2
    )
    with pytest.raises(
        ValueError,
        match="`sources` must be as long as `predictions`; got 1 items for 2",
    ):
        same_length(predictions=["a", "b"], sources=["a"])


def test_a_table_is_not_a_column():
    # Iterating over a DataFrame gives the names of its columns.
    table = pd.DataFrame({"a": ["x", "y"], "b": ["z", "w"]})
    for given in (
        table,
        pa.table({"a": ["x"]}),
        datasets.Dataset.from_dict({"a": ["x"]}),
        np.array([["a", "b"]]),
    ):
        with pytest.raises(
            TypeError,
            match=(
                r"`predictions` must be a list of strings; got a \w+ of shape \(\d,"
                r" \d\)"
            ),
        ):
            checked_texts(given, "predictions")
    with pytest.raises(
        TypeError, match="`references` must be a list of strings; got a DataFrame"
    ):
        checked_references(table)
    assert checked_references(np.array([["a", "b"], ["c", "d"]])) == [
        ["a", "b"],
        ["c", "d"],
    ]


def test_columns_are_cut_into_blocks():
    columns = Columns.check(list("abcde"), list("vwxyz"), languages=["en"] * 5)
    blocks = list(columns.blocks(2))
    assert [block.predictions for block in blocks] == [["a", "b"], ["c", "d"], ["e"]]
    assert [block.sources for block in blocks] == [["v", "w"], ["x", "y"], ["z"]]
    assert blocks[2].references is None


@pytest.mark.parametrize("language", ["", " en", "de\n"])
def test_names_of_languages_have_no_space_around_them(language):
    with pytest.raises(ValueError, match="`languages` must hold names .* item 1 is"):
        Columns.check(["a", "b"], languages=["en", language])
