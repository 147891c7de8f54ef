"""Small checkpoints shared by the tests, built once a session."""

from __future__ import annotations

import os
import signal

# The tests reach no Hub; without this, each load of a model that is missing would wait
# for one. Read when huggingface_hub is imported.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tests that run side by side (`pytest -n 2`) share the cores: one thread each, in their
# child processes too.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest  # noqa: E402

# A shell that runs the tests in the background has them ignore Ctrl-C, and processes
# that they start would do so too.
signal.signal(signal.SIGINT, signal.default_int_handler)

from tests import tiny  # noqa: E402


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A function from a builder's name in `tiny`, a folder name and its arguments to
    the folder of the checkpoint.
    """
    root = tmp_path_factory.mktemp("checkpoints")

    def build(kind: str, name: str | None = None, **arguments):
        folder = root / (name or kind)
        built = getattr(tiny, kind)
        inner = folder / "model" if kind == "sentence_transformer" else folder
        return str(inner if inner.exists() else built(folder, **arguments))

    return build


@pytest.fixture(scope="session")
def english(checkpoints):
    """The three models of the English s-nlp protocols."""
    toxicity = checkpoints("roberta", "toxicity", labels=["neutral", "toxic"], seed=3)
    return {
        "style_model": toxicity,
        "content_model": checkpoints("wieting"),
        "fluency_model": checkpoints("roberta", "cola", seed=4),
    }
