"""Rated data of others: what a file says must arrive, on the scale of the scores."""

import pytest

pytest.importorskip("sklearn")

from training.data.tables import read_tsv


def test_a_stray_quotation_mark_loses_no_row(tmp_path):
    """With quoting, the mark in the second row would swallow all lines up to the next
    mark.
    """
    path = tmp_path / "rows.tsv"
    path.write_text(
        'text\tlabel\n"so he said\t1\nplain\t0\n5" wide\t1\n', encoding="utf-8"
    )
    frame = read_tsv(path)
    assert frame.text.tolist() == ['"so he said', "plain", '5" wide']
    assert frame.label.tolist() == [1, 0, 1]


def test_na_is_a_text(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("text\tlabel\nNA\t1\n", encoding="utf-8")
    assert read_tsv(path).text.tolist() == ["NA"]


def test_a_line_with_too_many_fields_is_an_error(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("text\tlabel\nfine\t1\none\ttwo\tthree\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.tsv"):
        read_tsv(path)
