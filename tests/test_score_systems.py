"""The bundled systems: whole, apart from the training sentences, and told apart by the
example.
"""

from __future__ import annotations

from examples import score_systems
from toxicity_j.compare.readers import read_columns
from training.synthetic import handwritten


def test_bundled_systems_are_whole():
    inputs = read_columns([str(score_systems.BUNDLED)])
    assert (
        len(inputs.sources) == len(set(inputs.sources)) == len(inputs.references) == 36
    )
    assert {name: len(outputs) for name, outputs in inputs.systems.items()} == {
        "careful": 36,
        "lazy": 36,
    }


def test_bundled_sources_are_not_training_sentences():
    sources = read_columns([str(score_systems.BUNDLED)]).sources
    trained = {text.lower() for text, _ in handwritten.STYLE} | {
        source.lower() for source, *_ in handwritten.MEANING
    }
    assert not trained & {source.lower() for source in sources}


def test_the_careful_system_is_better(capsys):
    score_systems.main()
    printed = capsys.readouterr().out
    # The lazy system deletes words: it keeps rude ones and breaks sentences.
    assert "careful is better than lazy on J" in printed
    assert "Signature: j:embedded|style:encoder@" in printed
