"""The SDK in a real Chromium with real navigation, against a real ``abplat serve`` of another origin."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from abplat.api.sdk_file import VERSION
from abplat.app import create_app
from abplat.clock import system_clock
from abplat.config import Settings
from abplat.services import catalogue, experiments, keys
from abplat.services.experiments import Moment
from tests.api.test_decide import CATALOGUE

ROOT = Path(__file__).parents[2]
JS = ROOT / "sdk" / "js"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ARGS += ["--host-resolver-rules=MAP *.shop.example 127.0.0.1"]
FIXED = "{flushSeconds: 600, pollSeconds: 0}"

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
playwright_api = pytest.importorskip("playwright.sync_api")


class Shop(NamedTuple):
    """A shop that uses the platform: addresses, key, and the file where the platform keeps events."""

    url: str
    sister_url: str
    platform_url: str
    key: str
    database: Path

    def events(self) -> list[dict[str, Any]]:
        """Return what the platform has stored."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        rows = connection.execute("SELECT kind, body FROM intake ORDER BY received_us").fetchall()
        connection.close()
        return [{"kind": kind, **json.loads(body)} for kind, body in rows]

    def wait_for_event(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until an event is stored."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for event in self.events():
                if holds(event):
                    return event
            time.sleep(0.05)
        raise AssertionError("the event has not arrived")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the shop's pages and says nothing."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Start the platform and, on another origin, the shop."""
    folder = tmp_path_factory.mktemp("shop")
    pages = folder / "pages"
    (pages / "sdk").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(pages)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origins = [f"http://{name}.shop.example:{server.server_port}" for name in ("www", "m")]
    data_dir = folder / "data"
    key = prepare(data_dir)
    with start_platform(data_dir, origins) as (process, url):
        write_pages(pages, url, key)
        yield Shop(*origins, url, key, data_dir / "abplat.sqlite3")
        process.terminate()
        process.wait(20)
    server.shutdown()
    server.server_close()


def prepare(data_dir: Path) -> str:
    """Make a project with a running experiment, and return a client key."""
    app = create_app(Settings(data_dir=data_dir))
    now = system_clock()
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, CATALOGUE, now=now)
        experiments.start(session, "shop", "form", Moment(now))
        token = keys.create(session, "shop", "client", now=now).token
    app.extensions["abplat"].close()
    return str(token)


class start_platform:  # noqa: N801  # used like a function
    """Run ``abplat serve`` for as long as a block lasts."""

    def __init__(self, data_dir: Path, origins: list[str]) -> None:
        command = [sys.executable, "-m", "abplat.cli", "serve", "--port", "0", "--no-worker"]
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk' / 'python'}",
            "PYTHONUNBUFFERED": "1",
        }
        environment["ABPLAT_ALLOWED_ORIGINS"] = ",".join(origins)
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir)], env=environment, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        """Wait until it answers."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"answers at (http://\S+)", line):
                return self._process, found[1]
        raise AssertionError("abplat serve has not started")

    def __exit__(self, *_: object) -> None:
        """End it, whatever happened."""
        self._process.kill()
        self._process.communicate()


def write_pages(folder: Path, url: str, key: str) -> None:
    """Write the shop: two pages, and the module with the vectors beside."""
    script = f'<script src="{url}/sdk/abplat.js?v={VERSION}"></script>'
    make = f'window.client = abplat.createClient("{url}", "{key}", {FIXED})'
    (folder / "index.html").write_text(f"<!doctype html><title>Shop</title>{script}<script>{make}</script>")
    (folder / "landing.html").write_text("<!doctype html><title>Landing</title>")
    (folder / "favicon.ico").write_bytes(b"")
    module = f'import {{ createClient }} from "/sdk/browser.js"; window.client = createClient("{url}", "{key}", {FIXED})'
    (folder / "module.html").write_text(
        f'<!doctype html><title>Shop</title><script type="module">{module}</script>'
    )
    subprocess.run(["node", "build.mjs", "modules"], cwd=JS, check=True)
    shutil.copytree(JS / "dist", folder / "sdk", dirs_exist_ok=True)
    shutil.copytree(ROOT / "sdk" / "vectors", folder / "vectors")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start one Chromium for all tests."""
    if not shutil.which(CHROMIUM) or not shutil.which("node"):
        pytest.skip("no Chromium or no node here")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A visitor who was never here before."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def visit(page: Any, url: str, unit: str = "client.anonymousId") -> dict[str, Any]:
    """Open a page of the shop, wait for the platform's answer and return the decision."""
    page.goto(url)
    page.wait_for_function("window.client")
    page.evaluate(f"client.decide('form', {unit}, {{}}, {{channel: 'web'}})")
    assert page.evaluate("client.refresh(5)")
    return read_decision(page, unit)


