"""Each model option takes `@revision`, and the signature names the commit that was
loaded.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from toxicity_j.protocols import PROTOCOLS

ROOT = Path(__file__).resolve().parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"

SCORE = """
import json, sys
from toxicity_j import Scorer
texts = ["a fine day"]
for protocol, options in json.loads(sys.argv[1]).items():
    print(Scorer(protocol, device="cpu", **options).score(texts, texts, references=texts).signature)
"""


def cache_model(cache, model, folder):
    """Lay a checkpoint out as huggingface_hub caches a model; only the revision `v2` is
    there, not `main`.
    """
    repository = cache / f"models--{model.replace('/', '--')}"
    shutil.copytree(folder, repository / "snapshots" / COMMIT, dirs_exist_ok=True)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "v2").write_text(COMMIT)


def published(protocol):
    """Each model option of a protocol with the kind of its model, and the published
    model of the Hub.
    """
    style, content, fluency = protocol.style, protocol.content, protocol.fluency
    yield "style_model", "classifier", style.model
    if style.tokenizer:
        yield "style_tokenizer", "classifier", style.tokenizer
    if content.kind != "wieting":  # its file is not on the Hub
        yield "content_model", content.kind, content.model
    if fluency.model:
        yield "fluency_model", fluency.kind, fluency.model


def test_each_published_model_takes_a_revision(checkpoints, tmp_path):
    folders = {
        "classifier": checkpoints("roberta"),
        "sentence": checkpoints("sentence_transformer"),
        "pooler": checkpoints("bert"),
        "regression": checkpoints("roberta", "roberta_one", num_labels=1),
        "xcomet": checkpoints("xcomet"),
    }
    cases = {}
    for name, protocol in list(PROTOCOLS.items())[1:]:
        cases[name] = (
            {}
            if protocol.content.kind != "wieting"
            else {"content_model": checkpoints("wieting")}
        )
        for option, kind, model in published(protocol):
            cache_model(tmp_path, model, folders[kind])
            cases[name][option] = f"{model}@v2"
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", SCORE, json.dumps(cases)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for signature, options in zip(
        done.stdout.splitlines(), cases.values(), strict=True
    ):
        for model in options.values():
            assert "@v2" not in model or model.replace("@v2", f"@{COMMIT}") in signature
