"""What the README shows for pages runs in a real Chromium as it stands, but for address and key."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from abplat.clock import system_clock
from abplat.services import catalogue, experiments
from abplat.services.experiments import Moment
from tests.api.test_decide import CATALOGUE
from tests.e2e.shop import JS, Shop, build_modules, open_shop
from tests.e2e.test_tokens_in_browser import ask, make_token

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NAMES = ("page", "offer", "kiosk")
STUB = "<!doctype html><script>window.showForm = (variant) => { window.shown = variant; };</script>\n"


def define(session: Session) -> None:
    """Define the experiment that the README speaks of."""
    document = copy.deepcopy(CATALOGUE)
    document["experiments"][0]["key"] = "shorter-form"
    now = system_clock()
    catalogue.apply(session, document, now=now)
    experiments.start(session, "shop", "shorter-form", Moment(now))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Start the platform and a shop whose pages are those of the README."""
    text = (JS / "README.md").read_text("utf-8")
    blocks = re.findall(r"```html\n(.+?)```", text, re.DOTALL)
    with open_shop(tmp_path_factory.mktemp("readme"), define) as opened:
        for name, block in zip(NAMES, blocks, strict=True):
            (opened.pages / f"{name}.html").write_text(STUB + make_real(block, opened))
        build_modules(opened.pages / "assets" / "abplat-sdk")
        yield opened


def make_real(block: str, shop: Shop) -> str:
    """Put in address and key, and the patience that a slow machine needs."""
    real = block.replace("https://abplat.example.com", shop.platform_url).replace("abc_...", shop.key)
    return real.replace("client.refresh(1)", "client.refresh(30)").replace("seconds: 1 ", "seconds: 30 ")


@pytest.fixture
def faults(page: Any) -> list[str]:
    """Collect what a page throws."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def is_kind(event: dict[str, Any], kind: str, part: str) -> bool:
    """Say whether an event is of a kind and speaks of somebody or something."""
    return event["kind"].startswith(kind) and part in json.dumps(event)


def test_a_page_works_as_shown(page: Any, shop: Shop, faults: list[str]) -> None:
    """It shows a variant, records the exposure and the quote, and joins the visitor with the customer."""
    page.goto(shop.url + "/page.html")
    page.wait_for_function("window.shown")
    visitor = page.evaluate("document.cookie").partition("abplat_id=")[2].partition(";")[0]

    for kind in ("exposure", "touchpoint", "alias"):
        assert shop.wait_for_event(lambda event, kind=kind: is_kind(event, kind, visitor))
    assert page.evaluate("shown") in {"control", "treatment"}
    assert faults == []


def test_a_link_carries_who_it_is_for_as_shown(page: Any, shop: Shop, faults: list[str]) -> None:
    """The page decides as the customer whom the token names, and the address is clean."""
    hashed = ask(shop, "/v1/decide", {"unit": "cust:1"})["decisions"]["shorter-form"]["variant"]
    page.goto(f"{shop.url}/offer.html#customer={make_token(shop, 'cust:1')}")
    page.wait_for_function("window.offer", timeout=30_000)
    offer = page.evaluate("offer")

    assert (offer["variant"], offer["unit"]) == (hashed, "cust:1")
    assert page.url == f"{shop.url}/offer.html"
    assert faults == []


def test_a_kiosk_works_as_shown(page: Any, shop: Shop, faults: list[str]) -> None:
    """The same card has the same variant, before and after a restart without the platform."""
    page.goto(shop.url + "/kiosk.html")
    page.wait_for_function(
        "window.cardShown && Object.keys(localStorage).some((name) => name.endsWith(':c'))"
    )
    first = page.evaluate("cardShown('5')")
    shop.wait_for_event(lambda event: is_kind(event, "exposure", "loyalty:5"))
    page.context.route(f"{shop.platform_url}/**", lambda route: route.abort())
    page.reload()
    page.wait_for_function("window.cardShown")

    assert page.evaluate("cardShown('5')") == first
    assert faults == []
