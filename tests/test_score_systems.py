"""The README's main command: its data, its table and its verdict in words, worked out by hand on small scores."""

from __future__ import annotations

import pytest

from examples import score_systems
from training.synthetic import handwritten

# Eight segments, because no test finds a difference on fewer than 6. Of "kind": STA 1, SIM .8, FL .9, so J = .72 each.
# Of "rude": STA 0, so J = 0 each.
KIND = {"sta": [1.0] * 8, "sim": [0.8] * 8, "fl": [0.9] * 8, "j": [0.72] * 8}
RUDE = {"sta": [0.0] * 8, "sim": [1.0] * 8, "fl": [0.9] * 8, "j": [0.0] * 8}


def system(name, segments):
    scores = {key: sum(values) / len(values) for key, values in segments.items()} | {"n": 8}
    return score_systems.System(name, [f"{name} {i}" for i in range(8)], scores, segments)


def test_bundled_systems_are_whole():
    sources, references, systems = score_systems.read_bundled()
    assert len(sources) == len(set(sources)) == len(references) == 36
    assert {name: len(outputs) for name, outputs in systems.items()} == {"careful": 36, "lazy": 36}


def test_bundled_sources_are_not_training_sentences():
    sources, *_ = score_systems.read_bundled()
    trained = {text.lower() for text, _ in handwritten.STYLE} | {source.lower() for source, *_ in handwritten.MEANING}
    assert not trained & {source.lower() for source in sources}


def test_table_has_a_line_per_system():
    lines = score_systems.table([system("kind", KIND), system("rude", RUDE)]).splitlines()
    assert lines[0].split() == ["system", "STA", "SIM", "FL", "J", "n"]
    # Equal scores in all segments: every resample has the same mean, so the interval is a point.
    assert "0.720 [0.720, 0.720]" in lines[1]
    assert lines[2].startswith("rude")


@pytest.mark.parametrize("turned", [False, True])
def test_verdict_follows_the_numbers(turned):
    pair = [system("kind", KIND), system("rude", RUDE)]
    text = score_systems.verdict(*(reversed(pair) if turned else pair), list("abcdefgh"))
    # J .72 against 0; STA is 1 higher in "kind", SIM .2 higher in "rude", FL equal and so not named.
    assert text.startswith("kind is better than rude: its J is higher by 0.720")
    assert "its outputs are more civil (STA +1.000)" in text
    assert "In favour of rude: it keeps more meaning (SIM +0.200)" in text
    assert "fluently" not in text
    assert "weakest: STA 0.00" in text


def test_equal_systems_have_no_winner():
    text = score_systems.verdict(system("one", KIND), system("two", KIND), list("abcdefgh"))
    assert text.startswith("No clear winner")


def test_text_files_keep_blank_lines(tmp_path):
    path = tmp_path / "outputs.txt"
    path.write_text("first\n\nthird\n", encoding="utf-8")
    assert score_systems.read_texts(path) == ["first", "", "third"]


def test_sources_without_predictions_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        score_systems.main(["--sources", str(tmp_path / "a.txt")])
    assert "belong together" in capsys.readouterr().err
