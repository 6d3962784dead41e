"""OpenFeature's provider for pages, and its subclass, in a real Chromium with real navigation."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.shop import JS, ROOT, Shop, open_shop
from tests.openfeature.definitions import define

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PACKAGES = ROOT / "tests" / "openfeature" / "node_modules"
ENTRY = """
export { OpenFeature, ProviderStatus } from "@openfeature/web-sdk";
export { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
export { AbplatWebProvider } from "./web.mjs";
"""
PAGE = """<!doctype html><title>Shop</title><script type="module">
  import * as openfeature from "/openfeature.js";
  Object.assign(window, openfeature, {
    options: {baseUrl: "%s", headers: [["Authorization", "Bearer %s"]]},
    connect: async (provider, context) => {
      await OpenFeature.setContext({targetingKey: "cust:1", channel: "web", ...context});
      await OpenFeature.setProviderAndWait(provider);
      return (window.flags = OpenFeature.getClient());
    },
  });
  window.isReady = true;
</script>"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Start the platform and a shop whose page has the packages of npm bundled, as a shop would."""
    folder = tmp_path_factory.mktemp("openfeature")
    with open_shop(folder, define) as opened:
        bundle(folder / "workshop", opened.pages / "openfeature.js")
        (opened.pages / "index.html").write_text(PAGE % (opened.platform_url, opened.key))
        yield opened


def bundle(workshop: Path, target: Path) -> None:
    """Make one file for pages of the providers and what they import."""
    assert PACKAGES.is_dir(), "run scripts/prepare test: it installs the npm packages"
    shutil.copytree(JS / "openfeature", workshop)
    (workshop / "node_modules").symlink_to(PACKAGES)
    (workshop / "entry.mjs").write_text(ENTRY)
    esbuild = ["node", JS / "node_modules" / "esbuild" / "bin" / "esbuild", "entry.mjs", "--bundle"]
    subprocess.run(
        [*esbuild, "--format=esm", "--log-level=error", f"--outfile={target}"], cwd=workshop, check=True
    )


def visit(page: Any, shop: Shop) -> None:
    """Open the shop and wait for its script."""
    page.goto(shop.url + "/index.html")
    page.wait_for_function("window.isReady")


def test_every_type_and_reason_arrives_across_origins(page: Any, shop: Shop) -> None:
    """One request after one preflight, and the answers that the reference promises."""
    asked: list[tuple[str, int]] = []
    page.on("response", lambda response: asked.append((response.request.method, response.status)))
    visit(page, shop)
    asked.clear()
    values, details, faults = page.evaluate("""async () => {
      const pins = Object.fromEntries(["shown", "fields", "discount", "headline", "form"].map((flag) => [flag, "treatment"]));
      await connect(new OFREPWebProvider({...options, cacheMode: "disabled"}), {abplatPins: pins});
      const {reason, variant, flagMetadata} = flags.getBooleanDetails("shown", false);
      return [
        [flags.getBooleanValue("shown", false), flags.getNumberValue("fields", 0), flags.getNumberValue("discount", 0),
         flags.getStringValue("headline", "none"), flags.getObjectValue("form", {})],
        [reason, variant, flagMetadata.inExperiment, flagMetadata.experimentId, flags.getBooleanDetails("ended", true).reason,
         flags.getBooleanDetails("targeted", true).reason],
        [flags.getBooleanDetails("no", true).errorCode, flags.getBooleanDetails("headline", true).errorCode],
      ];
    }""")

    assert values == [True, 3, 12.5, "New", {"fields": 3}]
    assert details == ["SPLIT", "treatment", True, "shown", "DISABLED", "STATIC"]
    assert faults == ["FLAG_NOT_FOUND", "TYPE_MISMATCH"]
    assert [status for method, status in asked if method == "POST"] == [200]


def test_a_changed_context_is_answered_anew_and_an_unchanged_one_with_304(page: Any, shop: Shop) -> None:
    """The tag can be read by a page of another origin, and is sent back."""
    asked: list[int] = []
    page.on(
        "response",
        lambda response: asked.append(response.status) if response.request.method == "POST" else None,
    )
    visit(page, shop)
    reasons = page.evaluate("""async () => {
      const provider = new OFREPWebProvider({...options, cacheMode: "disabled"});
      await connect(provider, {});
      const before = flags.getBooleanDetails("targeted", true).reason;
      await provider.onContextChange(provider._context, {...provider._context});
      await OpenFeature.setContext({targetingKey: "cust:1", channel: "web", country: "DE"});
      return [before, flags.getBooleanDetails("targeted", true).reason];
    }""")

    assert reasons == ["STATIC", "SPLIT"]
    assert asked == [200, 304, 200]


def test_faults_end_the_start_and_give_the_default(page: Any, shop: Shop) -> None:
    """Nobody to decide for, and a key that is none."""
    visit(page, shop)
    found = page.evaluate("""async () => {
      const start = async (changes, context) => {
        const provider = new OFREPWebProvider({...options, cacheMode: "disabled", ...changes});
        const failed = await connect(provider, context).then(() => false, () => true);
        return [failed, OpenFeature.getClient().providerStatus, OpenFeature.getClient().getBooleanValue("shown", true)];
      };
      return [await start({}, {targetingKey: undefined}), await start({headers: [["X-API-Key", "abc_no"]]}, {})];
    }""")

    assert found == [[True, "ERROR", True], [True, "FATAL", True]]


def test_stored_flags_outlive_the_platform(page: Any, shop: Shop) -> None:
    """After a reload without the platform the visitor sees what was seen before."""
    visit(page, shop)
    make = "connect(new AbplatWebProvider({...options, expose: false}), {targetingKey: 'cust:kept'})"
    before = page.evaluate(f"async () => (await {make}).getBooleanDetails('shown', false).variant")
    page.context.route(f"{shop.platform_url}/**", lambda route: route.abort())
    visit(page, shop)
    after = page.evaluate(f"async () => (await {make}).getBooleanDetails('shown', false).variant")

    assert before in {"control", "treatment"}
    assert after == before


def test_exposures_and_events_survive_a_page_that_is_left(page: Any, shop: Shop) -> None:
    """Met three times, recorded once; sent while the page ends, without leave asked; nothing twice."""
    visit(page, shop)
    page.evaluate("""async () => {
      const provider = new AbplatWebProvider({...options, flushMs: 600_000, cacheMode: "network-first"});
      await connect(provider, {targetingKey: "cust:left"});
      for (let turn = 0; turn < 3; turn++) flags.getBooleanValue("shown", false);
      flags.getBooleanValue("ended", false);
      flags.track("purchase", {value: 12.5, tent: "tunnel"});
    }""")
    page.goto(shop.url + "/landing.html")
    bought = shop.wait_for_event(lambda event: event.get("name") == "purchase" and "cust:left" in str(event))
    visit(page, shop)
    page.evaluate("""async () => {
      window.provider = new AbplatWebProvider({...options, expose: false});
      await connect(provider, {targetingKey: "cust:left"});
      await OpenFeature.clearProviders();
    }""")
    found = [event for event in shop.events() if "cust:left" in json.dumps(event)]

    assert (bought["value"], bought["channel"]) == (12.5, "web")
    assert sorted(event["kind"] for event in found) == ["exposure", "touchpoint"]
    assert page.evaluate("provider.recorder.waiting") == 0
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('abplat-events'))") == []


def test_what_the_platform_missed_is_sent_by_the_next_page(page: Any, shop: Shop) -> None:
    """Forty events of two kilobytes, written while nothing could be sent: each arrives once."""
    visit(page, shop)
    page.context.route(f"{shop.platform_url}/v1/events*", lambda route: route.abort())
    page.evaluate("""async () => {
      await connect(new AbplatWebProvider({...options, flushMs: 600_000, cacheMode: "network-first"}), {targetingKey: "cust:offline"});
      for (let turn = 0; turn < 40; turn++) flags.track("visit", {note: "ü".repeat(1_000)});
    }""")
    page.goto(shop.url + "/landing.html")
    page.context.unroute(f"{shop.platform_url}/v1/events*")
    visit(page, shop)
    waiting = page.evaluate("""async () => {
      const provider = new AbplatWebProvider({...options, flushMs: 600_000});
      const before = provider.recorder.waiting;
      return [before, await provider.recorder.flush()];
    }""")

    assert waiting == [40, 0]
    assert sum("cust:offline" in json.dumps(event) for event in shop.events()) == 40
