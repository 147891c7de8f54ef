"""Compare the two invented systems of `detox_systems.jsonl`, as `python -m toxicity_j
compare` does for any file.

The 36 rude sentences, outputs and references were written for this project.
"""

from __future__ import annotations

from pathlib import Path

import toxicity_j
from toxicity_j.compare.readers import read_columns

BUNDLED = Path(__file__).resolve().parent / "detox_systems.jsonl"


def main() -> None:
    """Print the table, the pair, the verdict and the signature."""
    inputs = read_columns([str(BUNDLED)])
    print(toxicity_j.compare(inputs.systems, inputs.sources).to_text())


if __name__ == "__main__":
    main()
