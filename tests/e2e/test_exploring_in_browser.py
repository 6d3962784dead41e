"""The pages on which people find their way, walked through in a real browser as a person would."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waitress.server import create_server

from abplat.clock import to_micros
from abplat.config import Settings
from abplat.facts.moments import keep_moments
from abplat.facts.rows import TouchpointRow
from tests.conftest import FakeClock
from tests.e2e.shop import PATIENCE
from tests.web.shop_app import conclude, keep_report, make_shop_app, start

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
playwright_api = pytest.importorskip("playwright.sync_api")
SHOP = "/projects/shop"
PATHS = [SHOP, f"{SHOP}?state=attention", f"{SHOP}/timeline", f"{SHOP}/metrics?status=draft", f"{SHOP}/metrics/completed", f"{SHOP}/metrics/calls",
         f"{SHOP}/knowledge", f"{SHOP}/customers", f"{SHOP}/quality", f"{SHOP}/sdk", "/glossary"]  # fmt: skip


@pytest.fixture(scope="module")
def origin(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a shop with something on every page."""
    data = tmp_path_factory.mktemp("exploring")
    shutil.copyfile(template, data / "abplat.sqlite3")
    clock = FakeClock()
    app = make_shop_app(Settings(data_dir=data), clock)
    start(app, "shorter-form", days_ago=30)
    start(app, "free-delivery", days_ago=40, stop_after=25)
    keep_report(app, "shorter-form")
    keep_report(app, "free-delivery")
    conclude(app, "free-delivery", "lost", "Free delivery costs more than it brings.", None)
    platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        row = TouchpointRow("e1", "cust:7", "visit", ts_us=to_micros(clock()) - 60_000_000, channel="web")
        keep_moments(session.connection(), "shop", [row])
    server: Any = create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)
    platform.close()


@pytest.fixture(name="said")
def _said() -> list[str]:
    """Return what the console says."""
    return []


@pytest.fixture(name="visit")
def _visit(chromium: Any, origin: str, said: list[str]) -> Iterator[Any]:
    """Return a page that reports its console, in a phone of the night."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 800}, color_scheme="dark", java_script_enabled=True, base_url=origin
    )
    context.set_default_timeout(PATIENCE * 1_000)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    page.on("request", lambda request: request.url.startswith((origin, "data:")) or said.append(request.url))
    yield page
    context.close()


def test_every_page_is_quiet_small_and_fits(visit: Any, said: list[str]) -> None:
    """No console message, no foreign request, no sideways scrolling at 390 pixels, at most 60 KB."""
    sizes: list[int] = []
    visit.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    for path in PATHS:
        sizes.clear()
        visit.goto(path)
        overflow = visit.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

        assert overflow <= 0, path
        assert sum(sizes) <= 60_000, path
        assert visit.locator("h1").count() == 1, path
    assert said == []


def test_the_menu_leads_to_every_page(visit: Any, said: list[str]) -> None:
    """By its links, each marked as the present one when it is."""
    visit.goto(SHOP)
    for name in ("Timeline", "Metrics", "Learned", "Customers", "Quality", "Connect", "Glossary"):
        if not visit.get_by_role("navigation", name="Main").get_by_role("link", name=name).count():
            visit.goto(SHOP)
        visit.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
        visit.wait_for_load_state()

        assert visit.locator("main h1").is_visible(), name
    assert said == []


def test_a_reader_searches_and_follows_a_word_to_its_meaning(visit: Any, said: list[str]) -> None:
    """From the list by the keyboard alone to the glossary."""
    visit.goto(SHOP)
    visit.get_by_label("Search").focus()
    visit.keyboard.type("shorter")
    visit.keyboard.press("Enter")
    visit.wait_for_url("**q=shorter**")

    assert visit.get_by_role("rowheader", name="Shorter form").is_visible()
    assert visit.get_by_role("rowheader", name="Free delivery").count() == 0
    visit.goto(f"{SHOP}/metrics/completed")
    visit.get_by_role("link", name="Divided by").click()
    visit.wait_for_url("**/glossary#denominator")
    assert visit.locator("#denominator").is_visible()
    assert said == []


def test_an_analyst_looks_up_a_customer_and_asks_for_a_copy(visit: Any, said: list[str]) -> None:
    """The id is in no address; erasing and copying are asked once more."""
    visit.goto(f"{SHOP}/customers")
    visit.get_by_label("Any identity").fill("cust:7")
    visit.get_by_role("button", name="Look up").click()

    visit.get_by_role("heading", name="Why do they see what they see?").wait_for()
    assert visit.get_by_text("because chance put them there").first.is_visible()
    assert "cust" not in visit.url.partition("/customers")[2]
    visit.get_by_role("button", name="Make a copy of everything").click()
    visit.get_by_label("Why?").fill("asked by letter")
    visit.get_by_role("button", name="Make the copy").click()
    visit.get_by_text("waits for the worker").wait_for()
    assert said == []


def test_a_metric_is_certified(visit: Any, said: list[str]) -> None:
    """By the keyboard; the list finds it by its standing, and a note that wants to do harm is text."""
    visit.goto(f"{SHOP}/metrics/calls")
    visit.get_by_text("Certify or retire it").press("Enter")
    visit.locator("#f-status").select_option("certified")
    visit.locator("#f-note").fill("<script>alert(1)</script>{{7*7}}")
    visit.locator("#f-note").press("Enter")
    visit.get_by_text("Version 1 was certified by").wait_for()

    assert visit.locator("blockquote", has_text="<script>alert(1)</script>{{7*7}}").is_visible()
    visit.goto(f"{SHOP}/metrics?status=certified")
    assert visit.locator("tbody tr").count() == 1
    assert said == []


def test_a_key_is_made_and_filled_in(visit: Any, said: list[str]) -> None:
    """Shown once; then one waits for the first event without any script."""
    visit.goto(f"{SHOP}/sdk")
    visit.get_by_label("Client key", exact=False).check()
    visit.get_by_role("button", name="Make it and fill it in below").click()
    visit.get_by_text("shown once").wait_for()
    token = visit.locator(".token").inner_text()
    visit.get_by_text("A page, with one script file").click()

    assert token in visit.locator("pre", has_text="abplat.createClient").inner_text()
    visit.get_by_role("link", name="Keep looking until all are heard of").click()
    visit.get_by_text("Looking again every 10 seconds").wait_for()
    assert token not in visit.content()
    assert said == []


def test_what_was_learned_is_found_without_script(chromium: Any, origin: str) -> None:
    """And leads to what resembles it."""
    context = chromium.new_context(java_script_enabled=False, base_url=origin)
    page = context.new_page()
    page.goto(f"{SHOP}/experiments/shorter-form")
    page.get_by_role("link", name="Similar past experiments").click()
    page.wait_for_url("**/knowledge?like=shorter-form")

    assert page.get_by_role("heading", name="Free delivery").is_visible()
    page.goto(f"{SHOP}/timeline")
    page.get_by_text("Show as table").click()
    assert page.get_by_role("row", name="Shorter form").is_visible()
    context.close()
