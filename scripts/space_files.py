"""Build the folder of a Hub Space from a checkout.

`evaluate.load("org/name")` reads `name.py` and its siblings at a Space's root. The page
and `pip install git+https://...` need the package's folder. So the Space is the tracked
tree, plus a flat copy of the module and its weights at the root: Python takes a folder
with `__init__.py` before a file of the same name, and the Hub stores equal files once.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HUB = "https://huggingface.co/spaces"
PACKAGE = "toxicity_j"
# Not of use to a visitor of the Space.
LEFT_OUT = (".ci/", ".gitignore", ".pre-commit-config.yaml")
# torch's default wheel for Linux brings GBs of CUDA libraries; a Space without a GPU
# takes the CPU wheel.
CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu"
# What the page uses besides what the module needs; gradio comes from `sdk_version` in
# the card.
PAGE_REQUIREMENTS = ("matplotlib", "jinja2", "pandas", "pyarrow")

# The lines by which evaluate finds siblings.
_SIBLING = re.compile(r"^from \.(\w+) import", re.MULTILINE)
# A Markdown link or image: the text, then an address without white space.
_LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(([^)\s]+)\)")


class PublishError(Exception):
    """The release cannot be published; the message says why in one line."""


def tracked_files(root: Path = ROOT) -> list[str]:
    """Return the paths of the tracked files, relative to `root`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    # The list ends in a separator, so its last part is empty.
    paths = filter(None, listed.stdout.split("\0"))
    return [path for path in paths if not path.startswith(LEFT_OUT)]


def flat_files(root: Path = ROOT) -> list[str]:
    """Return the names of the module's script, of its siblings and of the weights."""
    folder = root / PACKAGE
    main = f"{PACKAGE}.py"
    script = (folder / main).read_text(encoding="utf-8")
    # Once each, in the order of the imports.
    names = dict.fromkeys(_SIBLING.findall(script))
    siblings = [f"{name}.py" for name in names]
    weights = sorted(path.name for path in folder.glob("*.safetensors"))
    return [main, *siblings, *weights]


def build_space(out: Path, repo_id: str, revision: str, root: Path = ROOT) -> list[str]:
    """Write the Space's files to `out` and return their paths.

    Args:
        out: a folder that is new or empty.
        repo_id: "org/name" of the Space, to which the card's links lead.
        revision: the tag to which the card's links lead.
        root: the checkout.

    Raises:
        PublishError: `out` holds files, or the card links to a file that is not in the
            Space.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise PublishError(f"`out` must be an empty folder; {out} holds files")
    for path in tracked_files(root):
        _copy(root / path, out / path)
    for name in flat_files(root):
        _copy(root / PACKAGE / name, out / name)
    card = (root / "README.md").read_text(encoding="utf-8")
    card = absolute_links(card, repo_id, revision, out)
    (out / "README.md").write_text(card, encoding="utf-8")
    requirements = (root / "requirements.txt").read_text(encoding="utf-8")
    extra = "\n".join(PAGE_REQUIREMENTS)
    (out / "requirements.txt").write_text(
        f"{CPU_WHEELS}\n{requirements}{extra}\n", encoding="utf-8"
    )
    written = filter(Path.is_file, out.rglob("*"))
    return sorted(str(path.relative_to(out)) for path in written)


def absolute_links(card: str, repo_id: str, revision: str, folder: Path) -> str:
    """Return a card whose links to files lead to the Hub.

    Raises:
        PublishError: a link's file is not in `folder`.
    """

    def absolute(match: re.Match[str]) -> str:
        image, text, address = match.groups()
        if re.match(r"[a-z]+:|#", address):
            return match[0]
        path, _, anchor = address.partition("#")
        if not (folder / path).exists():
            raise PublishError(
                f"README.md links to {path}, which is not a tracked file"
            )
        # The Hub has other addresses for folders, for files and for an image's bytes.
        view = "blob"
        if image:
            view = "resolve"
        if (folder / path).is_dir():
            view = "tree"
        target = f"{HUB}/{repo_id}/{view}/{revision}/{path}"
        if anchor:
            target += f"#{anchor}"
        return f"{image}[{text}]({target})"

    return _LINK.sub(absolute, card)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
