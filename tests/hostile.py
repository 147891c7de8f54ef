"""An object that shows whether a pickle was opened."""

from __future__ import annotations

import os
from pathlib import Path


class Trace:
    """Pickled, it makes a folder when it is loaded."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)
