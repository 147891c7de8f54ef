"""Corpora in shards: the scores of one call, whatever the format, the window or the
number of processes.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from tests.stub import Stub, segments
from toxicity_j.columns import BLOCK
from toxicity_j.compare.intervals import share_interval
from toxicity_j.scale import ShardError, WorkerError, read_shards, score_dataset
from toxicity_j.scale.aggregate import intervals, joint_signature
from toxicity_j.scale.arguments import check_workers
from toxicity_j.scale.inputs import Rows
from toxicity_j.scale.pool import Pool
from toxicity_j.scale.progress import Progress, duration
from toxicity_j.scale.sums import ExactSum

# A comma, quotes, a line break, another script and an emoji: what formats get wrong.
PREDICTIONS = [f'text {i}, "quoted"\nnext line, тест 🙂' for i in range(250)]
SOURCES = [f"source {i % 7}" for i in range(250)]


def expected(predictions=PREDICTIONS, sources=SOURCES, languages=None):
    """What one call over all rows gives."""
    scores = replace(segments(predictions, sources), languages=languages).corpus()
    return {name: value for name, value in scores.items() if name != "signature"}


def write_json_lines(path, predictions=PREDICTIONS, sources=SOURCES, **more):
    columns = {"predictions": predictions, "sources": sources, **more}
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def inputs(kind, folder):
    """The same 250 rows in each format."""
    from datasets import Dataset

    table = {"id": list(range(250)), "sources": SOURCES, "predictions": PREDICTIONS}
    if kind == "json lines":
        return write_json_lines(folder / "rows.jsonl")
    if kind == "csv":
        with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(
                [list(table), *zip(*table.values(), strict=True)]
            )
        return folder / "rows.csv"
    if kind == "parquet":
        pyarrow.parquet.write_table(
            pyarrow.table(table), folder / "rows.parquet", row_group_size=99
        )
        return folder / "rows.parquet"
    dataset = Dataset.from_dict(table)
    return dataset.to_iterable_dataset() if kind == "iterable" else dataset


@pytest.mark.parametrize("window", [7, 250, BLOCK, BLOCK + 1])
@pytest.mark.parametrize(
    "kind", ["json lines", "csv", "parquet", "dataset", "iterable"]
)
def test_same_scores_as_one_call(kind, window, tmp_path):
    found = score_dataset(
        inputs(kind, tmp_path), tmp_path / "out", scorer=Stub(), window=window
    )
    assert {key: found[key] for key in expected()} == expected()  # bit for bit
    shards = read_shards(tmp_path / "out")
    assert len(shards) == math.ceil(250 / window)
    assert np.concatenate([shard.column("row") for shard in shards]).tolist() == list(
        range(250)
    )


def test_tsv_keeps_quotes(tmp_path):
    (tmp_path / "rows.tsv").write_text(
        'sources\tpredictions\n"a\tb"\n', encoding="utf-8"
    )
    (unit,) = Rows(
        tmp_path / "rows.tsv", {"predictions": "predictions", "sources": "sources"}
    ).units(10)
    assert unit.columns == {"predictions": ['b"'], "sources": ['"a']}


def test_tsv_of_the_shared_tasks_is_read_as_their_scripts_read_it(tmp_path):
    """As `toxicity-j score` reads it: quotes are undone, and an empty cell is a text."""
    path = tmp_path / "rows.tsv"
    path.write_bytes(b'toxic_sentence\tout\r\n"say ""so"""\tb\r\n\t\r\n')
    (unit,) = Rows(path, {"predictions": "out", "sources": "toxic_sentence"}).units(10)
    assert unit.columns == {"predictions": ["b", ""], "sources": ['say "so"', ""]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.tsv",
            'toxic_comment\tpredictions\n"open\tb\n',
            'line 2: a cell opens a quote (") that does not close on its line',
        ),
        ("a.tsv", "sources\tpredictions\na\n", "a.tsv:2: 1 cells, the header has 2"),
        (
            "a.jsonl",
            '{"predictions": "b"}\n\n',
            "a.jsonl:2: not JSON (the line is blank)",
        ),
    ],
)
def test_a_line_that_would_be_lost_is_an_error(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, encoding="utf-8")
    rows = Rows(tmp_path / name, {"predictions": "predictions"})
    with pytest.raises(ValueError, match=re.escape(message)):
        list(rows.units(10))


