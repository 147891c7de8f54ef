"""The command line: what it refuses, what it shows, and its exit codes; in the process itself where that is enough."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import toxicity_j
from toxicity_j import cli_program
from toxicity_j.cli import app
from toxicity_j.cli_program import repeat_options

SOURCES = [
    "This d*mn bus is late again.",
    "Be quiet, you silly fool.",
    "What a stupid plan.",
    "You ugly liar, go away.",
]
KIND = ["This bus is late again.", "Please be quiet.", "This plan does not help.", "Please go away."]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folder of sources and of two systems, `kind` and `copy`, made the current one."""
    monkeypatch.chdir(tmp_path)
    for name, lines in (("s.txt", SOURCES), ("kind.txt", KIND), ("copy.txt", SOURCES)):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def run(*arguments: str, stdin: str | None = None):
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments), input=stdin)


def refused(*arguments: str, stdin: str | None = None) -> str:
    """Return the one line on stderr of a command that ends with exit code 2 and prints nothing else."""
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
            ("--predictions=a b", "--predictions=a b"),
            ("--predictions a -- --predictions b", "--predictions a -- --predictions b"),
        ],
    )
    def test_options_with_several_values(self, given, expected):
        assert repeat_options(given.split()) == expected.split()

    def test_version_and_help(self):
        assert run("--version").stdout == f"toxicity_j {toxicity_j.__version__}\n"
        assert "--fail-under" in run("score", "--help").stdout

    def test_protocols(self):
        rows = json.loads(run("protocols", "--format", "json").stdout)
        assert list(dict.fromkeys(row["protocol"] for row in rows)) == list(toxicity_j.protocols())
        assert {row["here"] for row in rows if row["protocol"] == "embedded"} == {"yes"}
        assert all(row["licence"] and row["size"] for row in rows if row["model"] != "chrF")
        assert run("protocols", "--format", "markdown").stdout.startswith("| protocol |")

    def test_a_model_in_the_cache_is_here(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        folder = tmp_path / "models--sentence-transformers--LaBSE" / "snapshots" / "abc"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        rows = json.loads(run("protocols", "--format", "json").stdout)
        assert {row["model"] for row in rows if row["here"] == "yes"} == {"encoder", "sentence-transformers/LaBSE"}


class TestRefusals:
    def test_lines_that_do_not_match(self, files):
        (files / "short.txt").write_text("\n".join(KIND[:3]))
        assert refused("score", "--sources", "s.txt", "--predictions", "short.txt") == (
            "short.txt (predictions) has 3 lines and s.txt (sources) has 4 lines; "
            "line 4 of s.txt is the first without a partner"
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("score", "`--predictions` must name at least one file"),
            ("score absent.txt", "absent.txt: there is no such file"),
            ("score kind.txt --protocol emnlp", "`protocol` must be one of embedded, krishna2020"),
            ("score kind.txt --seed one", "Invalid value for '--seed'"),
            ("score kind.txt --batch-size 0", "`batch_size` must be at least 1"),
            ("score kind.txt --style-model ./none", "`style_model` must be a Hub id or an existing folder"),
            ("score kind.txt --fail-under x=1", "`--fail-under` must be one of sta, nontoxic_share, sim, fl, j"),
            ("score kind.txt --fail-under j=high", "`--fail-under j=` must be followed by a number; got 'j=high'"),
            ("score kind.txt --fail-under sta=nan", "`--fail-under sta=` must be followed by a number"),
            ("score kind.txt --fail-under j=0.5", "`--fail-under` names j, which needs sources"),
            ("score kind.txt --against absent.json", "absent.json: cannot be read (No such file or directory)"),
            ("score kind.txt --against kind.txt", "kind.txt: `text` must be a saved comparison; got text that is not"),
            ("score kind.txt --segments x.xlsx", "`--segments` must end in one of .jsonl, .csv, .tsv, .parquet"),
            ("score kind.txt --report no/r.html", "`--report` must lie in an existing folder; got 'no/r.html'"),
            ("score kind.txt --output kind.txt", "`--output` must not overwrite an input; got 'kind.txt'"),
            ("compare kind.txt --sources s.txt", "compare needs two or more systems; got kind"),
            ("compare kind.txt copy.txt --baseline x", "`--baseline` must be one of ['kind', 'copy']; got 'x'"),
            ("report kind.txt", "kind.txt: `text` must be a saved comparison"),
            ("score kind.txt --stream out --sources s.txt", "`--sources` does not go with `--stream`"),
        ],
    )
    def test_one_line_and_no_model(self, files, monkeypatch, arguments, message):
        monkeypatch.setattr("toxicity_j.scorer.Scorer.score", None)  # not reached
        assert message in refused(*arguments.split())

    def test_tsv_segments_cannot_hold_tabs(self, files):
        (files / "tab.jsonl").write_text(json.dumps({"out": "a\tb"}) + "\n")
        assert "segment 0 of tab has a tab or a line break" in refused("score", "tab.jsonl", "--segments", "x.tsv")

    def test_an_error_that_nobody_foresaw_is_a_line_too(self, files, monkeypatch):
        def broken(*_):
            raise KeyError("left\nover")

        monkeypatch.setattr("toxicity_j.cli_run.run", broken)
        assert refused("score", "kind.txt") == "KeyError: 'left\\nover' (set TOXICITY_J_DEBUG=1 to see where)"
        monkeypatch.setenv(cli_program.DEBUG, "1")
        assert isinstance(run("score", "kind.txt").exception, KeyError)

    def test_ctrl_c(self, files, monkeypatch, capsys):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("toxicity_j.cli_run.run", interrupted)
        assert run("score", "kind.txt").exit_code == 130
