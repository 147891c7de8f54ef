"""The page's parts without a browser: limits, explanations, tables, snippets, messages,
API.
"""

from __future__ import annotations

import html
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the page needs gradio: pip install .[app]")

import gradio as gr
import numpy as np
import pandas as pd

import app
from space import (
    about,
    api,
    batch,
    batch_view,
    explain,
    handlers,
    limits,
    markup,
    models,
    page,
    pair,
    pair_view,
    snippets,
    tables,
    uploads,
)
from space.examples import PAIRS, example_table
from space.limits import InputError
from toxicity_j.results import Segments

RUDE = "You are a clueless fool and your plan is rubbish."
CIVIL = "I do not think that your plan is good."


def test_changed_words_ignore_case_and_punctuation():
    lost, added = explain.changed_words(["Be", "quiet,", "fool!"], ["be", "quiet."])
    # "Be"/"be" and "quiet,"/"quiet." are equal but for case and punctuation; "fool!"
    # has no partner.
    assert lost == [False, False, True]
    assert added == [False, False]


def test_factor_shares_add_up():
    # -log(.5) is log 2 and -log(.25) is 2 log 2: a third and two thirds; a factor of 1
    # loses nothing.
    shares = explain.factor_shares(1.0, 0.5, 0.25)
    assert shares == pytest.approx({"sta": 0, "sim": 1 / 3, "fl": 2 / 3})
    # A zero takes all, two zeros a half each; J = 1 has lost nothing.
    assert explain.factor_shares(0.9, 0.0, 0.5) == {"sta": 0, "sim": 1, "fl": 0}
    assert explain.factor_shares(0.9, 0.0, 0.0) == {"sta": 0, "sim": 0.5, "fl": 0.5}
    assert explain.factor_shares(1.0, 1.0, 1.0) == {}


def test_lowering_sentence_says_what_j_would_be():
    nothing = explain.Explanation([], [], "encoder", True)
    result = pair_view.Result("x", 1.0, 0.5, 0.25, 0.125, 0.0, nothing)
    # FL lost 2/3 of it; with FL = 1, J would be 1 * .5 * 1.
    assert pair_view.lowering_sentence(result).endswith(
        "67% of the loss. With FL at 1, J would be 0.50."
    )


def test_leave_one_out_names_the_rude_and_the_doubled_word():
    (found,) = explain.explain(
        "The soup is cold, you fool.", ["The the soup is cold, you fool."]
    )
    strongest = max(found.rewrite, key=lambda word: word.toxicity)
    assert strongest.text == "fool."
    assert found.model == "encoder"
    assert found.fluency_known
    broken = max(found.rewrite, key=lambda word: word.broken)
    assert broken.text.lower() == "the"


def test_nothing_drives_the_toxicity_of_a_civil_text():
    (found,) = explain.explain(RUDE, ["The meeting starts at ten."])
    assert [word.toxicity for word in found.rewrite] == [0] * 5


def test_long_texts_go_to_the_identifier():
    long = "word " * 150 + "idiot"
    # 151 variants of 302 words are over the encoder's budget.
    (found,) = explain.explain(long, [long])
    assert found.model == "identifier"
    assert not found.fluency_known


def test_empty_explanation_has_no_words():
    (found,) = explain.explain(RUDE, [""])
    assert found.rewrite == []
    assert all(word.changed for word in found.source)


def test_pairs_rank_the_civil_rewrite_first():
    results, signature = pair.results(RUDE, [RUDE, CIVIL], models.Choice())
    assert [result.text for result in results] == [CIVIL, RUDE]
    assert results[0].j > results[1].j
    assert "j:embedded" in signature


def test_models_can_be_chosen():
    quick = pair.score_pair(RUDE, [CIVIL], models.Choice(style="identifier"))
    assert "style:identifier" in quick["signature"]


@pytest.mark.parametrize(
    ("source", "rewrites", "message"),
    [
        ("", ["x"], "Write a source"),
        (" ", ["x"], "Write a source"),
        ("x", [], "Write a rewrite"),
        ("x", ["y"] * (limits.MAX_REWRITES + 1), "at most 6"),
        ("x" * 2001, ["y"], "The source has 2,001 characters"),
        ("x", ["y" * 2001], "Rewrite 1 has 2,001 characters"),
        ("x", ["y\ud800"], "Rewrite 1 holds half of a surrogate pair"),
        ("x", [3], "Rewrite 1 must be text; got int"),
    ],
)
def test_bad_pairs_are_explained(source, rewrites, message):
    with pytest.raises(InputError, match=message):
        limits.check_pair(source, rewrites)


