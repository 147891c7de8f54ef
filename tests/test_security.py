"""What SECURITY.md promises: no code of others runs, nothing is fetched unasked, no
name leads out of the cache.
"""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import Trace
from toxicity_j import Scorer

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "toxicity_j"
TEXTS = ["you are a silly fool", "fine"]


def spoiled(checkpoint, folder, change):
    """A copy of a checkpoint after `change`."""
    shutil.copytree(checkpoint, folder)
    change(folder)
    return str(folder)


def pickled_only(trace):
    def change(folder):
        for path in folder.rglob("*.safetensors"):
            path.with_name("pytorch_model.bin").write_bytes(pickle.dumps(Trace(trace)))
            path.unlink()

    return change


# --- Pickles


@pytest.mark.parametrize(
    ("argument", "kind", "protocol"),
    [
        ("style_model", "roberta", "embedded"),
        ("fluency_model", "roberta", "embedded"),
        ("content_model", "sentence_transformer", "embedded"),
        ("content_model", "bert", "russe2022"),
    ],
)
def test_pickled_weights_are_never_read(
    argument, kind, protocol, checkpoints, tmp_path
):
    trace = tmp_path / "trace"
    folder = spoiled(checkpoints(kind), tmp_path / "model", pickled_only(trace))
    with pytest.raises((ValueError, OSError), match=f"`{argument}`"):
        Scorer(
            protocol, **{"style_model": "identifier", argument: folder}, device="cpu"
        ).score(TEXTS, TEXTS)
    assert not trace.exists()


def test_a_pickle_beside_safetensors_is_not_read(checkpoints, tmp_path):
    trace = tmp_path / "trace"

    def change(folder):
        for name in ("pytorch_model.bin", "model.pkl", "training_args.bin"):
            (folder / name).write_bytes(pickle.dumps(Trace(trace)))

    folder = spoiled(
        checkpoints("roberta", "labelled", labels=("neutral", "toxic")),
        tmp_path / "model",
        change,
    )
    assert len(Scorer(style_model=folder, device="cpu").score(TEXTS).sta) == 2
    assert not trace.exists()


def test_pickled_layers_of_sentence_transformers_are_refused(checkpoints, tmp_path):
    trace = tmp_path / "trace"

    def change(folder):
        (layer,) = folder.glob("*Dense/model.safetensors")
        layer.with_name("pytorch_model.bin").write_bytes(pickle.dumps(Trace(trace)))
        layer.unlink()

    folder = spoiled(checkpoints("sentence_transformer"), tmp_path / "model", change)
    with pytest.raises(ValueError, match="`content_model`: .*pickle"):
        Scorer(content_model=folder, device="cpu").score(TEXTS, TEXTS)
    assert not trace.exists()


# --- Code in model folders


def remote_code(trace):
    """Names a module of the folder for every Auto class, as models with code of their
    own do.
    """

    def change(folder):
        code = f"""
import os
os.mkdir({str(trace)!r})
class Model: pass
class Config: pass
class Reader: pass
"""
        (folder / "hostile.py").write_text(code)
        classes = {
            "AutoConfig": "hostile.Config",
            "AutoModel": "hostile.Model",
            "AutoModelForSequenceClassification": "hostile.Model",
            "AutoTokenizer": ["hostile.Reader", "hostile.Reader"],
        }
        for name in ("config.json", "tokenizer_config.json"):
            settings = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps({**settings, "auto_map": classes}))

    return change


@pytest.mark.parametrize("known", [True, False])
def test_code_in_a_model_folder_does_not_run(known, checkpoints, tmp_path, monkeypatch):
    # With an answer at hand: without one, transformers would ask at the terminal.
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    trace = tmp_path / "trace"

    def change(folder):
        remote_code(trace)(folder)
        if not known:
            settings = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(
                json.dumps({**settings, "model_type": "hostile"})
            )

    folder = spoiled(
        checkpoints("roberta", "labelled", labels=("neutral", "toxic")),
        tmp_path / "model",
        change,
    )
    for argument, label in (
        ("style_model", {}),
        ("fluency_model", {"fluency_label": 1}),
    ):
        scorer = Scorer(**{argument: folder}, **label, device="cpu")
        if known:
            assert len(scorer.score(TEXTS, TEXTS).sta) == 2
        else:
            with pytest.raises((ValueError, OSError), match=f"`{argument}`"):
                scorer.score(TEXTS, TEXTS)
        assert not trace.exists()


