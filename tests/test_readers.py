"""Files become columns: each format, each shared task, each way in which files can fail
to match.
"""

from __future__ import annotations

import csv
import json

import pytest

from toxicity_j.compare.readers import ColumnNames, Inputs, ReaderError, read_columns
from toxicity_j.compare.tables import read_header, read_table

SOURCES = ["This d*mn bus is late.", "Be quiet, you fool.", "What a stupid plan."]
KIND = ["This bus is late.", "Please be quiet.", "This plan does not help."]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes bytes, text, lines or JSON rows to a file of the folder
    that it makes the current one.
    """
    monkeypatch.chdir(tmp_path)

    def put(name: str, content) -> str:
        if isinstance(content, list):
            content = "".join(
                (row if isinstance(row, str) else json.dumps(row)) + "\n"
                for row in content
            )
        (tmp_path / name).write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
        return name

    return put


def fails(match: str | None, *arguments, **options) -> str:
    """Return the message of a ReaderError, which is one line."""
    with pytest.raises(ReaderError, match=match) as caught:
        read_columns(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestPlainText:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_endings_and_a_missing_last_one(self, write, end):
        # No newline at the end: still three lines.
        path = write("a.txt", end.join(KIND))
        assert read_columns([path]).systems == {"a": KIND}

    def test_a_byte_order_mark_is_not_text(self, write):
        assert read_columns([write("a.txt", b"\xef\xbb\xbffirst\nsecond\n")]).systems[
            "a"
        ] == ["first", "second"]

    def test_other_separators_stay_inside_their_line(self, write):
        # str.splitlines() would see four lines here.
        assert read_columns(
            [write("a.txt", "one\u2028two\x0cthree\x85four\n")]
        ).systems["a"] == ["one\u2028two\x0cthree\x85four"]

    def test_blank_lines_are_segments(self, write):
        assert read_columns([write("a.txt", "\nfirst\n\n")]).systems["a"] == [
            "",
            "first",
            "",
        ]

    def test_a_file_without_a_last_newline_is_told(self, write):
        # Scripts that use readlines() score "b\n" in one file and "b" in the other.
        sources, with_it, without = (
            write("s.txt", "x\ny"),
            write("a.txt", "a\nb\n"),
            write("b.txt", "a\nb"),
        )
        inputs = read_columns([with_it, without], sources=sources)
        assert inputs.unterminated == {
            "a": ("sources",),
            "b": ("predictions", "sources"),
        }
        assert read_columns([with_it]).unterminated == {}

    def test_invalid_utf8_is_named_by_its_line(self, write):
        message = fails("UTF-8", [write("a.txt", b"fine\nna\xefve\n")])
        assert message == "a.txt, line 2: the text must be UTF-8; got the byte 0xef"

    def test_utf16_is_recognized(self, write):
        fails("looks like UTF-16", [write("a.txt", "first\nsecond\n".encode("utf-16"))])

    def test_empty_missing_and_folder(self, write, tmp_path):
        fails("^a.txt: the file is empty$", [write("a.txt", b"")])
        fails("^a.txt: the file is empty$", [write("a.txt", b"\xef\xbb\xbf")])
        fails("^b.txt: there is no such file$", ["b.txt"])
        (tmp_path / "c").mkdir()
        fails("^c: cannot be read", ["c"])

    def test_standard_input_once(self, write, monkeypatch):
        fails("standard input can be read once", ["-"], sources="-")


class TestTables:
    def test_a_stray_quote_in_tsv_is_a_character(self, write):
        # csv.reader with quoting would read rows 2 and 3 as one.
        rows = ["source\tsystem", 'a "big\tone', '"b\ttwo', 'c"\tthree']
        inputs = read_columns([write("a.tsv", rows)])
        assert inputs.sources == ['a "big', '"b', 'c"']
        assert inputs.systems == {"a": ["one", "two", "three"]}

    def test_tsv_rows_have_the_cells_of_the_header(self, write):
        fails(
            r"^a.tsv, line 3: must have 2 cells as in the header; got 1$",
            [write("a.tsv", ["source\tb", "x\ty", "short"])],
        )

    def test_csv_with_quotes_and_newlines(self, write):
        inputs = read_columns(
            [write("a.csv", 'source,good,bad\n"a, ""b""","c\nd",e\nf,g,h\n')]
        )
        assert inputs.sources == ['a, "b"', "f"]
        assert inputs.systems == {"good": ["c\nd", "g"], "bad": ["e", "h"]}

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_the_header_and_one_row_of_csv(self, write, end):
        lines = ['"source","a', 'b"', '"x', 'y","z"', "u,v", ""]
        table = read_header(write("a.csv", end.join(lines)))
        assert table.columns == {"source": [f"x{end}y"], f"a{end}b": ["z"]}
        assert table.lines == [3]

    @pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
    def test_an_empty_file_has_no_header(self, write, name):
        with pytest.raises(ReaderError, match="the file is empty"):
            read_header(write(name, b""))

    @pytest.mark.parametrize(
        ("name", "header"), [("a.csv", "p"), ("a.tsv", "p\ttoxic_comment")]
    )
    def test_cells_may_be_long(self, write, name, header):
        # More than the csv module allows unless told; another test may have told it.
        csv.field_size_limit(131_072)
        long = "x" * 200_000
        row = "\t".join([long] * len(header.split("\t")))
        assert read_table(write(name, f"{header}\n{row}\n")).columns["p"] == [long]

    def test_an_open_quote_in_csv_is_named_where_it_opens(self, write):
        fails(
            r"^a.csv, line 3: not CSV",
            [write("a.csv", 'source,b\nx,y\n"open,z\nu,v\n')],
        )

    @pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
    def test_header_without_rows_and_doubled_columns(self, write, name):
        comma = "," if name == "a.csv" else "\t"
        fails("has a header but no rows", [write(name, f"source{comma}b\n")])
        fails("the column `b` stands 2 times", [write(name, f"b{comma}b\nx{comma}y\n")])

    def test_json_lines(self, write):
        rows = [
            {"source": s, "references": [s, "r"], "one": k, "n": 3}
            for s, k in zip(SOURCES, KIND, strict=True)
        ]
        inputs = read_columns([write("a.jsonl", rows)])
        assert inputs.sources == SOURCES
        assert inputs.references == [[s, "r"] for s in SOURCES]
        assert inputs.systems == {"a": KIND}  # `n` holds numbers, so it is not a system

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([{"p": "x"}, ""], "a.jsonl, line 2: not JSON (the line is blank)"),
            (
                ['{"p": "x"', "{}"],
                (
                    "a.jsonl, line 1: not JSON (Expecting ',' delimiter: line 1 column"
                    " 10 (char 9))"
                ),
            ),
            ([["x"]], "a.jsonl, line 1: must be a JSON object; got ['x']"),
            (
                [{"p": "x"}, {"q": "y"}],
                "a.jsonl, line 2: `p` is missing; line 1 has it",
            ),
            (
                [{"p": "x"}, {"p": "y", "source": "z"}],
                "a.jsonl, line 2: `source` is missing in line 1",
            ),
            (
                ['{"p": "x"}', '{"p": "y", "p": "z"}'],
                "a.jsonl, line 2: the key `p` stands 2 times",
            ),
            (
                [{"p": "x"}, {"p": None}],
                "a.jsonl, line 2: `p` must be a string; got null",
            ),
            ([{"p": "x"}, {"p": 3}], "a.jsonl, line 2: `p` must be a string; got 3"),
            (
                ['{"p": "\\ud800"}'],
                "a.jsonl, line 1: `p` has a lone surrogate at character 0",
            ),
        ],
    )
    def test_faults_of_json_lines(self, write, rows, message):
        path = write("a.jsonl", rows)
        assert fails(None, [path], names=ColumnNames(predictions=("p",))) == message

    def test_parquet(self, write, tmp_path):
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(
            pyarrow.table({"source": SOURCES, "out": KIND}), tmp_path / "a.parquet"
        )
        inputs = read_columns(["a.parquet"])
        assert (inputs.sources, inputs.systems) == (SOURCES, {"a": KIND})
        fails("^b.parquet: not parquet", [write("b.parquet", b"no table")])
        twice = pyarrow.Table.from_arrays([KIND, KIND], names=["out", "out"])
        parquet.write_table(twice, tmp_path / "c.parquet")
        message = "^c.parquet: the column `out` stands 2 times$"
        fails(message, ["c.parquet"])
        with pytest.raises(ReaderError, match=message):
            read_header("c.parquet")

    def test_columns_by_name(self, write):
        rows = [
            {"q": s, "out": k, "lang_code": "en", "note": "n"}
            for s, k in zip(SOURCES, KIND, strict=True)
        ]
        names = ColumnNames(source="q", predictions=("out",), language="lang_code")
        inputs = read_columns([write("a.jsonl", rows)], names=names)
        expected = Inputs({"a": KIND}, SOURCES, None, ["en"] * 3, inputs.files)
        assert inputs == expected
        fails("no column 'absent'", ["a.jsonl"], names=ColumnNames(source="absent"))
        fails(
            "has no column `x`; its columns are `q`, `out`",
            ["a.jsonl"],
            names=ColumnNames(predictions=("x",)),
        )

    def test_a_format_by_option(self, write):
        path = write("a.dat", [{"out": text} for text in KIND])
        assert read_columns([path], file_format="jsonl").systems == {"a": KIND}

    @pytest.mark.parametrize(("name", "comma"), [("a.csv", ","), ("a.tsv", "\t")])
    def test_columns_of_numbers_are_no_systems(self, write, name, comma):
        rows = ["source,mine,n,share,blank", "q,7,1,.5,", "r,Fine.,,-1e-3, "]
        path = write(name, [row.replace(",", comma) for row in rows])
        systems = {"mine": ["7", "Fine."], "blank": ["", " "]}
        assert read_columns([path]).systems == systems
        names = ColumnNames(predictions=("n",))
        assert read_columns([path], names=names).systems == {"a": ["1", ""]}
        fails("no column of outputs", [write("n.csv", "source,n\nq,1\n")])

    @pytest.mark.parametrize("name", ["id", "ID", "Id"])
    def test_ids_in_any_case(self, write, name):
        first = write("a.csv", f"Prediction,{name}\none,x\ntwo,y\n")
        other = write("b.csv", "id,text\ny,deux\nx,un\n")
        systems = {"a": ["one", "two"], "b": ["un", "deux"]}
        assert read_columns([first, other]).systems == systems
        sources = write("s.csv", f"{name},toxic\ny,Q\nx,P\n")
        assert read_columns([first], sources=sources).systems == {"a": ["two", "one"]}

    def test_two_spellings_of_id(self, write):
        path = write("a.csv", "ID,Id,prediction\nx,1,one\ny,2,two\n")
        other = write("b.csv", "id,prediction\ny,deux\nx,un\n")
        # Neither is the ids, so the rows are matched by place.
        assert read_columns([path, other]).systems["b"] == ["deux", "un"]

    def test_lines_are_those_of_the_file(self, write):
        # The first row spans lines 2 and 3.
        assert read_table(write("a.csv", 'a\n"x\ny"\nz\n')).lines == [2, 4]


