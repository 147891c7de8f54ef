"""Writes the Hub Space: a flat copy of the module, its weights, the app and the card, since `evaluate.load` reads a
Space's root.

Usage: python scripts/make_space.py OUT
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make_space(out: Path) -> list[str]:
    """Copies the Space's files to `out`, a folder that is new or empty, and returns their names.

    Raises:
        FileExistsError: `out` holds files already.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"`out` must be an empty folder; {out} holds files")
    package = ROOT / "toxicity_j"
    files = [path for pattern in ("*.py", "*.safetensors", "*.md") for path in sorted(package.glob(pattern))]
    files = [path for path in files if path.name != "__init__.py"]
    files += [ROOT / name for name in ("app.py", "README.md", "requirements.txt", "LICENSE")]
    for path in files:
        shutil.copyfile(path, out / path.name)
    return [path.name for path in files]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a new or empty folder")
    print("\n".join(make_space(parser.parse_args().out)))


if __name__ == "__main__":
    main()
