"""Headless Chromium for tests of pages, through Playwright; tests skip where either is
missing.

Use: `from tests.browser import browser, open_page  # noqa: F401`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

# No request of the browser's own, and no sandbox, which containers refuse.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
]

# Viewports: a small phone and a laptop.
PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1280, "height": 900}


def chromium_path() -> str | None:
    """Return the browser's executable: $CHROMIUM, or a Chromium on the path; None where
    there is none.
    """
    named = os.environ.get("CHROMIUM")
    return (
        named
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


# Once per module, not per session: while Playwright's synchronous interface is open,
# its thread has a running event loop, and other tests that call asyncio.run would fail.
@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A headless browser with an empty profile."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed"
    )
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium on the path, nor in $CHROMIUM")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=path, headless=True, args=FLAGS
        )
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser) -> Iterator[Callable]:
    """A function from an address and a viewport to a page, with its failures recorded.

    The page has two more attributes: `errors`, messages of scripts that failed and of
    the console's errors, and `requests`, the addresses that it asked for.
    """
    contexts = []

    def open_(address: str, viewport: dict = DESKTOP, dark: bool = False, **options):
        context = browser.new_context(
            viewport=viewport, color_scheme="dark" if dark else "light", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.errors, page.requests = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type == "error" and page.errors.append(message.text)
            ),
        )
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def overflow(page) -> int:
    """Return by how many pixels the page is wider than its window; 0 where nothing
    scrolls sideways.
    """
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