class TestSharedTasks:
    def test_clef_2024_is_matched_by_id(self, write):
        ids = ["en-2", "en-0", "en-1"]
        sources = write(
            "in.jsonl",
            [{"id": i, "text": s} for i, s in zip(ids, SOURCES, strict=True)],
        )
        golden = write("gold.jsonl", [{"id": i, "text": "g" + i} for i in sorted(ids)])
        outputs = write(
            "out.jsonl", [{"id": i, "text": "o" + i} for i in reversed(ids)]
        )
        inputs = read_columns([outputs], sources=sources, references=[golden])
        assert inputs.sources == SOURCES
        assert inputs.systems == {"out": ["oen-2", "oen-0", "oen-1"]}
        assert inputs.references == [["gen-2"], ["gen-0"], ["gen-1"]]

    def test_clef_2024_with_a_missing_and_a_doubled_id(self, write):
        sources = write(
            "in.jsonl", [{"id": i, "text": s} for i, s in enumerate(SOURCES)]
        )
        short = write(
            "out.jsonl", [{"id": i, "text": k} for i, k in ((0, "a"), (2, "c"))]
        )
        assert (
            fails(None, [short], sources=sources)
            == "out.jsonl (predictions) has 2 rows and in.jsonl (sources) has 3 rows;"
            " the first that parts is in.jsonl, line 2: its id '1' has no partner in"
            " out.jsonl"
        )
        twice = write("out.jsonl", [{"id": i, "text": "a"} for i in (0, 1, 1)])
        assert (
            fails(None, [twice], sources=sources)
            == "out.jsonl, line 3: the id '1' stands on line 2 too"
        )

    def test_clef_2025_undoes_the_quotes_that_pandas_writes(self, write):
        header = "toxic_sentence\tneutral_sentence\tlang"
        outputs = write(
            "team.tsv",
            [header, '"say ""no"", fool"\t"say ""no"""\ten', "du Trottel\tdu\tde"],
        )
        # The references' rows stand in the other order; the script merges on the
        # sentence.
        golden = write(
            "gold.tsv",
            [header, "du Trottel\tdu da\tde", '"say ""no"", fool"\trefuse\ten'],
        )
        inputs = read_columns([outputs], references=[golden])
        assert inputs.sources == ["du Trottel", 'say "no", fool']
        assert inputs.systems == {"team": ["du", 'say "no"']}
        assert inputs.references == [["du da"], ["refuse"]]
        assert inputs.languages == ["de", "en"]

    def test_clef_2025_repeated_sentences_match_in_order(self, write):
        header = "toxic_sentence\tneutral_sentence\tlang"
        outputs = write("team.tsv", [header, "a\t1\ten", "b\t2\ten", "a\t3\ten"])
        golden = write("gold.tsv", [header, "b\tB\ten", "a\tA1\ten", "a\tA2\ten"])
        inputs = read_columns([outputs], references=[golden])
        # pandas.merge would give five rows.
        assert list(zip(inputs.systems["team"], inputs.references, strict=True)) == [
            ("2", ["B"]),
            ("1", ["A1"]),
            ("3", ["A2"]),
        ]

    def test_a_quote_that_would_swallow_rows_is_an_error(self, write):
        rows = ["toxic_sentence\tneutral_sentence\tlang", 'x\t"open\ten', 'y\tz"\ten']
        path = write("team.tsv", rows)
        fails("^team.tsv, line 2: a cell opens a quote", [path])
        assert read_columns([path], quoting="none").systems["team"] == ['"open', 'z"']

    def test_russe_2022(self, write):
        header = "toxic_comment\tneutral_comment1\tneutral_comment2\tneutral_comment3"
        sources = write(
            "dev.tsv", [header, "ты болван\tты неправ\t\t", "тихо, дурак\tтише\tтихо\t"]
        )
        outputs = write("t5.txt", ["ты неправ", "тихо"])
        inputs = read_columns([outputs], sources=sources)
        assert inputs.sources == ["ты болван", "тихо, дурак"]
        assert inputs.references == [["ты неправ"], ["тише", "тихо"]]
        assert inputs.systems == {"t5": ["ты неправ", "тихо"]}
        empty = write("dev.tsv", [header, "ты болван\t\t\t", "тихо, дурак\tтише\t\t"])
        fails("^dev.tsv, line 2: has no reference$", [outputs], sources=empty)


