#!/usr/bin/env bash
# Run the GPU tests and benchmarks on this machine's first GPU, and write gpu_check.json to $OUT (default: build/gpu).
# Needs torch, transformers, safetensors, tokenizers and pytest; `evaluate` and `datasets` are not needed.
# Each part runs in a process of its own under a time limit; a part that fails leaves its last words in the JSON.
#   SECONDS_TESTS=60 SECONDS_SPEED=100 SECONDS_LOSS=60 SMALL=1 (a dry run) may be set.
set -u
cd "$(dirname "$0")/.."
OUT=${OUT:-build/gpu}
mkdir -p "$OUT"
export OUT HF_HUB_OFFLINE=1 PYTHONPATH=. TOKENIZERS_PARALLELISM=true PYTHONUNBUFFERED=1
PYTHON=${PYTHON:-$(command -v python || command -v python3)}
SMALL_FLAG=${SMALL:+--small}

part() {  # name, seconds, command ...
    local name=$1 limit=$2 start=$SECONDS
    shift 2
    echo "== $name (at most ${limit} s)"
    timeout --kill-after=5 "$limit" "$@" >"$OUT/$name.log" 2>&1
    echo "$name $? $((SECONDS - start))" >>"$OUT/parts.txt"
    tail -n 12 "$OUT/$name.log"
}

rm -f "$OUT/parts.txt"
part machine 40 "$PYTHON" -c "
import torch, transformers, tokenizers, json
print(json.dumps({'torch': torch.__version__, 'cuda': torch.version.cuda, 'transformers': transformers.__version__,
    'gpu': torch.cuda.get_device_name(0) if torch.cuda.is_available() else None}))"
part speed "${SECONDS_SPEED:-100}" "$PYTHON" -m benchmarks.speed --gpu $SMALL_FLAG --out "$OUT"
part tests "${SECONDS_TESTS:-60}" "$PYTHON" -m pytest -q -p no:cacheprovider tests/test_gpu.py
part loss "${SECONDS_LOSS:-60}" "$PYTHON" -m benchmarks.loss --gpu $SMALL_FLAG --out "$OUT"

# The checkpoint that was measured is large and worth nothing.
rm -rf "$OUT/full" "$OUT/small"
"$PYTHON" - <<'PYTHON_END'
import json, os
from pathlib import Path

out = Path(os.environ["OUT"])
report = {}
for line in (out / "parts.txt").read_text().splitlines():
    name, code, seconds = line.split()
    words = (out / f"{name}.log").read_text(errors="replace")
    report[name] = {"exit_code": int(code), "seconds": int(seconds), "last_words": words[-3000:]}
for name in ("speed_gpu", "loss_gpu", "loss"):
    path = out / f"{name}.json"
    if path.is_file():
        try:
            report[f"{name}.json"] = json.loads(path.read_text())
        except ValueError as error:
            report[f"{name}.json"] = f"damaged: {error}"
(out / "gpu_check.json").write_text(json.dumps(report, indent=2) + "\n")
print(f"wrote {out / 'gpu_check.json'}:", {name: part.get("exit_code") for name, part in report.items() if "seconds" in part})
PYTHON_END