def test_modules_of_others_in_a_sentence_folder_are_refused(checkpoints, tmp_path):
    trace = tmp_path / "trace"

    def change(folder):
        (folder / "hostile.py").write_text(
            f"import os\nos.mkdir({str(trace)!r})\nclass Layer: pass\n"
        )
        modules = json.loads((folder / "modules.json").read_text())
        modules[1]["type"] = "hostile.Layer"
        (folder / "modules.json").write_text(json.dumps(modules))

    folder = spoiled(checkpoints("sentence_transformer"), tmp_path / "model", change)
    with pytest.raises(ValueError, match="`content_model`"):
        Scorer(content_model=folder, device="cpu").score(TEXTS, TEXTS)
    assert not trace.exists()


# --- Names


@pytest.mark.parametrize(
    "name",
    [
        "../../etc",
        "owner/../../name",
        "owner/..",
        "owner//name",
        "/etc/passwd",
        "owner\\name",
        "owner/name@../../main",
        "owner/name@/etc",
        "owner/name@a/../b",
        "owner/name@",
        "owner/name\0",
        "owner/name/more",
        "https://example.org/model",
        "owner/na me",
    ],
)
@pytest.mark.parametrize("argument", ["style_model", "content_model", "fluency_model"])
def test_ids_and_revisions_cannot_leave_the_cache(
    argument, name, tmp_path, monkeypatch
):
    # From a folder above which "../../etc" is no folder: one that exists is a path like
    # any other.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"`{argument}`"):
        Scorer(**{argument: name}).score(TEXTS, TEXTS)


# --- Network

NO_NETWORK = """
import socket, sys
asked = []
def trap(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        asked.append((event, arguments[1:]))
        raise OSError("the network is trapped")
sys.addaudithook(trap)
import toxicity_j
from toxicity_j import Scorer, ToxicityIdentifier, ToxicityLoss, toxicity_reward
texts = ["you are a silly fool", "fine"]
Scorer().score(texts, texts)
Scorer(style_model="identifier").score(texts)
ToxicityIdentifier.from_pretrained().p_toxic(texts)
toxicity_j.load().compute(predictions=texts, sources=texts)
print("asked for:", asked)
try:
    socket.create_connection(("127.0.0.1", 9))
except OSError as error:
    print(error)
"""


def test_built_in_models_open_no_connection(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path),
    }
    command = [sys.executable, "-c", NO_NETWORK]
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    # The last line shows that the trap works.
    assert done.stdout.splitlines()[-2:] == ["asked for: []", "the network is trapped"]


# --- The code itself


def calls():
    """Each call in the package: the file, the line, the function's last name and its
    keywords.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                yield f"{path.name}:{node.lineno}", name, node, ast.unparse(node.func)


def test_the_package_calls_nothing_that_runs_text_or_pickles_of_others():
    for place, name, node, full in calls():
        keywords = {
            keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords
        }
        assert full not in (
            "eval",
            "exec",
            "os.system",
            "os.popen",
            "__import__",
        ), place
        assert keywords.get("shell", "False") == "False", place
        assert keywords.get("trust_remote_code", "False") == "False", place
        if full == "torch.load":
            assert keywords.get("weights_only") == "True", place
        if name in ("loads", "load", "Unpickler") and full.startswith(
            ("pickle", "cloudpickle", "joblib", "dill")
        ):
            # What this package's own processes hand to one another.
            assert place.partition(":")[0] in ("worker.py", "ray.py"), place


def test_transformers_models_are_loaded_by_the_functions_that_check():
    for place, name, _, full in calls():
        if name == "from_pretrained" and "Auto" in full + "auto":
            allowed = (
                "checkpoints.py",
                "tokenization.py",
                "model_xcomet.py",
                "components.py",
                "model_builtin.py",
            )
            own = full.startswith(("ToxicityIdentifier", "Encoder", "cls", "super"))
            assert own or place.partition(":")[0] in allowed, place
