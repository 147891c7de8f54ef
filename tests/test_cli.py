"""The command line: what it refuses, what it shows, and its exit codes; in the process
itself where that is enough.
"""

from __future__ import annotations

import csv
import errno
import importlib
import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

import toxicity_j
from toxicity_j import cli_program
from toxicity_j.cli import app
from toxicity_j.cli_program import repeat_options
from toxicity_j.cold_identifier import score_style

SOURCES = [
    "This d*mn bus is late again, you idiot.",
    "Be quiet, you silly fool.",
    "What a stupid plan.",
    "You ugly liar, go away.",
]
KIND = [
    "This bus is late again.",
    "Please be quiet.",
    "This plan does not help.",
    "Please go away.",
]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folder of sources and of two systems, `kind` and `copy`, made the current
    one.
    """
    monkeypatch.chdir(tmp_path)
    for name, lines in (("s.txt", SOURCES), ("kind.txt", KIND), ("copy.txt", SOURCES)):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def run(*arguments: str, stdin: str | None = None):
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments), input=stdin)


def refused(*arguments: str, stdin: str | None = None) -> str:
    """Return the one line on stderr of a command that ends with exit code 2 and prints
    nothing else.
    """
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    line = result.stderr.removesuffix("\n")
    assert line.startswith("toxicity-j: error: ")
    assert "\n" not in line
    return line.removeprefix("toxicity-j: error: ")


class TestOptions:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("--predictions a b --seed 1", "--predictions a --predictions b --seed 1"),
            ("--predictions - --sources s", "--predictions - --sources s"),
            ("x y --fail-under j=1 sta=0", "x y --fail-under j=1 --fail-under sta=0"),
            ("--predictions=a b", "--predictions a --predictions b"),
            ("--references=a b --seed=1", "--references a --references b --seed=1"),
            (
                "--predictions a -- --predictions b",
                "--predictions a -- --predictions b",
            ),
        ],
    )
    def test_options_with_several_values(self, given, expected):
        assert repeat_options(given.split()) == expected.split()

    def test_paths_may_start_at_home(self, files, monkeypatch):
        monkeypatch.setenv("HOME", str(files))
        (files / "texts.txt").write_text("One.\nTwo.\n")
        arguments = ("texts.txt", "--style-model", "identifier", "--output", "~/o.json")
        assert run("score", *arguments).exit_code == 0
        assert run("report", "~/o.json", "--segments", "~/s.csv").exit_code == 0
        assert (files / "s.csv").is_file()

    def test_version_and_help(self):
        assert run("--version").stdout == f"toxicity_j {toxicity_j.__version__}\n"
        assert "--fail-under" in run("score", "--help").stdout

    def test_protocols(self):
        rows = json.loads(run("protocols", "--format", "json").stdout)
        assert list(dict.fromkeys(row["protocol"] for row in rows)) == list(
            toxicity_j.protocols()
        )
        assert {row["here"] for row in rows if row["protocol"] == "embedded"} == {"yes"}
        assert all(
            row["licence"] and row["size"] for row in rows if row["model"] != "chrF"
        )
        assert run("protocols", "--format", "markdown").stdout.startswith(
            "| protocol |"
        )

    def test_a_model_in_the_cache_is_here(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        folder = tmp_path / "models--sentence-transformers--LaBSE" / "snapshots" / "abc"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        rows = json.loads(run("protocols", "--format", "json").stdout)
        assert {row["model"] for row in rows if row["here"] == "yes"} == {
            "encoder",
            "sentence-transformers/LaBSE",
        }


class TestRefusals:
    def test_lines_that_do_not_match(self, files):
        (files / "short.txt").write_text("\n".join(KIND[:3]))
        assert (
            refused("score", "--sources", "s.txt", "--predictions", "short.txt")
            == "short.txt (predictions) has 3 lines and s.txt (sources) has 4 lines; "
            "line 4 of s.txt is the first without a partner"
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("score", "`--predictions` must name at least one file"),
            ("score absent.txt", "absent.txt: there is no such file"),
            (
                "score kind.txt --protocol emnlp",
                "`protocol` must be one of embedded, krishna2020",
            ),
            (
                "score kind.txt --fail-under j=0.5 --protocol krishna2020",
                "`--fail-under` names j, which needs references",
            ),
            (
                "score kind.txt --fail-under fl=0.5 --protocol emnlp2021",
                "`--fail-under` names fl, which needs sources",
            ),
            ("score kind.txt --seed one", "Invalid value for '--seed'"),
            ("score kind.txt --batch-size 0", "`batch_size` must be at least 1"),
            ("score kind.txt --style-model ./none", "there is no folder './none'"),
            (
                "score kind.txt --confidence 95",
                "`--confidence` must be in (0, 1); got 95",
            ),
            (
                "compare kind.txt copy.txt --resamples 0",
                "`--resamples` must be at least 1; got 0",
            ),
            ("score kind.txt --seed -1", "`--seed` must be at least 0; got -1"),
            (
                "score kind.txt --fail-under x=1",
                "`--fail-under` must be one of sta, nontoxic_share, sim, fl, j",
            ),
            (
                "score kind.txt --fail-under j=high",
                "`--fail-under j=` must be followed by a number; got 'j=high'",
            ),
            (
                "score kind.txt --fail-under sta=nan",
                "`--fail-under sta=` must be followed by a number",
            ),
            (
                "score kind.txt --fail-under j=0.5",
                "`--fail-under` names j, which needs sources",
            ),
            (
                "score kind.txt --against absent.json",
                "absent.json: cannot be read (No such file or directory)",
            ),
            (
                "score kind.txt --against kind.txt",
                "kind.txt: `text` must be a saved comparison; got text that is not",
            ),
            (
                "score kind.txt --segments x.xlsx",
                "`--segments` must end in one of .jsonl, .csv, .tsv, .parquet",
            ),
            (
                "score kind.txt --report no/r.html",
                "`--report` must lie in an existing folder; got 'no/r.html'",
            ),
            (
                "score kind.txt --output kind.txt",
                "`--output` must not overwrite an input; got 'kind.txt'",
            ),
            (
                "compare kind.txt --sources s.txt",
                "compare needs two or more systems; got kind",
            ),
            (
                "compare kind.txt copy.txt --baseline x",
                "`--baseline` must be one of ['kind', 'copy']; got 'x'",
            ),
            (
                "score kind.txt --fail-under sta=0.9 sta=0.1",
                "`--fail-under` must name sta once; got it twice",
            ),
            ("score kind.txt --workers 2", "`--workers` needs `--stream`; got 2"),
            (
                "score kind.txt --batch-size 0 --style-model identifier",
                "`batch_size` must be at least 1; got 0",
            ),
            (
                "score kind.txt --content-model identifier --style-model identifier",
                "`content_model` cannot be 'identifier'",
            ),
            (
                "score kind.txt --report dd",
                "`--report` must be a file; got the folder 'dd'",
            ),
            (
                "score kind.txt --output dd",
                "`--output` must be a file; got the folder 'dd'",
            ),
            (
                "score kind.txt --segments dd.csv",
                "`--segments` must be a file; got the folder 'dd.csv'",
            ),
            (
                "score kind.txt --output x.csv --segments dd/../x.csv",
                "`--output` and `--segments` must be two files; got 'dd/../x.csv' for",
            ),
            (
                "report old.json --output x --report x",
                "`--output` and `--report` must be two files; got 'x' for both",
            ),
            *(
                (
                    f"score kind.txt {option} s.txt {output} s.txt",
                    f"`{output}` must not overwrite an input; got 's.txt'",
                )
                for option in ("--sources", "--references", "--languages", "--against")
                for output in ("--output", "--report")
            ),
            (
                "score kind.txt --against bl.csv --segments bl.csv",
                "`--segments` must not overwrite an input; got 'bl.csv'",
            ),
            ("report kind.txt", "kind.txt: `text` must be a saved comparison"),
            (
                "score kind.txt --stream out --sources s.txt",
                "`--sources` does not go with `--stream`",
            ),
        ],
    )
    def test_one_line_and_no_model(self, files, monkeypatch, arguments, message):
        monkeypatch.setattr("toxicity_j.scorer.Scorer.score", None)  # not reached
        (files / "dd").mkdir()
        (files / "dd.csv").mkdir()
        assert message in refused(*arguments.split())

    def test_tsv_segments_cannot_hold_tabs(self, files):
        (files / "tab.jsonl").write_text(json.dumps({"out": "a\tb"}) + "\n")
        assert "segment 0 of tab has a tab or a line break" in refused(
            "score", "tab.jsonl", "--segments", "x.tsv"
        )

    def test_names_of_files_that_are_not_utf8(self, files):
        path = os.fsdecode(b"\xff.txt")
        try:
            (files / path).write_text("\n".join(KIND) + "\n")
        except OSError:
            pytest.skip("the file system has no such names")
        options = ("--style-model", "identifier", "--output", "r.json")
        message = refused("score", path, *options)
        assert message == (
            "the name of each file and system must be UTF-8; got '\\udcff.txt'"
        )
        assert not (files / "r.json").exists()

    def test_a_saved_comparison_with_a_wrong_type(self, files):
        run("score", "kind.txt", "--style-model", "identifier", "--output", "r.json")
        saved = json.loads((files / "r.json").read_text())
        (files / "r.json").write_text(json.dumps({**saved, "confidence": "high"}))
        message = refused("report", "r.json")
        assert message.startswith("r.json: `text` must be a whole saved comparison: ")
        assert message.endswith("`confidence` must be a number; got 'high'")

    def test_an_error_that_nobody_foresaw_is_a_line_too(self, files, monkeypatch):
        def broken(*_):
            raise KeyError("left\nover")

        monkeypatch.setattr("toxicity_j.cli_run.run", broken)
        assert (
            refused("score", "kind.txt")
            == "KeyError: 'left\\nover' (set TOXICITY_J_DEBUG=1 to see where)"
        )
        monkeypatch.setenv(cli_program.DEBUG, "1")
        assert isinstance(run("score", "kind.txt").exception, KeyError)

    def test_ctrl_c(self, files, monkeypatch, capsys):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("toxicity_j.cli_run.run", interrupted)
        assert run("score", "kind.txt").exit_code == 130


class TestResults:
    """With the identifier alone, which needs no torch; what a score is worth is tested
    elsewhere.
    """

    STYLE = ("--style-model", "identifier")

    def test_the_identifier_in_numpy_is_the_identifier(self):
        texts = [
            *SOURCES,
            *KIND,
            "",
            "x",
            "fine " * 1200 + "you fool",
            "\U0001f642",
            *("so " * n + "bad" for n in range(9)),
        ]
        expected = toxicity_j.Scorer(style_model="identifier", threshold=0.25).score(
            texts
        )
        found = score_style(texts, toxicity_j.protocols()["embedded"], 0.25)
        np.testing.assert_allclose(found.p_toxic, expected.p_toxic, atol=1e-5)
        np.testing.assert_array_equal(found.nontoxic, expected.nontoxic)
        np.testing.assert_allclose(found.sta, expected.sta, atol=1e-5)
        assert found.signature == expected.signature
        assert found.j is None

    def test_saved_results_come_back_as_they_were(self, files):
        done = run(
            "score",
            "kind.txt",
            "copy.txt",
            *self.STYLE,
            "--output",
            "r.json",
            "--seed",
            "3",
        )
        assert (done.exit_code, done.output) == (0, "")
        saved = json.loads((files / "r.json").read_text())
        assert [system["name"] for system in saved["systems"]] == ["kind", "copy"]
        assert set(saved["files"]) == {"kind.txt", "copy.txt"}
        assert (saved["protocol"], saved["seed"], saved["n"]) == ("embedded", 3, 4)
        assert saved["texts"]["predictions"]["copy"] == SOURCES
        assert (
            run("report", "r.json", "--format", "json").stdout
            == (files / "r.json").read_text()
        )
        for shown in ("text", "markdown", "latex", "csv"):
            again = run(
                "score",
                "kind.txt",
                "copy.txt",
                *self.STYLE,
                "--format",
                shown,
                "--seed",
                "3",
            )
            assert run("report", "r.json", "--format", shown).stdout == again.stdout
            assert "kind" in again.stdout

    @pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
    def test_segments(self, files, suffix):
        path = files / f"segments.{suffix}"
        assert (
            run(
                "score", "kind.txt", "copy.txt", *self.STYLE, "--segments", path.name
            ).exit_code
            == 0
        )
        if suffix == "jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
        elif suffix == "parquet":
            rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
        else:
            delimiter = {"csv": ",", "tsv": "\t"}[suffix]
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file, delimiter=delimiter))
        assert [(row["system"], int(row["segment"])) for row in rows] == [
            (name, index) for name in ("kind", "copy") for index in range(4)
        ]
        assert [row["prediction"] for row in rows] == [*KIND, *SOURCES]
        expected = (
            toxicity_j.Scorer(style_model="identifier").score([*KIND, *SOURCES]).sta
        )
        np.testing.assert_allclose(
            [float(row["sta"]) for row in rows], expected, atol=1e-5
        )

    @pytest.mark.parametrize("option", ["--languages", "--language-column"])
    def test_languages_and_their_macro_average(self, files, option):
        rows = [f"{text},{name}\n" for text, name in zip(KIND, "aaab", strict=True)]
        (files / "t.csv").write_text("out,of\n" + "".join(rows))
        (files / "l.txt").write_text("a\na\na\nb\n")
        given = {"--languages": "l.txt", "--language-column": "of"}[option]
        arguments = ("t.csv", "--prediction-column", "out", option, given, *self.STYLE)
        done = run("score", *arguments, "--format", "json")
        saved = json.loads(done.stdout)
        (system,) = saved["systems"]
        sta = system["segments"]["sta"]
        means = {"a": sum(sta[:3]) / 3, "b": sta[3]}
        macro = (means["a"] + means["b"]) / 2
        assert system["by_language"]["a"]["sta"] == pytest.approx(means["a"])
        assert system["macro"]["sta"] == pytest.approx(macro)
        assert saved["signature"].endswith("|languages:a,b")
        shown = ["t", *(f"{mean:.3f}" for mean in (*means.values(), macro))]
        lines = run("score", *arguments).stdout.splitlines()
        place = lines.index("STA by language  a      b      macro average")
        assert lines[place + 1].split() == shown

    def test_streamed_languages_and_their_macro_average(self, files):
        rows = [
            {"out": text, "of": name} for text, name in zip(KIND, "aaab", strict=True)
        ]
        (files / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        arguments = ("t.jsonl", "--prediction-column", "out", "--language-column", "of")
        stream = (*self.STYLE, "--stream", "shards")
        lines = run("score", *arguments, *stream).stdout.splitlines()
        scores = json.loads((files / "shards" / "scores.json").read_text())
        means = [*scores["languages"].values(), scores["macro"]]
        place = lines.index("by language  a       b       macro average")
        assert lines[place + 1].split() == [
            "STA",
            *(f"{mean['sta']:.4f}" for mean in means),
        ]

    def test_the_format_follows_the_suffix(self, files):
        run("score", "kind.txt", *self.STYLE, "--output", "r.csv")
        assert (files / "r.csv").read_text().startswith("system,")
        run(
            "score",
            "kind.txt",
            *self.STYLE,
            "--output",
            "r.csv",
            "--format",
            "markdown",
        )
        assert (files / "r.csv").read_text().startswith("|")

    @pytest.mark.skipif(os.name == "nt", reason="needs POSIX modes and links")
    @pytest.mark.parametrize(
        ("option", "suffix", "is_whole"),
        [
            ("--output", "json", lambda text: json.loads(text)["n"] == 4),
            (
                "--segments",
                "jsonl",
                lambda text: (
                    [json.loads(x)["segment"] for x in text.splitlines()]
                    == [0, 1, 2, 3]
                ),
            ),
            ("--report", "html", lambda text: text.rstrip().endswith("</html>")),
        ],
    )
    def test_a_file_is_written_whole_or_not_at_all(
        self, files, monkeypatch, option, suffix, is_whole
    ):
        old, link = files / f"old.{suffix}", files / f"link.{suffix}"
        old.write_text("old")
        old.chmod(0o600)
        link.symlink_to(old.name)
        arguments = ("score", "kind.txt", *self.STYLE, option, link.name)
        with monkeypatch.context() as broken:

            def full(path, content):
                path.open("wb").write(content[:10])
                raise OSError(errno.ENOSPC, "No space left on device")

            broken.setattr("pathlib.Path.write_bytes", full)
            assert "No space left on device" in refused(*arguments)
        assert old.read_text() == "old"
        before = {path.name for path in files.iterdir()}
        assert run(*arguments).exit_code == 0
        assert {path.name for path in files.iterdir()} == before
        assert link.is_symlink()
        assert is_whole(old.read_text())
        assert old.stat().st_mode & 0o777 == 0o600

    def test_compare_shows_every_pair(self, files):
        done = run(
            "compare",
            "--predictions",
            "kind.txt",
            "copy.txt",
            *self.STYLE,
            "--baseline",
            "copy",
        )
        assert done.exit_code == 0
        assert "copy (baseline)" in done.stdout
        assert "kind vs copy" in done.stdout

    def test_all_three_factors_from_one_table(self, files, monkeypatch):
        report = importlib.import_module("toxicity_j.compare.report")
        monkeypatch.setattr(
            report, "render_html", lambda comparison, texts: f"{texts.sources}"
        )
        rows = [
            {"source": s, "good": k, "bad": s}
            for s, k in zip(SOURCES, KIND, strict=True)
        ]
        (files / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = run("score", "t.jsonl", "--format", "json", "--report", "r.html")
        assert done.exit_code == 0, done.output
        systems = {
            system["name"]: system["scores"]
            for system in json.loads(done.stdout)["systems"]
        }
        expected = toxicity_j.Scorer().score(KIND, SOURCES)
        for name in ("sta", "sim", "fl", "j"):
            assert systems["good"][name]["value"] == pytest.approx(
                getattr(expected, name).mean(), abs=1e-6
            )
        assert systems["bad"]["sim"]["value"] == 1  # a copy keeps its meaning
        assert (files / "r.html").read_text(encoding="utf-8") == f"{SOURCES}"

    def test_a_last_line_without_newline_is_scored_as_the_script_reads_it(
        self, files, monkeypatch
    ):
        (files / "kind.txt").write_text("\n".join(KIND))
        told = []

        def score(self, predictions, *columns, **options):
            told.append((predictions, options))
            raise ValueError("enough")

        monkeypatch.setattr("toxicity_j.scorer.Scorer.score", score)
        arguments = ("--sources", "s.txt", "kind.txt", "--content-model", "encoder")
        refused("score", *arguments, "--protocol", "emnlp2021")
        # The protocol strips every line.
        refused("score", *arguments, "--protocol", "pseudoparadetox2024")
        assert told == [(KIND, {"unterminated": ("predictions",)}), (KIND, {})]

    def test_stream_checks_floors_before_it_scores(self, files):
        (files / "alone.jsonl").write_text('{"out": "The train is late."}\n')
        error = refused(
            "score", "alone.jsonl", "--stream", "shards", "--fail-under", "j=0.5"
        )
        assert "`--fail-under` names j, which needs sources" in error
        assert not (files / "shards").exists()

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ("--tsv-quoting csv", "`--tsv-quoting` does not go with `--stream`"),
            ("--input-format tsv", "`--input-format` does not go with `--stream`"),
            ("--format csv", "`--format` must be one of ['text', 'json'] with"),
            ("--output scores.md", "`--format` must be one of ['text', 'json'] with"),
            ("--confidence 1", "`--confidence` must be in (0, 1); got 1"),
            ("--resamples 0", "`--resamples` must be at least 1; got 0"),
            ("--fail-under sim=0.5", "`--fail-under` names sim, which needs sources"),
            ("--output alone.jsonl", "`--output` must not overwrite an input"),
            ("--output none/x.json", "`--output` must lie in an existing folder"),
            ("--predictions kind.txt", "`--stream` scores one table; got 2 files"),
            ("--reference-column x", "alone.jsonl: there is no column 'x'"),
            ("--source-column x", "alone.jsonl: there is no column 'x'"),
            ("--language-column x", "alone.jsonl: there is no column 'x'"),
            ("--stream=", "`--stream` must name a folder; got ''"),
            ("--stream kind.txt", "`--stream` must name a folder; got 'kind.txt'"),
        ],
    )
    def test_stream_refuses_what_it_would_ignore(self, files, option, message):
        (files / "alone.jsonl").write_text('{"out": "The train is late."}\n')
        options = option.split()
        error = refused("score", "alone.jsonl", "--stream", "shards", *options)
        assert message in error
        assert not (files / "shards").exists()

    @pytest.mark.parametrize("name", ["t.json", "t.txt", "-"])
    def test_stream_names_the_files_that_it_reads(self, files, name):
        (files / "t.json").write_text('{"out": "The train is late."}\n')
        assert refused("score", name, "--stream", "shards") == (
            f"{name}: `--stream` reads files that end in .parquet, .jsonl, .ndjson,"
            " .csv, .tsv, .tab"
        )

    def test_stream_undoes_the_quotes_of_the_shared_tasks(self, files):
        rows = [
            "toxic_sentence\tneutral_sentence\tlang",
            "Be quiet!\tQuiet, please.\ten",
        ]
        quoted = [row.replace("\t", '"\t"').join('""') for row in rows]
        (files / "t.tsv").write_text("\n".join(quoted) + "\n")
        style = ("--style-model", "identifier", "--format", "json")
        done = run("score", "t.tsv", "--stream", "shards", *style)
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["n"] == 1

    def test_stream_sees_one_row_of_a_csv(self, files):
        # The column of outputs may begin with a number, so the user has to name it.
        (files / "t.csv").write_text("mine,n\n7,1\nFine.,2\n")
        error = refused("score", "t.csv", "--stream", "shards")
        assert "name one of ['mine', 'n'] by --prediction-column" in error

    def test_output_does_not_go_into_the_folder_of_shards(self, files):
        (files / "alone.jsonl").write_text('{"out": "The train is late."}\n')
        (files / "shards").mkdir()
        arguments = ("score", "alone.jsonl", "--stream", "shards", "--output")
        error = refused(*arguments, "shards/manifest.json")
        assert "`--output` must not lie in the folder of `--stream`" in error
        assert list((files / "shards").iterdir()) == []

    def test_stream_reads_one_column_of_references(self, files):
        row = {"out": "It is late.", "reference1": "Late.", "reference2": "It is."}
        (files / "two.jsonl").write_text(json.dumps(row) + "\n")
        arguments = ("score", "two.jsonl", "--stream", "shards", "--protocol")
        error = refused(*arguments, "krishna2020")
        assert "name one of ['reference1', 'reference2'] by --reference-col" in error

    def test_stream(self, files, monkeypatch):
        (files / "t.jsonl").write_text(
            "".join(json.dumps({"source": s, "out": s}) + "\n" for s in SOURCES)
        )
        asked = {}

        def score_dataset(data, out, **options):
            asked.update(data=data, out=out, **options)
            scores = {"sta": 0.5, "n": 4, "signature": "j:x"}
            scores["intervals"] = {"sta": (0.25, 0.75)}
            return {**scores, "confidence": options["confidence"]}

        monkeypatch.setattr("toxicity_j.scale.score_dataset", score_dataset)
        done = run(
            "score",
            "t.jsonl",
            "--stream",
            "shards",
            "--workers",
            "2",
            "--fail-under",
            "sta=0.6",
            "--confidence",
            "0.9",
            "--seed",
            "3",
        )
        assert done.exit_code == 1
        assert done.stdout.splitlines() == [
            "STA        0.5000 [0.2500, 0.7500]",
            "n          4",
            "intervals  90 %",
            "",
            "signature: j:x",
        ]
        wanted = "toxicity-j: the corpus: STA is 0.5, 0.1 below the floor of 0.6\n"
        assert done.stderr == wanted
        drawn = {name: asked[name] for name in ("confidence", "n_resamples", "seed")}
        assert drawn == {"confidence": 0.9, "n_resamples": 1000, "seed": 3}
        columns = {
            name: asked[name]
            for name in (
                "data",
                "out",
                "predictions",
                "sources",
                "references",
                "languages",
            )
        }
        assert columns == {
            "data": ["t.jsonl"], "out": "shards", "predictions": "out",
            "sources": "source", "references": None, "languages": None,
        }  # fmt: skip
        assert asked["workers"] == 2


class TestGates:
    STYLE = ("--style-model", "identifier")

    def test_a_floor(self, files):
        assert (
            run(
                "score",
                "kind.txt",
                *self.STYLE,
                "--fail-under",
                "sta=0.5",
                "nontoxic_share=1",
            ).exit_code
            == 0
        )
        failed = run("score", "copy.txt", *self.STYLE, "--fail-under", "sta=0.99")
        assert failed.exit_code == 1
        sta = toxicity_j.Scorer(style_model="identifier").score(SOURCES).sta.mean()
        assert (
            failed.stderr
            == f"toxicity-j: copy: STA is {sta:.4g}, {0.99 - sta:.3g} below the floor"
            " of 0.99\n"
        )
        assert "copy" in failed.stdout  # the table is shown all the same

    def test_the_baseline_is_not_held_to_a_floor(self, files):
        arguments = (
            "compare",
            "kind.txt",
            "copy.txt",
            *self.STYLE,
            "--fail-under",
            "sta=0.9",
        )
        assert run(*arguments).exit_code == 1
        assert run(*arguments, "--baseline", "copy").exit_code == 0

    def test_a_drop_against_saved_results(self, files):
        for name, lines in (("kind.txt", KIND * 3), ("copy.txt", SOURCES * 3)):
            (files / name).write_text("\n".join(lines) + "\n")
        run("score", "kind.txt", *self.STYLE, "--output", "good.json")
        run("score", "copy.txt", *self.STYLE, "--output", "bad.json")
        assert (
            run("score", "kind.txt", *self.STYLE, "--against", "good.json").exit_code
            == 0
        )
        # A rise.
        assert (
            run("score", "kind.txt", *self.STYLE, "--against", "bad.json").exit_code
            == 0
        )
        failed = run("score", "copy.txt", *self.STYLE, "--against", "good.json")
        assert failed.exit_code == 1
        assert failed.stderr.startswith("toxicity-j: copy: STA fell by 0.")

    def test_the_gate_keeps_its_baseline(self, files):
        for name, lines in (("kind.txt", KIND * 3), ("copy.txt", SOURCES * 3)):
            (files / name).write_text("\n".join(lines) + "\n")
        run("score", "kind.txt", *self.STYLE, "--output", "bl.json")
        saved = (files / "bl.json").read_bytes()
        arguments = ("score", "copy.txt", *self.STYLE, "--against", "bl.json")
        message = refused(*arguments, "--output", "bl.json")
        assert message == "`--output` must not overwrite an input; got 'bl.json'"
        assert (files / "bl.json").read_bytes() == saved
        assert run(*arguments, "--output", "new.json").exit_code == 1

    def test_a_drop_within_chance_passes(self, files):
        # One of twelve texts is worse: sign flips give p = 1.
        kind, once = KIND * 3, [SOURCES[0], *KIND[1:], *KIND, *KIND]
        for name, lines in (("kind.txt", kind), ("once.txt", once)):
            (files / name).write_text("\n".join(lines) + "\n")
        run("score", "kind.txt", *self.STYLE, "--output", "good.json")
        assert (
            run("score", "once.txt", *self.STYLE, "--against", "good.json").exit_code
            == 0
        )

    def test_a_gate_that_could_never_fail_is_refused(self, files, monkeypatch):
        run("score", "kind.txt", *self.STYLE, "--output", "few.json")
        (files / "long.txt").write_text("\n".join(KIND * 5) + "\n")
        run("score", "long.txt", *self.STYLE, "--output", "long.json")

        def score(*given, **options):
            raise AssertionError("scored before it was checked")

        monkeypatch.setattr("toxicity_j.scorer.Scorer.score", score)
        monkeypatch.setattr("toxicity_j.cold_identifier.score_style", score)
        # 2 / 2 ** 4 = 0.125.
        assert refused("score", "kind.txt", *self.STYLE, "--against", "few.json") == (
            "`--against` could never fail, because no drop could be significant: for 1"
            " system at `--confidence 0.95` it needs at least 6 segments (got 4), or a"
            " lower `--confidence`"
        )
        # 1 / 11 is above 0.05, and 1 / 1001 above 0.0001.
        against = ("score", "long.txt", *self.STYLE, "--against", "long.json")
        few = refused(*against, "--resamples", "10")
        assert "it needs `--resamples` of at least 19 (got 10), or a lower" in few
        strict = refused(*against, "--confidence", "0.9999")
        assert "it needs `--resamples` of at least 9999 (got 1000), or" in strict

    def test_other_settings_and_segments_are_refused(self, files):
        (files / "kind.txt").write_text("\n".join(KIND * 3) + "\n")
        run("score", "kind.txt", *self.STYLE, "--output", "old.json")
        arguments = ("score", "kind.txt", *self.STYLE, "--against", "old.json")
        other = refused(*arguments, "--threshold", "0.3")
        assert other.startswith("`--against` must have the signature ")
        (files / "kind.txt").write_text("\n".join(KIND[:3]) + "\n")
        assert "it has 12, this comparison has 3" in refused(*arguments)