def test_an_error_keeps_the_results_on_screen():
    status, *rest = handlers.on_pair(
        "", "A rewrite.", None, "embedded", *[models.OWN] * 3
    )
    assert 'role="alert"' in status
    assert "Write a source" in status
    # gr.skip() leaves a component as it is.
    assert rest == [gr.skip()] * 2


def test_hostile_text_is_shown_not_run():
    hostile = "<img src=x onerror=alert(1)> <b>bold</b>"
    _, shown, code = handlers.on_pair(
        hostile, hostile, "", "embedded", *[models.OWN] * 3
    )
    assert "<img" not in shown + code
    assert "<b>bold" not in shown
    assert "&lt;img" in shown
    assert "&quot;" in markup.notice('"') or '"' in markup.notice('"')


def test_missing_models_are_named():
    with pytest.raises(InputError, match="cannot be scored on this page") as error:
        pair.score_pair(RUDE, [CIVIL], models.Choice("pseudoparadetox2024"))
    assert "s-nlp/roberta_toxicity_classifier" in str(error.value)
    with pytest.raises(InputError, match="needs a reference"):
        pair.score_pair(RUDE, [CIVIL], models.Choice("textdetox2024"))
    with pytest.raises(InputError, match="`protocol` must be one of embedded"):
        models.Choice("nonsense")
    with pytest.raises(InputError, match="`style_model` must be one of"):
        models.Choice(style="/etc/passwd")


def test_a_table_without_sources_says_that_sta_alone_was_computed():
    said = "No row has a source, so STA alone was computed."
    for source, is_said in (("", True), (RUDE, False)):
        columns = tables.checked_columns(["source", "A"], [[source, CIVIL]])
        *_, scored = batch.score_table(columns, models.Choice())
        assert (said in batch_view.render_scored(scored)) is is_said


def test_columns_of_a_table():
    rows = [
        ["s1", "a1", "", "r1", 3],
        ["", "", "", "", None],
        ["s2", "", "", "r2", float("nan")],
    ]
    columns = tables.checked_columns(["Source", "A", "B", "reference 1", "C"], rows)
    # The second row is blank and left out; B is blank and left out; an empty rewrite in
    # A is kept; 3 is the text "3".
    assert columns.rows == [1, 3]
    assert columns.sources == ["s1", "s2"]
    assert columns.systems == {"A": ["a1", ""], "C": ["3", ""]}
    assert columns.references == [["r1"], ["r2"]]


@pytest.mark.parametrize(
    ("headers", "rows", "message"),
    [
        (["source", "A"], [["", " "]], "The table is empty"),
        (["source", "A"], [["s", ""]], "There is no rewrite"),
        (["source", "A"], [["s", "a"], ["", "b"]], "Row 2 has no source"),
        (["source", "A", "A"], [["s", "a", "b"]], "same name"),
        (
            ["source", "src", "A"],
            [["s", "t", "a"]],
            "Two columns are named as the sources",
        ),
        (["source", "A"], [["s", "a"]] * 501, "501 rows; at most 500"),
        (["source", "A"], [["s", "a" * 2001]], "The rewrite of row 1 by A has 2,001"),
        (["source", *"ABCDEFG"], [["s"] * 8], "There are 7 systems"),
        (["source", "A"], [["s"]], "Every row must have a cell"),
    ],
)
def test_bad_tables_are_explained(headers, rows, message):
    with pytest.raises(InputError, match=message):
        tables.checked_columns(headers, rows)


def test_upload_of_text_files(tmp_path):
    for name, text in {
        "sources": "s1\ns2\n",
        "careful": "a1\na2\n",
        "lazy": "b1\nb2\n",
    }.items():
        (tmp_path / f"{name}.txt").write_text(text)
    table = uploads.read_files(sorted(tmp_path.iterdir()))
    assert table.headers == ["source", "careful", "lazy"]
    assert table.rows == [["s1", "a1", "b1"], ["s2", "a2", "b2"]]


