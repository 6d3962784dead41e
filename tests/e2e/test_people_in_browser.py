"""People in a real browser: the first start, signing in by keyboard, and every page of theirs, small and dark too."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from waitress.server import create_server

from abplat.app import create_app
from abplat.config import Settings
from abplat.services import approvals, audit, catalogue, comments, links, webhooks
from tests.web.definitions import make_definitions
from tests.web.people_app import PASSWORD, add_person

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
HOSTILE = "<script>alert(1)</script>{{7*7}}\u202e\U0001f600" + "x" * 60
PATHS = (
    "/projects/shop/experiments/idea", "/projects/shop/experiments/idea/ask?action=start", "/projects/shop/approvals",
    "/projects/shop/people", "/projects/shop/audit?verify=1", "/projects/shop/webhooks", "/people", "/people/provider",
    "/account",
)  # fmt: skip

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
playwright_api = pytest.importorskip("playwright.sync_api")


class Place(NamedTuple):
    """A running installation, and a browser whose administrator came by the link."""

    origin: str
    browser: Any
    state: Any


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Serve a shop; become its administrator without script, by keyboard."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no Chromium here")
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("people") / "data"))
    platform = app.extensions["abplat"]
    now = platform.clock()
    with platform.writers.begin() as session:
        link = links.make_first(session, now=now)
        document = make_definitions("idea")
        document["project"]["approvals"] = {"required": ["start"]}
        catalogue.apply(session, document, now=now)
    server: Any = create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    origin = f"http://127.0.0.1:{server.effective_port}"
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{origin}/welcome/{link}")
        page.get_by_label("E-mail address").fill("root@example.com")
        page.get_by_label("Your name").fill(HOSTILE)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{origin}/")
        _fill(app, now)
        yield Place(origin, browser, context.storage_state())
        browser.close()
    server.close()
    thread.join(5)


def _fill(app: Any, now: Any) -> None:
    """Let there be something on every page."""
    add_person(app, "eve", shop="experimenter")
    with app.extensions["abplat"].writers.begin() as session:
        audit.act_as(session, "user:eve@example.com")
        approvals.ask(session, "shop", "idea", {"action": "start", "note": HOSTILE}, now=now)
        comments.add(session, "shop", "idea", {"body": HOSTILE}, now=now)
        webhooks.create(session, "shop", {"url": "https://hooks.example/abplat"}, now=now)
        webhooks.try_out(session, "shop", 1, now=now)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_pages_are_quiet_small_and_fit(place: Place, width: int, scheme: str) -> None:
    """No console message, no dialog, no foreign request, no sideways scrolling, at most 60 KB."""
    context = place.browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, storage_state=place.state
    )
    page = context.new_page()
    said: list[str] = []
    requests: list[Any] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
    page.on("requestfinished", lambda request: requests.append(request))  # noqa: PLW0108  # it marks its listener
    for path in PATHS:
        requests.clear()
        answer = page.goto(place.origin + path)
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        sizes = [each.sizes()["responseBodySize"] for each in requests if each.url.startswith("http")]

        assert (answer.status, overflow) == (200, 0), path
        assert all(each.url.startswith((place.origin, "data:")) for each in requests), path
        assert sum(sizes) <= 60_000, path
    context.close()

    assert said == []


def test_signing_in_and_deciding_takes_a_keyboard_and_no_script(place: Place) -> None:
    """Sign out, come back to where one wanted to go, approve what somebody else asks for."""
    context = place.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{place.origin}/projects/shop/approvals")
    page.get_by_label("E-mail address").fill("root@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{place.origin}/projects/shop/approvals")
    assert page.get_by_text("<script>alert(1)</script>").first.is_visible()
    page.get_by_label("Note").fill("fine")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Approved, waiting to be done").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{place.origin}/sign-in")
    context.close()
