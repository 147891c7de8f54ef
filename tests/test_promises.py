"""Each test that docs/reliability.md and SECURITY.md name as what holds a promise is
there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# `test_file.py::test_name[case]`; without a file, the test is in the file named before
# it.
NAMED = re.compile(r"`(test_\w+\.py)?(?:::(test_\w+))?(?:\[\w+\])?`")


@pytest.mark.parametrize("page", ["docs/reliability.md", "SECURITY.md"])
def test_each_test_that_a_promise_names_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    names = [(file, test) for file, test in NAMED.findall(text) if file or test]
    assert len(names) > 10
    current = ""
    for file, test in names:
        current = file or current
        source = (ROOT / "tests" / current).read_text(encoding="utf-8")
        assert not test or f"\ndef {test}(" in source, f"{page}: {current}::{test}"
