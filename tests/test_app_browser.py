"""The page in a real browser: the app runs as a process of its own, and no request
leaves for another host.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from tests.browser import PHONE, browser, open_page, overflow  # noqa: F401

pytest.importorskip("gradio", reason="the page needs gradio: pip install .[app]")

ROOT = Path(__file__).resolve().parents[1]
# A loaded machine scores slowly; a page that waits longer is broken.
WAIT = 120_000


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a running app, and the folder of its temporary files."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    temporary = tmp_path_factory.mktemp("gradio")
    environment = {
        **os.environ,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(temporary),
    }
    # One thread: on a loaded machine two of them wait for each other.
    environment["OMP_NUM_THREADS"] = "1"
    log = (temporary / "log.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(240):
            assert process.poll() is None, (temporary / "log.txt").read_text()
            try:
                urllib.request.urlopen(url, timeout=5).read()
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        log.close()


@pytest.fixture
def page(address, open_page):  # noqa: F811
    shown = open_page(address)
    shown.set_default_timeout(WAIT)
    ready(shown)
    yield shown
    assert shown.errors == []
    foreign = [
        url for url in shown.requests if not url.startswith((address, "data:", "blob:"))
    ]
    assert foreign == []


def ready(page) -> None:
    """Wait until the first results are shown; the framework drops what is typed in the
    moment before it settles.
    """
    page.wait_for_selector("#results .tj-gauge")
    page.wait_for_timeout(1000)


def write(page, text: str) -> None:
    """Replace the rewrites as a visitor does: click, select all, paste."""
    page.get_by_label("Rewrite, or up to 6").click()
    page.keyboard.press("Control+a")
    if text:
        page.keyboard.insert_text(text)
    else:
        page.keyboard.press("Delete")


def gauges(page) -> dict[str, float]:
    labels = page.eval_on_selector_all(
        "#results .tj-gauge svg",
        "all => all.map(one => one.getAttribute('aria-label'))",
    )
    found = [re.fullmatch(r"(\w+) is (-?[\d.]+) of 1", label) for label in labels]
    return {match[1]: float(match[2]) for match in found}


def systems_tab(page):
    page.get_by_role("tab", name="Systems").click()
    page.wait_for_selector("#compare")


def upload(page, *files: tuple[str, bytes]):
    payload = [
        {"name": name, "mimeType": "text/plain", "buffer": content}
        for name, content in files
    ]
    page.locator("#files input[type=file]").set_input_files(payload)


def compare(page):
    page.locator("#compare").click()
    page.wait_for_selector("#comparison .tj-table")


def test_scores_follow_what_is_typed_and_an_error_keeps_them(page):
    shown = gauges(page)
    assert shown.keys() == {"J", "STA", "SIM", "FL"}
    # J is the product of the three, each shown to two decimals.
    assert shown["J"] == pytest.approx(
        shown["STA"] * shown["SIM"] * shown["FL"], abs=0.02
    )
    write(page, "Shut up, you d*mn fool, the meeting starts at ten.")
    page.wait_for_function(
        "document.querySelector('#results').innerText.includes('the rewrite has the source')"
    )
    copied = gauges(page)
    assert copied["SIM"] == 1
    assert copied["STA"] < shown["STA"]
    write(page, "")
    page.wait_for_selector("#status [role=alert]")
    assert "Write a rewrite" in page.inner_text("#status")
    assert gauges(page) == copied


def test_hostile_markup_is_text(page):
    hostile = (
        '<img src=x onerror="window.hit=1"><script>window.hit=1</script> </textarea>'
    )
    write(page, hostile)
    page.wait_for_function(
        "document.querySelector('#results').innerText.includes('<script>')"
    )
    assert page.evaluate("window.hit") is None
    assert page.locator("#results img").count() == 0
    systems_tab(page)
    upload(
        page,
        (
            "t.csv",
            b'source,"<b onclick=x>A</b>"\n<i>s</i>,<img src=y onerror=window.hit=1>\n',
        ),
    )
    page.wait_for_selector("#many-status:has-text('read')")
    compare(page)
    assert "<img src=y" in page.inner_text("#segments")
    assert page.locator("#segments img, #comparison b[onclick]").count() == 0
    assert page.evaluate("window.hit") is None


def test_several_rewrites_are_ranked_by_keyboard_alone(page):
    button = page.get_by_role("button", name="Four rewrites, ranked")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#results .tj-card")
    assert page.locator("#results .tj-card").count() == 4
    scores = [
        float(text)
        for text in page.locator(
            "#results .tj-card .tj-bar:first-child b"
        ).all_inner_texts()
    ]
    assert scores == sorted(scores, reverse=True)
    page.locator("#results summary").first.focus()
    page.keyboard.press("Enter")
    assert "Words that drive toxicity" in page.inner_text(
        "#results .tj-card:first-child"
    )


def test_edit_compare_and_download(page):
    systems_tab(page)
    cell = page.locator("#table [data-row='0'][data-col='1']").first
    cell.dblclick()
    # On a busy machine the editor opens later, and what is typed before is lost.
    cell.locator("textarea, input").first.wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("Please be silent, the meeting starts at ten.")
    page.keyboard.press("Enter")
    page.wait_for_selector("#table [data-row='0'][data-col='1']:has-text('silent')")
    compare(page)
    assert "Add column" not in page.inner_text("body")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="scores of every row").click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text())))
    # Twelve rows of three systems; the edited cell is what was scored.
    assert len(rows) == 36
    assert rows[0]["rewrite"] == "Please be silent, the meeting starts at ten."
    assert all(0 <= float(row["j"]) <= 1 for row in rows)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="the comparison").click()
    assert json.loads(Path(waiting.value.path()).read_text())
    page.get_by_label("as in the table").check()
    page.wait_for_function(
        "document.querySelector('#segments .tj-number').innerText == 'Row 1'"
    )


def test_uploads_good_bad_and_empty(page):
    systems_tab(page)
    upload(
        page,
        ("sources.txt", b"You fool, it rains.\nStupid door.\n"),
        ("mine.txt", b"It rains.\nThe door.\n"),
    )
    page.wait_for_selector("#many-status:has-text('2 rows were read')")
    compare(page)
    before = page.inner_text("#comparison")
    assert "mine" in before
    upload(page, ("broken.jsonl", b'{"source": \n'))
    page.wait_for_selector("#many-status [role=alert]:has-text('broken.jsonl')")
    assert page.inner_text("#comparison") == before
    page.get_by_role("button", name="Empty table").click()
    page.wait_for_selector("#many-status:has-text('Write or paste')")
    page.locator("#compare").click()
    page.wait_for_selector("#many-status [role=alert]:has-text('The table is empty')")
    assert page.inner_text("#comparison") == before


def test_a_long_job_can_be_canceled(page, address, open_page):  # noqa: F811
    """It shows its progress and delays no other visitor."""
    systems_tab(page)
    # Long in both columns: the job must outlast another visitor's on a machine that is
    # busy with other tests.
    very = "very " * 100
    rows = "".join(
        f"You fool row {number} is {very}wrong.,Row {number} is {very}wrong.\n"
        for number in range(500)
    )
    upload(page, ("long.csv", f"source,mine\n{rows}".encode()))
    page.wait_for_selector("#many-status:has-text('500 rows were read')")
    page.locator("#compare").click()
    page.wait_for_selector("#many-status progress")
    other = open_page(address)
    other.set_default_timeout(WAIT)
    # The other visitor's page scores its example while the long job still runs.
    other.wait_for_selector("#results .tj-gauge")
    assert page.locator("#many-status progress").count() == 1
    page.locator("#cancel").click()
    page.wait_for_selector("#many-status:has-text('Canceled')")
    assert page.locator("#comparison .tj-table").count() == 0


def test_two_visitors_at_once_get_their_own_results(page, address, open_page):  # noqa: F811
    other = open_page(address)
    other.set_default_timeout(WAIT)
    ready(other)
    write(page, "Apples are red.")
    write(other, "Pears are green.")
    page.wait_for_function(
        "document.querySelector('#results').innerText.includes('Apples')"
    )
    other.wait_for_function(
        "document.querySelector('#results').innerText.includes('Pears')"
    )
    assert "Pears" not in page.inner_text("#results")
    assert "Apples" not in other.inner_text("#results")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_shows_everything(address, open_page, dark):  # noqa: F811
    shown = open_page(address, viewport=PHONE, dark=dark)
    shown.set_default_timeout(WAIT)
    shown.wait_for_selector("#results .tj-gauge")
    assert overflow(shown) == 0
    # No number is cut or broken over lines: each gauge shows its value on one line.
    for name in ("Systems", "About", "One sentence"):
        shown.get_by_role("tab", name=name).click()
        assert overflow(shown) == 0
    low = shown.evaluate(_CONTRAST)
    assert low == []
    assert shown.errors == []


def test_the_api_answers_with_numbers(address):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(address, verbose=False, analytics_enabled=False)
    scores = client.predict(
        source="You fool, it rains.", rewrites=["It rains."], api_name="/score"
    )
    assert 0 < scores["j"][0] <= 1
    with pytest.raises(AppError, match="Write a source sentence first"):
        client.predict(source="", rewrites=["It rains."], api_name="/score")
    # Nothing but the named endpoints is offered.
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {
        "/score",
        "/compare",
    }
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                client.predict(
                    systems={"a": ["It rains."]},
                    sources=["You fool, it rains."],
                    api_name="/compare",
                )
            )
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["systems"]["a"]["j"] for result in results] == pytest.approx(
        [scores["j"][0]] * 2, abs=1e-5
    )


# Texts of the page's own parts whose contrast with the nearest painted ground is under
# WCAG AA: 4.5, or 3 if large.
_CONTRAST = """() => {
  const rgb = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const ground = (node) => { const layers = [];
    for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor);
      if (c[3] > 0) layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((low, c) => low.map((v, i) => v * (1 - c[3]) + c[i] * c[3]), [255, 255, 255]); };
  const bad = [];
  for (const node of document.querySelectorAll('.tj *, button, label span, textarea, input')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.offsetParent || node.disabled || node.closest('.disabled')) continue;
    const style = getComputedStyle(node), [a, b] = [light(rgb(style.color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push([node.textContent.trim().slice(0, 30), style.color, ratio.toFixed(2)]);
  }
  return bad;
}"""
