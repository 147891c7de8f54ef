"""How pairs that do not fit are cut into pieces."""

from __future__ import annotations

import numpy as np
import pytest

from toxicity_j.builtin_pieces import LongPair, Piece, join_scores

STOP = 0


def sentence(start: int, count: int) -> list[int]:
    """`count` ids of their own, then a stop."""
    return [*range(start, start + count), STOP]


def text(*starts: int, count: int = 7) -> list[int]:
    return [token for start in starts for token in sentence(start, count)]


def cut(role, prediction, source, size=10):
    return LongPair(tuple(prediction), tuple(source), size, {STOP}).pieces(role)


def test_both_sides_are_cut_at_the_same_sentence_ends():
    prediction = text(100, 200, 300, 400)
    # The second sentence is longer here, so that cuts by length alone would drift.
    source = [*sentence(100, 7), *range(901, 903), *text(200, 300, 400)]
    pieces = cut("content", prediction, source)
    assert [list(piece.prediction) for piece in pieces] == [
        sentence(start, 7) for start in (100, 200, 300, 400)
    ]
    assert list(pieces[1].source) == [901, 902, *sentence(200, 7)]
    assert [piece.share for piece in pieces] == pytest.approx(
        [8 / 34, 10 / 34, 8 / 34, 8 / 34]
    )


@pytest.mark.parametrize("role", ["style", "content", "fluency"])
@pytest.mark.parametrize("size", [2, 3, 10, 126])
def test_every_piece_fits_and_no_token_is_lost(role, size):
    rng = np.random.default_rng(size)
    shapes = [(300, 280), (40, 400), (400, 3), (127, 127), (1, 500), (400, 0)]
    for own, other in [*shapes, *rng.integers(1, 12, (200, 2)).tolist()]:
        prediction = rng.integers(0, 6, own).tolist()
        source = rng.integers(0, 6, other).tolist()
        pieces = cut(role, prediction, source, size)
        assert all(len(p.prediction) <= size >= len(p.source) for p in pieces)
        if role == "style":
            assert set(prediction) == {t for p in pieces for t in p.prediction}
        if role == "fluency":
            assert sum(piece.share for piece in pieces) == pytest.approx(1)
            if own > size:
                read = [token for piece in pieces for token in piece.prediction]
                assert read == prediction


def test_what_is_lost_or_new_has_no_piece_of_content():
    kept, other = text(100, 200), text(300, 400)
    longer = [*kept, *other]
    for pieces in (
        cut("content", kept, longer, size=16),
        cut("content", longer, kept, size=16),
    ):
        assert all(piece.prediction == piece.source for piece in pieces)
        assert [token for piece in pieces for token in piece.source] == kept
        assert sum(piece.share for piece in pieces) == pytest.approx(1 / 2)


def test_what_is_new_is_read_beside_itself_for_fluency():
    kept, new = text(100, 200), text(300, 400)
    pieces = cut("fluency", [*kept, *new], kept, size=16)
    assert [token for piece in pieces for token in piece.prediction] == [*kept, *new]
    assert all(piece.prediction == piece.source for piece in pieces)


def test_a_moved_sentence_takes_no_other_with_it():
    # Longer than every other shared run, because each other sentence lost ids.
    moved = sentence(900, 12)
    kept = [sentence(100 * i, 9) for i in range(1, 8)]
    edited = [ids[:3] + ids[4:7] + ids[8:] for ids in kept]
    source = [*moved, *sum(kept, [])]
    pieces = cut("content", [*sum(edited, []), *moved], source, size=20)
    assert sum(piece.share for piece in pieces) > 0.7
    shared = [set(p.prediction) & set(p.source) for p in pieces]
    assert len(set.union(*shared)) > 30


def test_a_text_without_sentences_is_cut_in_the_middle():
    ids = list(range(1, 13))
    pieces = cut("content", ids, ids, size=6)
    assert [list(piece.source) for piece in pieces] == [ids[:6], ids[6:]]


def test_long_texts_take_no_time_that_anyone_notices():
    rng = np.random.default_rng(0)
    source = rng.zipf(1.5, 20_000).tolist()
    prediction = [token for token in source if rng.random() > 0.2]
    pieces = cut("content", prediction, source, size=126)
    assert sum(len(piece.source) for piece in pieces) > 15_000


def test_scores_of_pieces_become_one():
    pieces = [Piece((1,), (), 0.5), Piece((2,), (), 0.25)]
    scores = np.array([0.2, 0.8])
    assert join_scores("style", pieces, scores) == 0.8
    assert join_scores("content", pieces, scores) == pytest.approx(0.3)
    assert join_scores("content", [], np.zeros(0)) == 0