def test_a_blank_line_of_a_csv_is_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("predictions\na\n\nb\n", encoding="utf-8")
    rows = Rows(tmp_path / "a.csv", {"predictions": "predictions"})
    with pytest.raises(ValueError, match="a.csv:3: 0 cells, the header has 1"):
        list(rows.units(10))


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.tsv", "a.TSV", "a.tab", "a.TAB"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_suffixes_are_those_of_files_read_whole(tmp_path, name, end):
    separator = "," if name.lower() == "a.csv" else "\t"
    lines = [["id", "predictions"], ["1", "a"], ["2", "b"], ""]
    text = end.join(separator.join(cells) for cells in lines)
    (tmp_path / name).write_bytes(text.encode())
    for data in (tmp_path / name, tmp_path):
        (unit,) = Rows(data, {"predictions": "predictions"}).units(10)
        assert unit.columns == {"predictions": ["a", "b"]}


def test_line_breaks_in_csv_cells_are_kept(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'predictions\n"a\rb\r\nc\nd"\n')
    (unit,) = Rows(tmp_path / "a.csv", {"predictions": "predictions"}).units(10)
    assert unit.columns == {"predictions": ["a\rb\r\nc\nd"]}


def test_the_suffix_of_parquet_may_be_in_capitals(tmp_path):
    table = pyarrow.table({"predictions": ["a", "b"]})
    pyarrow.parquet.write_table(table, tmp_path / "rows.PARQUET")
    assert Rows(tmp_path, {"predictions": "predictions"}).total == 2


def test_blank_lines_of_a_tsv_are_texts(tmp_path):
    (tmp_path / "a.tsv").write_text("predictions\na\n\nb\n", encoding="utf-8")
    (unit,) = Rows(tmp_path / "a.tsv", {"predictions": "predictions"}).units(10)
    assert unit.columns == {"predictions": ["a", "", "b"]}


def test_files_of_others_stay(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".notes.tmp").write_text("mine")
    left = out / ".scores-000000000000-000000000250.parquet.1.tmp"
    left.write_text("half of a shard")
    score_dataset(write_json_lines(tmp_path / "a.jsonl"), out, scorer=Stub())
    assert (out / ".notes.tmp").read_text() == "mine"
    assert not left.exists()


def test_scores_of_others_are_not_replaced(tmp_path):
    (tmp_path / "scores.json").write_text("{}")
    path = write_json_lines(tmp_path / "a.jsonl")
    with pytest.raises(ShardError, match="holds scores without a manifest"):
        score_dataset(path, tmp_path, scorer=Stub())
    assert (tmp_path / "scores.json").read_text() == "{}"


def test_a_folder_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = write_json_lines(tmp_path / "a.jsonl")
    found = score_dataset(path, "~/out", scorer=Stub())
    assert (tmp_path / "out" / "scores.json").exists()
    assert intervals("~/out") == found["intervals"]


def test_the_file_of_scores_has_the_intervals_of_the_call_and_their_level(tmp_path):
    path, out = write_json_lines(tmp_path / "a.jsonl"), tmp_path / "out"
    usual = score_dataset(path, out, scorer=Stub())
    assert usual["confidence"] == 0.95
    how = {"confidence": 0.5, "n_resamples": 200, "seed": 3}
    found = score_dataset(path, out, scorer=Stub(), **how)
    assert found["confidence"] == 0.5
    assert found["intervals"] == intervals(out, **how) != usual["intervals"]
    saved = json.loads((out / "scores.json").read_text())
    assert saved["confidence"] == 0.5
    assert saved["intervals"]["sta"] == list(found["intervals"]["sta"])
    with pytest.raises(ValueError, match="`confidence` must be in"):
        score_dataset(path, tmp_path / "new", scorer=Stub(), confidence=95)
    assert not (tmp_path / "new").exists()


def test_more_rows_than_a_block_in_two_processes(tmp_path):
    predictions = [f"text {i}" for i in range(2 * BLOCK + 3)]
    sources = predictions[::-1]
    path = write_json_lines(tmp_path / "rows.jsonl", predictions, sources)
    found = score_dataset(path, tmp_path / "out", scorer=Stub(), window=1000, workers=2)
    assert {key: found[key] for key in expected()} == expected(predictions, sources)


@pytest.mark.parametrize(("cores", "most"), [(None, 64), (2, 64), (100, 400)])
def test_the_most_workers(monkeypatch, cores, most):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    check_workers(most, None)
    message = f"`workers` must be at most {most} here; got {most + 1}"
    with pytest.raises(ValueError, match=message):
        check_workers(most + 1, None)


