"""Write the SHA-256 of each shipped weight file into toxicity_j/builtin_weights.py; run
after new weights.

python -m training.release
"""

from __future__ import annotations

import re
from pathlib import Path

from toxicity_j.builtin_weights import file_digest

PACKAGE = Path(__file__).resolve().parent.parent / "toxicity_j"
TABLE = "builtin_weights.py"


def write_digests(package: Path = PACKAGE) -> dict[str, str]:
    """Rewrite the digests of the weight files in `package`, and return them.

    Raises:
        ValueError: The table does not name a file that is there.
    """
    path = package / TABLE
    text = path.read_text(encoding="utf-8")
    digests = {}
    for file in sorted(package.glob("*.safetensors")):
        digests[file.name] = file_digest(file)
    for name, digest in digests.items():
        # Behind the name, on this line or in parentheses on the next.
        entry = rf'("{re.escape(name)}":[\s(]*)"[0-9a-f]*"'
        text, count = re.subn(entry, rf'\1"{digest}"', text)
        # A digest that is missing would let damaged weights pass.
        if count != 1:
            raise ValueError(
                f"`{TABLE}` must name {name} once in its digests; it does {count} times"
            )
    path.write_text(text, encoding="utf-8")
    return digests


def main() -> None:
    """Rewrite the digests, and print them."""
    for name, digest in write_digests().items():
        print(f"{name}  {digest}")


if __name__ == "__main__":
    main()
