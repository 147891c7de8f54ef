"""Writes the SHA-256 of each shipped weight file into toxicity_j/weights.py; run after new weights."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "toxicity_j"


def main() -> None:
    """Rewrites the digests that stand in weights.py."""
    path = PACKAGE / "weights.py"
    text = path.read_text(encoding="utf-8")
    for file in sorted(PACKAGE.glob("*.safetensors")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        text, count = re.subn(rf'("{re.escape(file.name)}": )"[0-9a-f]*"', rf'\1"{digest}"', text)
        print(f"{file.name}  {digest}  {'written' if count else 'NOT NAMED in weights.py'}")
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