@pytest.mark.parametrize(
    ("kind", "count"), [("parquet", 1), ("dataset", 1), ("csv", 3)]
)
def test_no_more_workers_than_units_where_rows_are_known(
    kind, count, tmp_path, monkeypatch
):
    asked = []

    class Counting(Pool):
        def __init__(self, job, workers, timeout):
            asked.append(workers)
            # One is enough for 250 rows.
            super().__init__(job, 1, timeout)

    monkeypatch.setattr("toxicity_j.scale.stream.Pool", Counting)
    data = inputs(kind, tmp_path)
    found = score_dataset(data, tmp_path / "out", scorer=Stub(), workers=3)
    assert {key: found[key] for key in expected()} == expected()
    assert asked == [count]


def test_languages(tmp_path):
    languages = ["de" if i % 3 else "am" for i in range(250)]
    path = write_json_lines(tmp_path / "rows.jsonl", languages=languages)
    found = score_dataset(
        path, tmp_path / "out", scorer=Stub(), window=40, languages="languages"
    )
    assert found["signature"] == "stub|languages:am,de"
    for key, value in expected(languages=languages).items():
        assert found[key] == value


def test_bits_of_the_identifier_do_not_depend_on_the_run(tmp_path):
    # Batches of other texts move a float32 score by about 4e-8; blocks hold the same
    # texts in each run.
    from toxicity_j import Scorer

    words = [
        "you",
        "are",
        "a",
        "silly",
        "fool",
        "and",
        "the",
        "plan",
        "will",
        "not",
        "work",
        "at",
        "all",
        "today",
    ]
    texts = [
        " ".join(
            words[(i * 7 + k * (i % 5 + 1)) % len(words)] for k in range(i % 11 + 1)
        )
        for i in range(BLOCK + 900)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({"predictions": text}) + "\n" for text in texts),
        encoding="utf-8",
    )
    scorer = Scorer(style_model="identifier", device="cpu")
    score_dataset(path, tmp_path / "out", sources=None, scorer=scorer, window=300)
    found = np.concatenate(
        [shard.column("p_toxic") for shard in read_shards(tmp_path / "out")]
    )
    assert np.array_equal(found, scorer.score(texts).p_toxic)


def test_truncated_texts_are_counted_once_per_text(tmp_path):
    predictions = [*PREDICTIONS[:-2], "a" * 101, "b" * 101]
    path = write_json_lines(tmp_path / "rows.jsonl", predictions)
    found = score_dataset(path, tmp_path / "out", scorer=Stub(), window=40)
    assert found["truncated"] == {"style": 2}
    assert {key: found[key] for key in expected()} == {
        key: value for key, value in expected(predictions).items() if key != "truncated"
    }


