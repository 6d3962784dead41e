"""Who somebody is travels from desk to page and back by a signed token, without a cookie in common."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from abplat.api.sdk_file import VERSION
from tests.e2e.shop import Shop, build_modules, open_shop

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PAGES = pytest.mark.parametrize("path", ["/index.html", "/module.html"], ids=["file", "module"])
FIXED = "{flushSeconds: 600, pollSeconds: 0}"
DECIDE = "client.decide('form', {unit}, {{}}, {{channel: 'web'}})"
ON_PAGE = """
  const token = new URLSearchParams(location.hash.slice(1)).get("customer");
  history.replaceState(null, "", location.pathname);  // nobody copies it with the address
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Start the platform and a shop with the file and with the module."""
    with open_shop(tmp_path_factory.mktemp("tokens")) as opened:
        made = f'createClient("{opened.platform_url}", "{opened.key}", {FIXED})'
        script = f'<script src="{opened.platform_url}/sdk/abplat.js?v={VERSION}"></script>'
        file = f"{script}<script>{ON_PAGE} window.token = token; window.client = abplat.{made}</script>"
        module = f'import {{ createClient }} from "/sdk/browser.js"; {ON_PAGE} window.token = token; window.client = {made}'
        (opened.pages / "index.html").write_text(f"<!doctype html>{file}")
        (opened.pages / "module.html").write_text(f'<!doctype html><script type="module">{module}</script>')
        build_modules(opened.pages / "sdk")
        yield opened


def ask(shop: Shop, path: str, document: dict[str, Any]) -> dict[str, Any]:
    """Ask the platform as an agent's desktop does, with a server key."""
    headers = {"Authorization": f"Bearer {shop.server_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(shop.platform_url + path, json.dumps(document).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def make_token(shop: Shop, unit: str) -> str:
    """Return a signed note of who somebody is."""
    return str(ask(shop, "/v1/identity-tokens", {"id": unit})["identity_token"])


def open_page(page: Any, shop: Shop, path: str, token: str) -> None:
    """Follow a link that carries a token."""
    page.goto(f"{shop.url}/landing.html")
    page.goto(f"{shop.url}{path}#customer={token}")
    page.wait_for_function("window.client")


@PAGES
def test_a_page_takes_over_what_a_customer_met_elsewhere(page: Any, shop: Shop, path: str) -> None:
    """The app has shown a variant; the page, led there by a token, shows the same one to a new visitor."""
    customer = f"cust:app-{path[1]}"
    hashed = ask(shop, "/v1/decide", {"unit": f"{customer}-other"})["decisions"]["form"]["variant"]
    met = "control" if hashed == "treatment" else "treatment"
    ask(
        shop,
        "/v1/identify",
        {"anonymous": f"device:{path[1]}", "known": customer, "assignments": {"form": met}},
    )
    open_page(page, shop, path, make_token(shop, customer))
    known = "null" if "index" in path else f"'{customer}'"
    joined = page.evaluate(
        f"client.identify(client.anonymousId, {known}, {{identityToken: token, channel: 'web', seconds: 30}})"
    )
    unit = "client.anonymousId" if "index" in path else f"'{customer}'"
    page.evaluate(DECIDE.format(unit=unit))
    page.evaluate("client.refresh(30)")
    decided = page.evaluate(DECIDE.format(unit=unit))

    assert joined
    assert (decided["variant"], decided["reason"], decided["unit"]) == (met, "pinned", customer)
    assert decided["payload"]["fields"] == {"control": 9, "treatment": 3}[met]
    assert "customer" not in page.url
    visitor = page.evaluate("client.anonymousId")
    assert shop.wait_for_event(
        lambda event: event["kind"].startswith("alias") and visitor in json.dumps(event)
    )


@PAGES
def test_the_desk_takes_over_what_a_page_has_shown(page: Any, shop: Shop, path: str) -> None:
    """The visitor has seen a variant, then follows a link from the app: nothing changes, and the agent sees it."""
    customer = f"cust:desk-{path[1]}"
    open_page(page, shop, path, make_token(shop, customer))
    page.evaluate(DECIDE.format(unit="client.anonymousId"))
    assert page.evaluate("client.refresh(30)")
    seen = page.evaluate(DECIDE.format(unit="client.anonymousId"))
    page.evaluate(f"client.expose({DECIDE.format(unit='client.anonymousId')}, {{channel: 'web'}})")
    assert page.evaluate(
        f"client.identify(client.anonymousId, '{customer}', {{identityToken: token, seconds: 30}})"
    )
    kept = page.evaluate(DECIDE.format(unit=f"'{customer}'"))
    context = ask(shop, "/v1/context", {"id": customer, "channel": "web"})

    assert kept["variant"] == seen["variant"]
    assert context["pins"] == {"form": seen["variant"]}
    assert page.evaluate("client.anonymousId") in context["joined"]


@PAGES
def test_a_bad_token_changes_nothing(page: Any, shop: Shop, path: str) -> None:
    """It is refused and counted, and the visitor stays who it was."""
    token = make_token(shop, f"cust:bad-{path[1]}")
    open_page(page, shop, path, token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))
    page.evaluate(DECIDE.format(unit="client.anonymousId"))
    assert page.evaluate("client.refresh(30)")
    page.evaluate("client.identify(client.anonymousId, null, {identityToken: token, seconds: 30})")
    page.evaluate("client.refresh(30)")
    decided = page.evaluate(DECIDE.format(unit="client.anonymousId"))

    assert page.evaluate("client.stats().refused") == 1
    assert decided["unit"] == page.evaluate("client.anonymousId")
    assert ask(shop, "/v1/context", {"id": f"cust:bad-{path[1]}"})["joined"] in ([], [f"cust:bad-{path[1]}"])
