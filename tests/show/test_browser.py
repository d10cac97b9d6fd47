"""The pages in a real browser: they render, complain about nothing, fit a phone, can be read, and ask nobody but us."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from monitor.show.snapshot import SnapshotSource
from tests.servers.browser import Record
from tests.servers.pages import Serve
from tests.show.snapshots import EMPTY, VICTORY, FakeSource, all_wrong, calm, silent

PAGES = [
    (FakeSource(EMPTY), "/", "No seed inboxes yet"),
    (calm(), "/", "All 7 lists are mailing as usual"),
    (all_wrong(), "/", f"No mail seen from {VICTORY} since 6 Jan, 18:22 UTC"),
    (silent(), f"/streams/{VICTORY}", VICTORY),
    (silent(), "/alerts/1", f"No mail seen from {VICTORY} since 6 Jan, 18:22 UTC"),
]
CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3 && n.data.trim());
    if (!text.length || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parse(e instanceof SVGElement ? style.fill : style.color)), light(ground(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push(`${text[0].data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""
"""Texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3)."""


def visit(browser: Browser, url: str, *, width: int = 1200, scheme: str = "light") -> tuple[Page, Record]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light")
    page, record = context.new_page(), Record()
    record.watch(page)
    page.goto(url)
    return page, record


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize(("source", "path", "heading"), PAGES)
def test_a_page_renders_without_complaint_and_without_leaving_loopback(
    browser: Browser, serve: Serve, source: SnapshotSource, path: str, heading: str, width: int, scheme: str
) -> None:
    page, record = visit(browser, serve(source) + path, width=width, scheme=scheme)
    assert page.locator("h1").inner_text() == heading
    assert record.complaints == []
    assert record.hosts == {"127.0.0.1"}
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    page.context.close()


def test_a_foreign_request_would_be_noticed_and_does_not_get_out(browser: Browser, serve: Serve) -> None:
    page, record = visit(browser, serve(calm()))
    page.set_content('<img src="http://foreign.example/x.png">')
    page.wait_for_load_state("networkidle")
    assert "foreign.example" in record.hosts
    assert any("foreign.example" in said for said in record.complaints)
    page.context.close()


def test_the_chart_is_visible_once_in_the_variant_that_fits(browser: Browser, serve: Serve) -> None:
    url = serve(silent())
    for width, shown, hidden in ((1200, "wide", "narrow"), (360, "narrow", "wide")):
        page, _ = visit(browser, url, width=width)
        assert page.locator(f".picture .{shown}").is_visible()
        assert not page.locator(f".picture .{hidden}").is_visible()
        box = page.locator(f".picture .{shown} svg").bounding_box()
        assert box is not None
        assert box["width"] > 0.7 * (width if width < 1152 else 1152) - 80
        page.context.close()


def test_the_page_can_be_walked_with_the_keyboard(browser: Browser, serve: Serve) -> None:
    page, _ = visit(browser, serve(silent()))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim()"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert "GoneQuiet" in names
    assert any(name.startswith("Read what was seen") for name in names)
    assert VICTORY in names
    page.context.close()


def test_everything_that_can_be_seen_has_a_name_for_those_who_listen(browser: Browser, serve: Serve) -> None:
    page, _ = visit(browser, serve(all_wrong()), width=360)
    assert page.evaluate("document.documentElement.lang") == "en"
    unnamed = "[...document.querySelectorAll('[role=img]')].filter(e => !e.getAttribute('aria-label')).length"
    assert page.evaluate(unnamed) == 0
    assert page.get_by_role("table").count() == 1
    assert page.get_by_role("row").count() == 8
    assert page.get_by_role("rowheader", name=VICTORY).count() == 1
    assert [page.locator(f"h{level}").count() > 0 for level in (1, 2)] == [True, True]
    page.context.close()


def test_links_lead_from_the_first_page_to_the_alert_and_back(browser: Browser, serve: Serve) -> None:
    page, record = visit(browser, serve(silent()))
    page.get_by_role("link", name="Read what was seen").click()
    assert "What we cannot know" in page.locator("article").inner_text()
    page.get_by_role("link", name=VICTORY).first.click()
    assert page.locator("h1").inner_text() == VICTORY
    page.get_by_role("link", name="GoneQuiet").first.click()
    assert page.get_by_role("table").is_visible()
    assert record.complaints == []
    page.context.close()