def test_a_finished_run_scores_nothing_again(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl")
    first = score_dataset(path, tmp_path / "out", scorer=Stub(), window=40)
    times = {
        shard.path: os.stat(shard.path).st_mtime_ns
        for shard in read_shards(tmp_path / "out")
    }
    assert score_dataset(path, tmp_path / "out", scorer=Stub(), window=40) == first
    assert {path: os.stat(path).st_mtime_ns for path in times} == times
    assert json.loads((tmp_path / "out/scores.json").read_text())["j"] == first["j"]
    with pytest.raises(FileExistsError, match="`resume=True`"):
        score_dataset(path, tmp_path / "out", scorer=Stub(), window=40, resume=False)


def test_a_missing_shard_is_scored_again_and_only_that(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl")
    first = score_dataset(path, tmp_path / "out", scorer=Stub(), window=40)
    shards = read_shards(tmp_path / "out")
    shards[2].path.unlink()
    with pytest.raises(ShardError, match="from 80 on"):
        intervals(tmp_path / "out")
    times = {
        shard.path: os.stat(shard.path).st_mtime_ns
        for shard in shards
        if shard.start != 80
    }
    assert score_dataset(path, tmp_path / "out", scorer=Stub(), window=40) == first
    assert {path: os.stat(path).st_mtime_ns for path in times} == times


def test_another_configuration_input_or_window_is_refused(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl")
    out = tmp_path / "out"
    score_dataset(path, out, scorer=Stub(), window=40)
    with pytest.raises(
        ShardError, match="another signature; there 'stub', here 'other'"
    ):
        score_dataset(path, out, scorer=Stub(signature="other"), window=40)
    with pytest.raises(ShardError, match="another window; there 40, here 41"):
        score_dataset(path, out, scorer=Stub(), window=41)
    with pytest.raises(ShardError, match="another columns"):
        score_dataset(path, out, scorer=Stub(), window=40, sources=None)
    write_json_lines(path, [*PREDICTIONS[:-1], "Text 249"])
    with pytest.raises(ShardError, match="another input"):
        score_dataset(path, out, scorer=Stub(), window=40)


def test_a_changed_text_of_the_same_length_is_noticed(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl")
    score_dataset(path, tmp_path / "out", scorer=Stub(), window=40)
    path.write_bytes(path.read_bytes().replace(b"text 97", b"test 97"))
    with pytest.raises(ValueError, match="`data` has changed: .* rows 80 to 119"):
        score_dataset(path, tmp_path / "out", scorer=Stub(), window=40)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"rows.jsonl:2: not JSON"),
        ("[1]", r"rows.jsonl:2: must be a JSON object; got \[1\]"),
        (
            '{"predictions": "a", "sources": "b", "predictions": "c"}',
            r"rows.jsonl:2: the key `predictions` stands 2 times",
        ),
        (
            '{"predictions": "a"}',
            r"rows.jsonl:2: `sources` is missing; line 1 has it",
        ),
        (
            '{"predictions": "a", "sources": "b", "more": "c"}',
            r"rows.jsonl:2: `more` is missing in line 1",
        ),
    ],
)
def test_a_bad_line_is_named(line, message, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"predictions": "a", "sources": "b"}\n' + line + "\n", encoding="utf-8"
    )
    with pytest.raises(ValueError, match=message):
        score_dataset(path, tmp_path / "out", scorer=Stub())