def read_decision(page: Any, unit: str = "client.anonymousId") -> dict[str, Any]:
    """Return the decision as it stands now."""
    found: dict[str, Any] = page.evaluate(f"client.decide('form', {unit}, {{}}, {{channel: 'web'}})")
    return found


PAGES = pytest.mark.parametrize("path", ["/index.html", "/module.html"], ids=["file", "module"])


@PAGES
def test_the_same_variant_after_a_reload(page: Any, shop: Shop, path: str) -> None:
    """Also at once, before the platform has answered again, with the payload of the channel."""
    first = visit(page, shop.url + path)
    page.reload()
    page.wait_for_function("window.client")
    at_once = read_decision(page)

    # The platform may have kept the first look before it answered the second question: then it says "pinned".
    assert {first.pop("reason"), at_once.pop("reason")} <= {"split", "pinned"}
    assert first["payload"]["fields"] in {3, 9}
    assert at_once == first


@PAGES
def test_one_visitor_on_all_domains_of_the_shop(page: Any, shop: Shop, path: str) -> None:
    """The id is minted once and lives in a cookie on the parent domain."""
    first = visit(page, shop.url + path)
    second = visit(page, shop.sister_url + path)
    cookies = [cookie for cookie in page.context.cookies() if cookie["name"] == "abplat_id"]

    assert second["unit"] == first["unit"]
    assert [cookie["domain"] for cookie in cookies] == [".shop.example"]
    assert first["unit"].startswith("anon:")


@PAGES
def test_what_waits_is_sent_when_the_page_is_left(page: Any, shop: Shop, path: str) -> None:
    """A beacon carries it; the storage lets go only when the platform says that it has it."""
    visit(page, shop.url + path)
    event_id = page.evaluate("client.track('leave', client.anonymousId, {value: 7, channel: 'web'})")
    page.goto(shop.url + "/landing.html")
    stored = shop.wait_for_event(lambda event: event_id in json.dumps(event))
    kept = page.evaluate("Object.keys(localStorage).filter(name => name.includes(':q')).length")
    visit(page, shop.url + path)
    waiting = page.evaluate("client.flush(5)")

    assert stored["kind"] in {"touchpoint", "touchpoints"}
    assert (kept, waiting) == (1, 0)
    assert page.evaluate("client.stats().duplicates") == 1
    assert page.evaluate("Object.keys(localStorage).filter(name => name.includes(':q')).length") == 0
    assert sum(event_id in json.dumps(event) for event in shop.events()) == 1


@PAGES
def test_a_beacon_that_is_refused_is_sent_by_other_means(page: Any, shop: Shop, path: str) -> None:
    """The browser says no: the request that outlives the page takes over."""
    visit(page, shop.url + path)
    page.evaluate("navigator.sendBeacon = () => false")
    event_id = page.evaluate("client.track('refused', client.anonymousId)")
    page.goto(shop.url + "/landing.html")

    assert shop.wait_for_event(lambda event: event_id in json.dumps(event))


@PAGES
def test_more_than_a_beacon_holds_arrives_in_the_end(page: Any, shop: Shop, path: str) -> None:
    """200 KB at once: bodies of at most 30 KiB, what the browser refuses waits for the next visit, each once."""
    visit(page, shop.url + path)
    sizes: list[int] = []
    page.on("request", lambda request: sizes.append(len(request.post_data_buffer or b"")))
    track = "client.track('much', client.anonymousId, {properties: {text: 'ü'.repeat(500)}})"
    ids = page.evaluate(f"Array.from({{length: 200}}, () => {track})")
    page.goto(shop.url + "/landing.html")
    visit(page, shop.url + path)
    waiting = page.evaluate("client.flush(20)")
    texts = [json.dumps(event) for event in shop.events()]

    assert waiting == 0
    assert 0 < max(sizes) <= 30 * 1024
    assert all(sum(event_id in text for text in texts) == 1 for event_id in ids)


