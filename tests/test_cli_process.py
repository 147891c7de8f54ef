"""The command line as a process: pipes, standard input, signals, exit codes, and what a
cold start imports.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "toxicity_j"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}
# What neither the command line nor the built-in models need.
HEAVY = (
    "evaluate",
    "datasets",
    "transformers",
    "scipy.stats",
    "pandas",
    "sklearn",
    "sentence_transformers",
    "matplotlib",
    "torch",
    "torch._dynamo",  # the meta device imports it, and SymPy
    "sympy",
)


def run(*arguments: str, folder: Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text(
        "Please be quiet.\nYou silly fool.\n" * 10, encoding="utf-8"
    )
    (tmp_path / "s.txt").write_text(
        "Be quiet, fool.\nYou silly old fool.\n" * 10, encoding="utf-8"
    )
    return tmp_path


# Runs a command in a fresh process and prints which heavy modules it has imported by
# its end.
_IMPORTS = """
import atexit, sys
atexit.register(lambda: print("imported:", *[name for name in sys.argv[1].split() if name in sys.modules], flush=True))
from toxicity_j.cli import app
app(sys.argv[2:])
"""


def imported(
    *arguments: str, folder: Path
) -> tuple[set[str], subprocess.CompletedProcess]:
    """Run a command, and return the modules of `HEAVY` that it has imported, and the
    process.
    """
    process = subprocess.run(
        [sys.executable, "-c", _IMPORTS, " ".join(HEAVY), *arguments],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return set(process.stdout.splitlines()[-1].split()[1:]), process


def test_the_identifier_starts_without_torch(folder):
    modules, process = imported(
        "score", "a.txt", "--style-model", "identifier", folder=folder
    )
    assert modules == set()
    assert "style:identifier@" in process.stdout


def test_the_encoder_starts_with_torch_alone_and_shows_no_bars_in_a_pipe(folder):
    modules, process = imported("score", "a.txt", "--sources", "s.txt", folder=folder)
    assert modules == {"torch"}
    assert process.stderr == ""
    assert "\x1b" not in process.stdout
    assert "Signature: j:embedded" in process.stdout


def test_listing_protocols_needs_no_model(folder):
    assert imported("protocols", folder=folder)[0] == set()


def test_standard_input_and_json(folder):
    done = run(
        "score",
        "-",
        "--style-model",
        "identifier",
        "--format",
        "json",
        folder=folder,
        input="Fine.\nYes.\n" * 5,
    )
    assert done.returncode == 0, done.stderr
    saved = json.loads(done.stdout)
    assert [system["name"] for system in saved["systems"]] == ["stdin"]
    assert saved["n"] == 10


def test_a_reader_that_is_gone_is_no_error(folder):
    command = " ".join(
        [*COMMAND, "score", "a.txt", "--style-model", "identifier", "--format", "json"]
    )
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 1; exit ${{PIPESTATUS[0]}}"],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


def in_shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a line of bash in which `$T` is the command; its exit code is that of the
    first process of its last pipe.
    """
    environment = {**ENVIRONMENT, "T": " ".join(COMMAND), **variables}
    return subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


GATE = "$T score a.txt --style-model identifier --fail-under sta=0.9999"


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX pipes")
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{GATE} 2>&1 | head -1", 1),
        # Closed before anything is printed.
        (f"{GATE} 2>&1 | true", 1),
        (f"{GATE} 2> >(true) | cat", 1),
        (f"{GATE} --output /dev/stdout | true", 1),
        (f"{GATE} >&- 2>&-", 1),
        ("$T score absent.txt 2>&1 | true", 2),
        ("$T score absent.txt >&- 2>&-", 2),
        ("$T --help | true", 0),
    ],
)
def test_a_reader_that_is_gone_leaves_the_exit_code(folder, line, code):
    done = in_shell(line, folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX pipes and devices")
def test_standard_input_that_is_closed(folder):
    done = in_shell("$T score --predictions - <&-", folder)
    assert done.returncode == 2
    assert done.stderr == "toxicity-j: error: -: standard input is closed\n"


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX pipes and devices")
def test_devices_and_pipes_are_written_in_place(folder):
    score = "$T score a.txt --style-model identifier --format csv"
    to_file = f"{{ echo first; {score} --output /dev/stdout; }} >> x.csv; cat x.csv"
    assert in_shell(to_file, folder).stdout.count("system,") == 1
    os.mkfifo(folder / "fifo")
    through = in_shell(f"cat fifo > y.csv & {score} --output fifo; wait", folder)
    assert through.returncode == 0, through.stderr
    assert (folder / "y.csv").read_text().startswith("system,")
    if Path("/dev/full").exists():
        full = in_shell(f"{score} --output /dev/full", folder)
        assert full.returncode == 2
        assert "No space left on device" in full.stderr
    both = f"{score} --output /dev/null --report /dev/null"
    assert in_shell(both, folder).returncode == 0


def test_what_stdout_cannot_encode_is_escaped(folder):
    (folder / "\xe9.txt").write_text("Fine, \u4f60\U0001f642.\n" * 3, encoding="utf-8")
    score = "$T score \xe9.txt --style-model identifier"
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    shown = in_shell(score, folder, **ascii_only)
    assert shown.returncode == 0, shown.stderr
    assert "\\xe9" in shown.stdout
    saved = in_shell(f"{score} --format json", folder, **ascii_only)
    texts = json.loads(saved.stdout)["texts"]["predictions"]
    assert texts == {"\xe9": ["Fine, \u4f60\U0001f642."] * 3}


def test_an_error_is_one_line_and_code_2(folder):
    done = run("score", "a.txt", "--sources", "absent.txt", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "toxicity-j: error: absent.txt: there is no such file\n"


def test_a_damaged_model_is_one_line_too(folder):
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{")
    done = run("score", "a.txt", "--style-model", "./model", folder=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_ends_with_130_and_one_line(folder):
    # Reading it waits, so the process is in the middle of its work.
    os.mkfifo(folder / "slow.txt")
    process = subprocess.Popen(
        [*COMMAND, "score", "slow.txt"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # Returns once the process has opened the other end.
    with (folder / "slow.txt").open("w"):
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.decode() == "toxicity-j: interrupted\n"