def test_bad_delimited_files_are_named(tmp_path):
    cases = {
        "cells.csv": (
            b"predictions,sources\na,b\na\n",
            r"cells.csv:3: 1 cells, the header has 2",
        ),
        "bytes.csv": (b"predictions,sources\na,\xff\n", r"bytes.csv:2: not UTF-8"),
        "quote.csv": (b'predictions,sources\na,"b"c\n', r"quote.csv, line 2: not CSV"),
        "zero.csv": (b"", r"zero.csv: there is no column 'predictions'"),
        "none.csv": (b"predictions,sources\n", r"`data` must hold at least one row"),
        "bad.parquet": (b"PAR1", r"bad.parquet is not readable"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            score_dataset(tmp_path / name, tmp_path / f"out-{name}", scorer=Stub())


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_two_columns_of_one_name_are_refused(tmp_path, suffix):
    path, names = tmp_path / f"twice.{suffix}", ["predictions", "predictions"]
    if suffix == "parquet":
        table = pyarrow.Table.from_arrays([["a"], ["b"]], names=names)
        pyarrow.parquet.write_table(table, path)
    else:
        comma = "," if suffix == "csv" else "\t"
        path.write_text(f"{comma.join(names)}\na{comma}b\n")
    message = rf"twice.{suffix}: the column `predictions` stands 2 times"
    with pytest.raises(ValueError, match=message):
        score_dataset(path, tmp_path / "out", sources=None, scorer=Stub())


def test_paths_and_arguments_are_checked(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "empty").mkdir()
    cases = [
        (ValueError, "regular file", {"data": tmp_path / "pipe.jsonl"}),
        (FileNotFoundError, "there is no", {"data": tmp_path / "nothing.csv"}),
        (FileNotFoundError, "holds none", {"data": tmp_path / "empty"}),
        (TypeError, "`data` must be a Dataset", {"data": 3}),
        (ValueError, "`window` must be at least 1", {"window": 0}),
        (TypeError, "`window` must be a whole number", {"window": 1.5}),
        (TypeError, "`workers` must be a whole number", {"workers": True}),
        (ValueError, "`workers` must be at most", {"workers": 100_000}),
        (ValueError, "`timeout` must be above 0", {"timeout": 0}),
        (TypeError, "`sources` must be the name of a column", {"sources": 3}),
        (TypeError, "`soft` is an option of a Scorer", {"soft": True}),
        (TypeError, "`scorer` must be a Scorer", {"scorer": "embedded"}),
        (TypeError, "`out` must be the path of a folder; got None", {"out": None}),
        (ValueError, "`out` must be a folder; got the file", {"out": path}),
    ]
    for kind, message, arguments in cases:
        with pytest.raises(kind, match=message):
            score_dataset(
                **{"data": path, "out": tmp_path / "out", "scorer": Stub(), **arguments}
            )


def test_a_bad_text_is_named_by_its_row(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl", [*PREDICTIONS[:-1], 7])
    with pytest.raises(
        TypeError, match=r"rows 0 to 249 .*`predictions` must hold strings"
    ):
        score_dataset(path, tmp_path / "out", scorer=Stub())


@pytest.mark.parametrize("is_new", [True, False])
def test_an_interrupt_before_the_lock_leaves_no_new_folder(
    tmp_path, monkeypatch, is_new
):
    def interrupted(folder):
        assert folder.is_dir()
        raise KeyboardInterrupt

    monkeypatch.setattr("toxicity_j.scale.stream._only_run", interrupted)
    path, out = write_json_lines(tmp_path / "rows.jsonl"), tmp_path / "out"
    if not is_new:
        out.mkdir()
    with pytest.raises(KeyboardInterrupt):
        score_dataset(path, out, scorer=Stub())
    assert out.exists() is not is_new


@pytest.mark.parametrize("is_new", [True, False])
def test_a_run_that_scores_nothing_leaves_nothing(tmp_path, is_new):
    path, out, two = tmp_path / "rows.jsonl", tmp_path / "out", ["a", "b"]
    if not is_new:
        out.mkdir()
    with pytest.raises(TypeError):
        score_dataset(write_json_lines(path, ["text", 7], two), out, scorer=Stub())
    assert out.exists() is not is_new
    # So the input can be mended.
    longer = write_json_lines(path, ["text", "another text"], two)
    assert score_dataset(longer, out, scorer=Stub())["n"] == 2


def test_a_damaged_shard_is_an_error_that_names_it(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl")
    score_dataset(path, tmp_path / "out", scorer=Stub(), window=100)
    shard = read_shards(tmp_path / "out")[1].path
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(ShardError, match=shard.name):
        score_dataset(path, tmp_path / "out", scorer=Stub(), window=100)


def test_only_one_run_writes_to_a_folder(tmp_path):
    import filelock

    path = write_json_lines(tmp_path / "rows.jsonl")
    (tmp_path / "out").mkdir()
    with (
        filelock.FileLock(tmp_path / "out/.lock"),
        pytest.raises(RuntimeError, match="another run is writing"),
    ):
        score_dataset(path, tmp_path / "out", scorer=Stub())


def test_an_error_in_a_worker_arrives(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl", [*PREDICTIONS[:-1], 7])
    with pytest.raises(TypeError, match=r"rows 0 to 249 .*must hold strings"):
        score_dataset(path, tmp_path / "out", scorer=Stub(), workers=2)


@pytest.mark.parametrize("fault", ["KILL", "STOP"])
def test_a_worker_that_dies_or_hangs_is_replaced(fault, tmp_path):
    (tmp_path / "marks").mkdir()
    predictions = [f"text {i}" for i in range(BLOCK + 50)]
    predictions[BLOCK + 10] = f"{fault} once"
    path = write_json_lines(tmp_path / "rows.jsonl", predictions, predictions)
    timeout = 10 if fault == "STOP" else None
    found = score_dataset(
        path,
        tmp_path / "out",
        scorer=Stub(str(tmp_path / "marks")),
        window=900,
        workers=2,
        timeout=timeout,
    )
    assert len(list((tmp_path / "marks").iterdir())) == 1  # the fault did strike
    assert {key: found[key] for key in expected()} == expected(predictions, predictions)


def test_rows_that_kill_each_worker_end_in_an_error_that_names_them(tmp_path):
    (tmp_path / "marks").mkdir()
    predictions = [f"text {i}" for i in range(BLOCK + 50)]
    predictions[BLOCK + 10] = "KILL always"
    path = write_json_lines(tmp_path / "rows.jsonl", predictions, predictions)
    with pytest.raises(
        WorkerError,
        match=f"rows {BLOCK} to {BLOCK + 49} ended their worker .*signal 9.* 3 times",
    ):
        score_dataset(
            path,
            tmp_path / "out",
            scorer=Stub(str(tmp_path / "marks"), times=9),
            workers=2,
        )


def test_exact_sums_are_those_of_fractions():
    generator = np.random.default_rng(0)
    values = np.concatenate(
        [
            generator.normal(size=500) * 10.0 ** generator.integers(-300, 300, 500),
            [5e-324, -0.0],
        ]
    )
    found = ExactSum()
    for part in np.array_split(values, 7):
        other = ExactSum()
        other.add(part)
        found.merge(other)
    assert Fraction(found.units, 2**1074) == sum(
        Fraction(float(value)) for value in values
    )
    assert found.mean() == math.fsum(values) / len(values)
    with pytest.raises(ValueError, match="must be finite"):
        found.add(np.array([1.0, np.nan]))


def test_intervals_of_many_rows_are_normal(tmp_path, monkeypatch):
    path = write_json_lines(tmp_path / "rows.jsonl")
    score_dataset(path, tmp_path / "out", scorer=Stub(), window=40)
    resampled = intervals(tmp_path / "out")["sta"]
    monkeypatch.setattr("toxicity_j.scale.aggregate.BOOTSTRAP_ROWS", 10)
    sta = segments(PREDICTIONS, SOURCES).sta
    # 1.959964 standard errors to each side of the mean
    margin = 1.959964 * sta.std(ddof=1) / math.sqrt(250)
    normal = intervals(tmp_path / "out")["sta"]
    assert normal == pytest.approx((sta.mean() - margin, sta.mean() + margin), abs=1e-6)
    assert resampled == pytest.approx(normal, abs=margin / 5)


@pytest.mark.parametrize("rows", [10, 250])
def test_intervals_of_decisions_are_wilsons(tmp_path, monkeypatch, rows):
    path = write_json_lines(tmp_path / "rows.jsonl", PREDICTIONS[:rows], SOURCES[:rows])
    score_dataset(path, tmp_path / "out", scorer=Stub(), window=40)
    share = segments(PREDICTIONS[:rows]).nontoxic.mean()
    wilson = pytest.approx(share_interval(share, rows, 0.9))
    assert intervals(tmp_path / "out", confidence=0.9)["nontoxic_share"] == wilson
    monkeypatch.setattr("toxicity_j.scale.aggregate.BOOTSTRAP_ROWS", 1)
    assert intervals(tmp_path / "out", confidence=0.9)["nontoxic_share"] == wilson


def test_few_rows_are_warned_of_once(tmp_path, caplog):
    path = write_json_lines(tmp_path / "rows.jsonl", ["a", "b"], ["c", "d"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score_dataset(path, tmp_path / "out", scorer=Stub())
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.endswith("2 rows are fewer than 6: the intervals are too narrow")


def test_one_row_has_no_intervals(tmp_path):
    path = write_json_lines(tmp_path / "rows.jsonl", ["a"], ["b"])
    assert score_dataset(path, tmp_path / "out", scorer=Stub())["intervals"] == {}


def test_signatures_join_over_the_number_of_references():
    assert (
        joint_signature(["a|references:1-2|b", "a|references:3|b"])
        == "a|references:1-3|b"
    )
    assert joint_signature(["a|references:no", "a|references:no"]) == "a|references:no"
    with pytest.raises(ValueError, match="cannot be joined"):
        joint_signature(["a|x:1", "a|x:2"])


def test_progress_tells_rate_and_time_left():
    now = [100.0]
    progress = Progress(1000, show=False, clock=lambda: now[0])
    progress.skip(200)
    now[0] = 110.0
    progress.update(100)
    # 100 rows in 10 s, 700 to go at 10 rows/s
    assert progress.line() == "300 of 1,000 rows, 10 rows/s, 1 min 10 s left"
    unknown = Progress(None, show=False, clock=lambda: now[0])
    now[0] = 120.0
    unknown.update(100)
    assert unknown.line(0.25) == "100 of about 400 rows, 10 rows/s, 30 s left"
    assert unknown.line() == "100 rows, 10 rows/s"
    assert [duration(x) for x in (0, 59.6, 3600, 100_000)] == [
        "0 s",
        "1 min",
        "1 h",
        "1 d 3 h",
    ]


def test_progress_is_shown_on_stderr(tmp_path, capsys, monkeypatch):
    from functools import partial

    monkeypatch.setattr("toxicity_j.scale.stream.Progress", partial(Progress, every=0))
    path = write_json_lines(tmp_path / "rows.jsonl")
    score_dataset(path, tmp_path / "out", scorer=Stub(), progress=True)
    assert "250 of about 250 rows" in capsys.readouterr().err