@PAGES
def test_an_exposure_is_on_disk_before_a_redirect(page: Any, shop: Shop, path: str) -> None:
    """Twenty visitors are sent elsewhere at once: nobody is lost, so no variant looks emptier than it was."""
    units = [f"cust:redirect-{path[1]}-{number}" for number in range(20)]
    for unit in units:
        visit(page, shop.url + path, repr(unit))
        decide = f"client.decide('form', '{unit}', {{}}, {{channel: 'web'}})"
        with page.expect_navigation(url="**/landing.html"):
            leave = "() => { location.href = '/landing.html' }"
            page.evaluate(f"() => {{ client.exposeBeforeRedirect({decide}).then({leave}) }}")
        texts = [json.dumps(event) for event in shop.events() if event["kind"].startswith("exposure")]
        assert sum(f'"{unit}"' in text or unit in text for text in texts) == 1


@PAGES
def test_signing_in_keeps_the_variant(page: Any, shop: Shop, path: str) -> None:
    """At once, after the platform has answered, and after a reload."""
    seen = visit(page, shop.url + path)
    known = find_other_unit(page, shop, path, seen["variant"])
    visit(page, shop.url + path)
    page.evaluate("client.expose(client.decide('form', client.anonymousId, {}, {channel: 'web'}))")
    assert page.evaluate(f"client.identify(client.anonymousId, '{known}', {{seconds: 5}})")
    at_once = read_decision(page, f"'{known}'")
    page.evaluate("client.refresh(5)")
    answered = read_decision(page, f"'{known}'")
    page.reload()
    page.wait_for_function("window.client")
    later = read_decision(page, f"'{known}'")

    assert [each["variant"] for each in (at_once, answered, later)] == [seen["variant"]] * 3
    assert [each["payload"] for each in (at_once, answered, later)] == [seen["payload"]] * 3
    assert (answered["reason"], answered["in_experiment"]) == ("pinned", True)
    assert shop.wait_for_event(lambda event: event["kind"].startswith("alias") and known in json.dumps(event))


def find_other_unit(page: Any, shop: Shop, path: str, variant: str) -> str:
    """Return a customer to whom the hash gives another variant."""
    for number in range(100):
        unit = f"cust:known-{path[1]}-{number}"
        if visit(page, shop.url + path, repr(unit))["variant"] != variant:
            return unit
    raise AssertionError("a hundred customers have the same variant")


@PAGES
def test_without_the_platform_what_was_decided_stays(page: Any, shop: Shop, path: str) -> None:
    """A known visitor keeps the variant; for a new unit there is the caller's default, or the same local decision."""
    seen = visit(page, shop.url + path)
    page.context.route(f"{shop.platform_url}/v1/**", lambda route: route.abort())
    page.context.route(f"{shop.platform_url}/sdk/v1/**", lambda route: route.abort())
    page.reload()
    page.wait_for_function("window.client")
    kept = read_decision(page)
    new = page.evaluate("client.decide('form', 'cust:never-seen', {}, {default: 'control'})")

    assert kept == seen
    assert not page.evaluate("client.refresh(1)")
    assert new["reason"] == ("not_ready" if "index" in path else "split")
    assert new["variant"] in {"control", "treatment"}


@PAGES
def test_without_storage_it_works_for_the_page(page: Any, shop: Shop, path: str) -> None:
    """The browser forbids storage: memory and the cookie have to do."""
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden') }})"
    )
    first = visit(page, shop.url + path)
    assert page.evaluate("client.track('visit', client.anonymousId)")
    assert page.evaluate("client.flush(5)") == 0
    assert visit(page, shop.url + path)["unit"] == first["unit"]


def test_the_file_decides_as_the_module_does(page: Any, shop: Shop) -> None:
    """One asks the platform, the other evaluates in the page: field by field the same."""
    units = ["cust:1", "cust:🎪", "__proto__", "7", "c" * 256, "cust:a\x00b"]
    asked = [visit(page, f"{shop.url}/index.html", json.dumps(unit)) for unit in units]
    evaluated = [visit(page, f"{shop.url}/module.html", json.dumps(unit)) for unit in units]

    assert asked == evaluated