def test_upload_of_tables(tmp_path):
    frame = pd.DataFrame(
        {
            "source": ["s1", "s2"],
            "A": ["a,1", 'a"2'],
            "B": ["b1", "b2"],
            "reference": ["r1", "r2"],
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    (tmp_path / "t.tsv").write_text(
        'source\tA\tB\treference\ns1\ta,1\tb1\tr1\ns2\ta"2\tb2\tr2\n'
    )
    for path in sorted(tmp_path.iterdir()):
        table = uploads.read_files([path])
        assert table.headers == ["source", "A", "B", "reference"], path
        assert table.rows == [
            ["s1", "a,1", "b1", "r1"],
            ["s2", 'a"2', "b2", "r2"],
        ], path


def test_bad_uploads_are_explained_by_name_only(tmp_path):
    bad = tmp_path / "broken.jsonl"
    bad.write_text('{"source": "s"\n')
    with pytest.raises(InputError, match=r"^broken\.jsonl") as error:
        uploads.read_files([bad])
    assert str(tmp_path) not in str(error.value)
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * (limits.MAX_FILE_BYTES + 1))
    with pytest.raises(InputError, match="at most 5 MB"):
        uploads.read_files([large])


def test_an_upload_is_deleted_when_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("source,A\ns,a\n")
    table, status, files = handlers.on_upload([str(path)])
    assert not path.exists()
    assert files is None
    assert "1 rows" in status or "1 row" in status
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"\xff\xfe\x00")
    kept, status, _ = handlers.on_upload([str(bad)])
    assert not bad.exists()
    assert kept == gr.skip()
    assert 'role="alert"' in status


def test_pasted_tables():
    assert uploads.read_pasted("source\tA\ns, t\ta\n").rows == [["s, t", "a"]]
    assert uploads.read_pasted('source,A\n"s, t",a\n').rows == [["s, t", "a"]]
    with pytest.raises(InputError, match="Paste a table first"):
        uploads.read_pasted(" \n")


def test_progress_then_comparison_and_joined_steps_equal_one_pass(monkeypatch):
    example = example_table()
    columns = tables.checked_columns(example.headers, example.rows)
    monkeypatch.setattr(batch, "STEP", 5)
    *steps, scored = list(batch.score_table(columns, models.Choice()))
    # 12 rows in steps of 5, 5 and 2, for each of 3 systems.
    assert [step.done for step in steps] == [0, 5, 10, 12, 17, 22, 24, 29, 34, 36]
    assert scored.comparison.systems[0].name == "careful"
    whole = models.score(
        models.Choice(),
        "long",
        predictions=columns.systems["careful"],
        sources=columns.sources,
    )
    assert scored.segments["careful"].j == pytest.approx(whole.j, abs=1e-5)
    lines = batch.segments_csv(scored).splitlines()
    assert len(lines) == 1 + 36
    assert lines[0] == "row,system,source,rewrite,p_toxic,sta,sim,fl,j"


@pytest.mark.parametrize("name", ["lang.csv", "human.csv", "sources.csv", "x.csv"])
def test_one_table_may_have_any_name(tmp_path, name):
    (tmp_path / name).write_text("source,A\nx,y\n")
    assert uploads.read_files([tmp_path / name]).rows == [["x", "y"]]


def test_an_upload_without_rewrites(tmp_path):
    with pytest.raises(InputError, match="Upload a file first"):
        uploads.read_files([])
    paths = [tmp_path / "lang.txt", tmp_path / "human.txt"]
    for path in paths:
        path.write_text("en\n")
    with pytest.raises(InputError, match="No file holds the rewrites"):
        uploads.read_files(paths)


def test_joined_steps_may_differ_in_their_number_of_references():
    signature = "j:x|references:{}|version:0"
    one = np.ones(1)
    parts = [
        Segments(one, one, one, one, one, one, signature.format(count))
        for count in (2, 1)
    ]
    assert batch.joined(parts).signature == signature.format("1-2")


def test_a_row_without_a_reference_is_named():
    rows = [["s", "a", "r"], ["s2", "b", " "]]
    with pytest.raises(InputError, match="Row 2 has no reference"):
        tables.checked_columns(["source", "A", "reference"], rows)


