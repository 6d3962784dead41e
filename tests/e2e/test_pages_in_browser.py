"""The pages in a real browser: nothing leaves the origin, nothing is said to the console."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from waitress.server import create_server

from tests.web.page_app import experiment, make_app
from tests.web.report_factory import make_report

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATHS = ["/", "/projects/shop/experiments/shorter-form", "/projects/shop/experiments/trap",
         "/projects/shop/experiments/blocked", "/projects/shop/experiments/empty", "/projects/shop/experiments/idea",
         "/projects/shop/journeys/buy"]  # fmt: skip
RESULT = PATHS[2]

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
playwright_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Serve the pages on a free port."""
    draft = experiment(make_report(), key="idea", title="An idea", state="draft", started_at=None)
    server: Any = create_server(make_app(drafts=[draft]), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start one Chromium for all tests."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium here")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_page_is_quiet_small_and_fits(browser: Any, origin: str, path: str, width: int, scheme: str) -> None:
    """No foreign request, no console message, no sideways scrolling of the page, at most 60 KB."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    requests: list[Any] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfinished", lambda request: requests.append(request))  # noqa: PLW0108  # it marks its listener
    page.goto(origin + path)
    sizes = [request.sizes()["responseBodySize"] for request in requests if request.url.startswith("http")]
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert said == []
    assert all(request.url.startswith((origin, "data:")) for request in requests)
    assert overflow <= 0
    assert sum(sizes) <= 60_000
    context.close()


def test_page_is_whole_without_script(browser: Any, origin: str) -> None:
    """Folds open, charts have their names, rows are rows."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(origin + RESULT)
    page.get_by_text("The rule and its reasons").click()

    assert page.get_by_text("a touchpoint is shown better while the journey is shown worse").is_visible()
    assert page.get_by_role("img", name="Journey completed").count() >= 1
    assert page.get_by_role("rowheader", name="Calls per customer").count() >= 1
    context.close()


def test_dark_theme_recolours_the_charts(browser: Any, origin: str) -> None:
    """The style sheet overrides the colours that the marks carry."""
    colors = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(origin + RESULT)
        colors.append(page.evaluate("getComputedStyle(document.querySelector('.map .c-ink')).fill"))
        context.close()

    assert colors[0] != colors[1]