def test_the_file_survives_odd_input(page: Any, shop: Shop) -> None:
    """Whatever the page passes, there is an answer and no exception."""
    visit(page, shop.url + "/index.html")
    said = page.evaluate("""() => {
      const odd = [undefined, null, "", 1.5, NaN, {}, [], Symbol("x"), "\\ud800", "x".repeat(257), () => 1];
      const circle = {}; circle.circle = circle;
      return [
        odd.map((unit) => client.decide("form", unit, {}, {default: "control"}).variant),
        odd.map((unit) => client.track("visit", unit)),
        odd.map((fields) => client.expose(fields)),
        [circle, {a: 1n}].map((attributes) => client.decide("form", "cust:1", attributes).reason),
        client.track("visit", "cust:1", {value: NaN}), client.track("visit", "cust:1", {properties: circle}),
        client.track("visit", "cust:1", {properties: {text: "x".repeat(40000)}}), client.stats().invalid,
      ];
    }""")

    assert set(said[0]) == {"control"}
    assert set(said[1]) == set(said[2]) == {None}
    assert said[3] == ["not_ready", "not_ready"]
    assert said[4:7] == [None, None, None]
    assert said[7] == 14


def test_the_file_stops_for_a_wrong_key(page: Any, shop: Shop) -> None:
    """One line, and silence."""
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(shop.url + "/landing.html")
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    page.add_script_tag(url=f"{shop.platform_url}/sdk/abplat.js")
    page.evaluate(f"""() => {{
      window.client = abplat.createClient("{shop.platform_url}", "abc_0123456789abcdef_{"0" * 64}", {{flushSeconds: 0.05, pollSeconds: 0.05}});
      client.decide("form", "cust:1"); client.track("visit", "cust:1");
    }}""")
    page.wait_for_function("client.stats().state === 'unauthorized'")
    page.wait_for_timeout(500)  # what was on its way together comes back
    before = len(asked)
    page.wait_for_timeout(1_000)

    assert len(asked) == before
    assert sum("unauthorized" in line for line in said) == 1
    assert page.evaluate("client.stats().waiting") == 1


def test_the_file_leaves_a_platform_alone_that_is_away(page: Any, shop: Shop) -> None:
    """Waits double up to the ceiling, events and questions together, and one line says so."""
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "abplat" in message.text else None)
    page.goto(shop.url + "/landing.html")
    page.add_script_tag(url=f"{shop.platform_url}/sdk/abplat.js")
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    page.evaluate(f"""() => {{
      const options = {{flushSeconds: 0.02, pollSeconds: 0.02, backoff: [0.02, 1]}};
      window.client = abplat.createClient("http://127.0.0.1:1", "{shop.key}", options);
      client.decide("form", "cust:1"); client.track("visit", "cust:1");
    }}""")
    page.wait_for_timeout(2_500)
    before = len(asked)
    page.wait_for_timeout(3_000)

    assert before >= 3
    assert len(asked) - before <= 2 * 3  # a question and a batch, at most once in a second
    assert len(said) == 1
    assert page.evaluate("client.stats().waiting") == 1


def test_the_module_passes_the_vectors_in_the_browser(page: Any, shop: Shop) -> None:
    """Hashes, decisions and refusals, in the engine that customers have."""
    page.goto(shop.url + "/landing.html")
    wrong, count = page.evaluate("""async () => {
      const sdk = await import("/sdk/index.js");
      const load = async (name) => (await fetch(`/vectors/${name}.json`)).json();
      const wrong = []; let count = 0;
      const check = (seen, wanted, what) => { count++; if (JSON.stringify(seen) !== JSON.stringify(wanted)) wrong.push([what, seen, wanted]); };
      for (const c of (await load("hashes")).cases) check(sdk.hashWords(c.salt, c.unit), [c.word0, c.word1], c);
      const { config, cases } = await load("decisions");
      const evaluator = sdk.compileConfig(config);
      for (const c of cases) {
        const seen = evaluator.decide(c.key, c.unit, c.attributes, c.pin, c.channel, c.pins);
        check(Object.keys(c.expected).map((name) => seen[name]), Object.values(c.expected), c);
      }
      const rules = await load("targeting");
      for (const c of rules.cases) {
        const experiment = {...config.experiments[0], targeting: c.rule};
        const document = {...config, segments: rules.segments, personas: rules.personas, experiments: [experiment]};
        check(sdk.compileConfig(document).decide(experiment.key, "cust:1", c.attributes).in_experiment, c.expected, c);
      }
      for (const c of (await load("refused")).cases) {
        let refused = false;
        try { sdk.compileConfig(c.document); } catch { refused = true; }
        check(refused, true, c);
      }
      return [wrong, count];
    }""")

    assert wrong == []
    assert count >= 1_000