@pytest.mark.parametrize("rewrites", ["no", {"a": 1}, 5])
def test_rewrites_are_a_list(rewrites):
    with pytest.raises(InputError, match="`rewrites` must be a list of texts"):
        limits.check_pair("A source.", rewrites)


def test_the_tables_download_is_read_back(tmp_path):
    columns = tables.checked_columns(
        ["source", "A", "reference"], [["s, 1", 'a"1', "r"], ["s2", "", "r2"]]
    )
    path = tmp_path / "table.csv"
    path.write_text(batch.table_csv(columns), newline="")
    assert uploads.read_files([path]).rows == [["s, 1", 'a"1', "r"], ["s2", "", "r2"]]


def test_the_shown_python_prints_the_shown_numbers():
    _, _, shown = handlers.on_pair(RUDE, CIVIL, "", "embedded", *[models.OWN] * 3)
    signature, code, command, call = map(
        html.unescape, re.findall(r"<code>(.*?)</code></pre>", shown, re.DOTALL)
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(app.__file__).parent,
    )
    printed, printed_signature = done.stdout.strip().splitlines()[-2:]
    expected = pair.score_pair(RUDE, [CIVIL], models.Choice())
    assert f"{expected['j'][0]:.4f}"[:5] in printed
    assert printed_signature == signature == expected["signature"]
    assert "toxicity-j score rewrites.txt --sources sources.txt" in command
    compile(call, "call", "exec")


def test_snippets_quote_what_is_hostile():
    hostile = 'it\'s `rm -rf` $(x)\n"quoted"'
    compile(snippets.pair_python(hostile, [hostile], models.Choice()), "code", "exec")
    command = snippets.pair_command(hostile, ["x"], models.Choice())
    # The shell prints the text back on one line, unchanged but for the newline.
    first = command.splitlines()[0].partition(" > ")[0]
    shown = subprocess.run(
        ["sh", "-c", first], capture_output=True, text=True, check=True
    ).stdout
    assert shown == 'it\'s `rm -rf` $(x) "quoted"\n'
    chosen = models.Choice("paradetox2022", style="encoder")
    assert "--protocol paradetox2022 --style-model encoder" in snippets.pair_command(
        "s", ["x"], chosen
    )


def test_api_returns_numbers_and_clear_errors():
    scores = api.score(RUDE, [CIVIL, RUDE])
    assert scores["j"][0] > scores["j"][1]
    json.dumps(scores)
    with pytest.raises(gr.Error, match="Write a source"):
        api.score("", [CIVIL])
    for reference in (None, 5):
        with pytest.raises(gr.Error, match="The reference must be text; got"):
            api.score(RUDE, [CIVIL], reference=reference)
    compared = api.compare({"civil": [CIVIL], "copy": [RUDE]}, [RUDE])
    assert compared["systems"]["civil"]["rank"] == 1
    assert math.isclose(compared["systems"]["civil"]["j"], scores["j"][0], abs_tol=1e-5)
    json.dumps(compared)
    for systems, sources, message in (
        ({"A": ["x", "y"]}, ["s"], "equal length"),
        ({}, ["s"], "`systems` must be a dict"),
        ({"source": ["x"]}, ["s"], "cannot be named 'source'"),
        ({"A": "text"}, ["s"], "`A` must be a list of strings"),
        ({"A": ["x", "y"]}, ["", " "], "`sources` holds no text; None computes STA"),
    ):
        with pytest.raises(gr.Error, match=message):
            api.compare(systems, sources)


def test_the_page_builds_without_a_model(monkeypatch):
    monkeypatch.setattr(
        models, "scorer", lambda *choice: pytest.fail("no model before the first score")
    )
    built = page.build()
    labels = {
        block.label for block in built.blocks.values() if getattr(block, "label", None)
    }
    assert {"Source: the rude sentence", "Protocol", "Table", "Order"} <= labels
    said = about.HEADER + about.about()
    assert "English only" in said
    assert "not for moderating people" in said
    assert limits.SUMMARY in said


def test_examples_are_within_the_limits():
    for _, source, rewrites in PAIRS:
        limits.check_pair(source, pair.rewrites_of(rewrites))
