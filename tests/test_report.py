"""The HTML report: what it holds, what it must not let through, and what happens when
one clicks in it.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.browser import DESKTOP, PHONE, browser, open_page, overflow  # noqa: F401
from toxicity_j.compare import Comparison, Texts, compare
from toxicity_j.compare.report import masked_words, render_html
from toxicity_j.results import Segments

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
NAMES = ("careful", "lazy <b>bold</b>")


def of_style(sta):
    """Segments without a source."""
    return Segments(
        sta=sta,
        p_toxic=1 - sta,
        nontoxic=sta,
        sim=None,
        fl=None,
        j=None,
        signature="j:made",
    )


def made(n=60, seed=0):
    """Two systems: STA fails in every tenth output of the second, and its SIM is
    lower.
    """
    generator = np.random.default_rng(seed)
    systems = {}
    for place, name in enumerate(NAMES):
        sta = generator.uniform(0.8, 1, n)
        if place:
            sta[::10] = 0.1
        sim = generator.uniform(0.6 - 0.2 * place, 0.9 - 0.2 * place, n)
        fl = generator.uniform(0.7, 1, n)
        systems[name] = Segments(
            sta=sta,
            p_toxic=1 - sta,
            nontoxic=(sta > 0.5) * 1.0,
            sim=sim,
            fl=fl,
            j=sta * sim * fl,
            signature="j:made|x:y",
        )
    comparison = compare(systems, n_resamples=200)
    sources = [f"You stupid idiots lost parcel {index}." for index in range(n)]
    sources[3] = HOSTILE
    outputs = {
        name: [f"Output {index} of {name}" for index in range(n)] for name in NAMES
    }
    outputs[NAMES[0]][5] = "   "
    return comparison, Texts(
        outputs, sources, [[f"Reference {index}"] for index in range(n)]
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_html(*made()), encoding="utf-8")
    return path.as_uri()


def wait_for_cards(page, count):
    """Wait for a number of cards; the page's policy forbids the evaluation that
    `wait_for_function` needs.
    """
    from playwright.sync_api import expect

    expect(page.locator(".card")).to_have_count(count, timeout=20_000)


def test_the_page_names_no_host():
    page = render_html(*made())
    without_names = page.replace("http://www.w3.org/2000/svg", "").replace(
        "http://www.w3.org/1999/xlink", ""
    )
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!#)", without_names)
    assert "default-src 'none'" in page


def test_the_page_shows_numbers_verdict_and_signature():
    comparison, texts = made()
    page = render_html(comparison, texts)
    best = comparison.systems[0]
    assert f"{best.scores['j'].value:.3f}" in page
    assert "careful is better than lazy &lt;b&gt;bold&lt;/b&gt; on J" in page
    assert "j:made|x:y" in page
    assert page.count("<svg") == 3


def test_the_page_shows_languages_and_their_macro_average():
    sta = np.array([0.5, 0.2, 0.4])
    comparison = compare({"a": of_style(sta)}, languages=["en", "de", "de"])
    values = re.findall(r'"same"><span class="value">(.*?)<', render_html(comparison))
    # de (0.2 + 0.4) / 2, en, and the mean of both.
    assert values == ["0.300", "0.500", "0.400"]


def test_markup_in_names_and_texts_ends_no_element():
    page = render_html(*made())
    assert HOSTILE not in page
    assert "<b>bold</b>" not in page
    # Two script elements: the data and the script.
    assert page.count("</script>") == 2


def test_pages_of_equal_comparisons_are_equal():
    comparison, texts = made()
    assert render_html(comparison, texts) == render_html(
        Comparison.from_json(comparison.to_json()), texts
    )


def test_a_comparison_without_segments_texts_or_sources_has_a_page():
    comparison, _ = made()
    assert "without per-segment scores" not in render_html(comparison)
    bare = replace(
        comparison,
        systems=tuple(replace(system, segments={}) for system in comparison.systems),
    )
    page = render_html(bare)
    assert "without per-segment scores" in page
    assert page.count("<svg") == 2
    style = of_style(np.linspace(0, 1, 8))
    assert "Scores of <bdi>only</bdi>" in render_html(compare({"only": style}))
    first = style.sta[:1]
    one = replace(style, sta=first, p_toxic=first, nontoxic=first)
    assert "1 segment<" in render_html(compare({"only": one}))


def test_a_name_that_looks_like_a_formula_or_is_long_or_foreign_is_drawn():
    style = of_style(np.linspace(0, 1, 8))
    names = ["$x^{", "n" * 300, "名前\x00\x1b", "#000001"]
    page = render_html(compare(dict.fromkeys(names, style)))
    assert "名前" in page
    assert "\x1b" not in re.sub(
        r"<bdi>.*?</bdi>", "", page.split("<main>")[1].split("Which differences")[0]
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (Texts({"other": []}), r"`texts` must be of the systems .* got 'other'"),
        (Texts({"careful": ["x"]}), "`texts` must have 60 outputs of 'careful'; got 1"),
        (Texts({}, ["x"]), "`texts` must have 60 sources; got 1"),
        (Texts({}, None, [["x"]]), "`texts` must have 60 references; got 1"),
    ],
)
def test_texts_of_another_comparison_are_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        render_html(made()[0], texts)


@pytest.mark.parametrize("module", ["matplotlib", "jinja2"])
def test_a_missing_library_is_named_with_its_extra(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install ".\[report\]"'):
        render_html(*made())


def test_masked_words_are_stored_in_a_code_and_read_from_it():
    words = masked_words()
    assert "idiot" in words
    assert all(word == word.lower() for word in words)


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_fits_and_asks_for_nothing(open_page, address, viewport, dark):  # noqa: F811
    page = open_page(address, viewport, dark)
    assert page.errors == []
    assert page.requests == [address]
    assert overflow(page) == 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", background)[:3])
    assert (brightness < 200) is dark


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_clicking_through_the_segments(open_page, address, viewport):  # noqa: F811
    page = open_page(address, viewport)
    cards = page.locator(".card")
    # 60 segments of 2 systems are 120 outputs, 30 per step.
    assert cards.count() == 30
    page.get_by_role("button", name="Show more").click()
    assert cards.count() == 60
    # Worst first: STA 0.1 in 6 outputs of the second system.
    assert "STA 0.100" in cards.first.inner_text()
    page.get_by_label("Failed factor").select_option("sta")
    assert cards.count() == 6
    page.locator("#system").select_option(label="careful")
    assert page.locator("#count").inner_text() == "No output matches."
    page.get_by_label("Failed factor").select_option("")
    page.get_by_label("Order").select_option("file")
    assert "segment 1" in cards.first.inner_text()
    assert "(blank)" in cards.nth(5).inner_text()
    page.get_by_label("Search").fill("PARCEL 17.")
    wait_for_cards(page, 1)
    assert "You s••••• i••••• lost parcel 17." in cards.first.inner_text()
    page.get_by_label("Mask toxic words").uncheck()
    assert "You stupid idiots lost parcel 17." in cards.first.inner_text()
    assert page.errors == []


def test_hostile_markup_is_shown_as_text(open_page, address):  # noqa: F811
    page = open_page(address)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.get_by_label("Search").fill("onerror")
    wait_for_cards(page, 2)
    assert HOSTILE in page.locator(".card dd").first.inner_text()
    assert page.locator("#cards img").count() == 0
    assert dialogs == []


def test_no_other_script_runs_even_if_one_got_in(open_page, address):  # noqa: F811
    page = open_page(address)
    page.evaluate("""() => { const script = document.createElement("script");
        script.textContent = "window.ran = 1"; document.body.append(script); }""")
    page.evaluate("""() => { document.body.insertAdjacentHTML(
        'beforeend', '<img src=x onerror="window.ran = 1">'); }""")
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None


def test_ten_thousand_segments_do_not_freeze_the_page(open_page, tmp_path):  # noqa: F811
    path = tmp_path / "large.html"
    path.write_text(render_html(*made(10_000)), encoding="utf-8")
    page = open_page(path.as_uri())
    assert page.locator(".card").count() == 30
    # The page answers a click while it filters; the limit is for a page that hangs, not
    # for a slow machine.
    started = time.monotonic()
    page.get_by_label("Search").fill("parcel 9999.")
    wait_for_cards(page, 2)
    assert time.monotonic() - started < 20