class TestMatching:
    def test_counts_and_the_first_line_without_a_partner(self, write):
        sources, outputs = write("s.txt", SOURCES), write("a.txt", KIND[:2])
        assert (
            fails(None, [outputs], sources=sources)
            == "a.txt (predictions) has 2 lines and s.txt (sources) has 3 lines; "
            "line 3 of s.txt is the first without a partner"
        )

    def test_blank_lines_at_the_end_are_pointed_at(self, write):
        sources, outputs = write("s.txt", SOURCES), write("a.txt", [*KIND, "", ""])
        assert fails(None, [outputs], sources=sources).endswith(
            "line 4 of a.txt is the first without a partner (2 blank at its end, which"
            " count)"
        )

    def test_a_table_whose_sources_part_from_the_given_ones(self, write):
        rows = [
            {"source": s, "out": k}
            for s, k in zip(["other", *SOURCES[1:]], KIND, strict=True)
        ]
        assert (
            fails(None, [write("a.jsonl", rows)], sources=write("s.txt", SOURCES))
            == "a.jsonl (predictions) has 3 rows and s.txt (sources) has 3 lines; the"
            " first that parts is s.txt, line 1: its source 'This d*mn bus is late.'"
            " has no partner in a.jsonl"
        )

    def test_several_references_and_languages(self, write):
        first, second = (
            write("r1.txt", ["a", "b", "c"]),
            write("r2.txt", ["A", "B", "C"]),
        )
        languages = write("l.txt", ["en", "de", "en"])
        inputs = read_columns(
            [write("a.txt", KIND)], references=[first, second], languages=languages
        )
        assert inputs.references == [["a", "A"], ["b", "B"], ["c", "C"]]
        assert inputs.languages == ["en", "de", "en"]
        assert inputs.sources is None

    def test_names_of_systems(self, write, tmp_path):
        (tmp_path / "x").mkdir()
        paths = [write("a.txt", KIND), write("x/a.txt", KIND), write("b.txt", KIND)]
        assert list(read_columns(paths).systems) == ["a.txt", "x/a.txt", "b"]
        fails("^a.txt: the system is given twice$", ["a.txt", "a.txt"])
        two = [
            write(name, [{"one": "x", "two": "y"}]) for name in ("p.jsonl", "q.jsonl")
        ]
        assert list(read_columns(two).systems) == ["p:one", "p:two", "q:one", "q:two"]

    def test_files_matched_by_id_that_have_other_sources(self, write):
        rows = [{"id": i, "source": s, "out": s} for i, s in enumerate(SOURCES)]
        first = write("a.jsonl", rows)
        assert len(read_columns([first, write("b.jsonl", rows[::-1])]).systems) == 2
        rows[1] = {**rows[1], "source": "Something else."}
        fails(
            r"c.jsonl, line 2: other sources than in a.jsonl",
            [first, write("c.jsonl", rows[::-1])],
        )

    @pytest.mark.parametrize("role", ["predictions", "references", "languages"])
    def test_ids_are_matched_where_the_sources_have_none(self, write, role):
        rows = [{"id": i, "text": k} for i, k in enumerate(KIND)]
        first, other = write("a.jsonl", rows), write("b.jsonl", rows[::-1])
        sources, options = write("s.txt", SOURCES), {"languages": None}
        paths = [first]
        if role == "predictions":
            paths.append(other)
        else:
            options[role] = [other] if role == "references" else other
        # The lines of s.txt could be those of a.jsonl or those of b.jsonl.
        message = (
            ".jsonl in another order; s.txt has no ids, so nothing says which order its"
            " rows have"
        )
        assert fails(None, paths, sources=sources, **options).endswith(message)
        write("b.jsonl", [{"id": i, "text": k} for i, k in enumerate(SOURCES)])
        inputs = read_columns(paths, sources=sources, **options)
        assert inputs.systems["a"] == KIND
        rows[2]["id"] = 7
        write("b.jsonl", rows)
        fails("its id '[27]' has no partner", paths, sources=sources, **options)

    def test_ids_are_matched_through_a_table_with_sources(self, write):
        # c.jsonl, in reverse, has the ids of b.jsonl, which has the sources of s.txt.
        order = (1, 2, 0)
        paths = [
            write("c.jsonl", [{"id": i, "text": KIND[i]} for i in (2, 1, 0)]),
            write(
                "b.jsonl", [{"id": i, "source": SOURCES[i], "out": "x"} for i in order]
            ),
            write("p.txt", ["first", "second", "third"]),
        ]
        inputs = read_columns(paths, sources=write("s.txt", SOURCES))
        assert inputs.sources == SOURCES
        assert inputs.systems["c"] == KIND
        assert inputs.systems["p"] == ["first", "second", "third"]

    def test_a_plain_file_beside_two_orders_of_ids(self, write):
        rows = [{"id": i, "text": k} for i, k in enumerate(KIND)]
        paths = [write("a.jsonl", rows), write("b.jsonl", rows[::-1])]
        assert read_columns(paths).systems == {"a": KIND, "b": KIND}
        assert (
            fails(None, [*paths, write("c.txt", KIND)])
            == "b.jsonl has the ids of a.jsonl in another order; c.txt has no ids, so"
            " nothing says which order its rows have"
        )
        # With sources beside the ids, a plain file has their order.
        for row, source in zip(rows, SOURCES, strict=True):
            row["source"] = source
        inputs = read_columns([write("a.jsonl", rows), "b.jsonl", "c.txt"])
        assert inputs.systems == dict.fromkeys("abc", KIND)

    def test_a_system_whose_first_output_is_null_is_not_left_out(self, write):
        rows = [{"a": None, "b": "x", "n": None}, {"a": "y", "b": "z", "n": 3}]
        fails("line 1: `a` must be a string; got null", [write("n.jsonl", rows)])

    def test_files_that_contradict_each_other(self, write):
        paths = [
            write(n, [{"out": "x", "lang": c}])
            for n, c in (("p.jsonl", "en"), ("q.jsonl", "de"))
        ]
        fails("^q.jsonl, line 1: other languages than in p.jsonl$", paths)

    def test_the_copy_baseline_is_one_file_in_two_roles(self, write):
        path = write("s.txt", SOURCES)
        inputs = read_columns([path], sources=path)
        assert inputs.systems == {"s": SOURCES}
        assert list(inputs.files) == ["s.txt"]

    def test_files_are_digested(self, write):
        # printf 'a\n' | sha256sum
        expected = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
        assert read_columns([write("a.txt", "a\n")]).files == {"a.txt": expected}
