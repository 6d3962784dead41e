"""The SDK in a real Chromium with real navigation, against a real ``abplat serve`` of another origin."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abplat.api.sdk_file import VERSION
from tests.e2e.shop import PATIENCE, ROOT, Shop, build_modules, open_shop

ANYONE = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}
FIXED = "{flushSeconds: 600, pollSeconds: 0}"

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Start the platform and, on another origin, the shop."""
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        write_pages(opened.pages, opened.platform_url, opened.key)
        yield opened


def write_pages(folder: Path, url: str, key: str) -> None:
    """Write the shop: two pages, and the module with the vectors beside."""
    script = f'<script src="{url}/sdk/abplat.js?v={VERSION}"></script>'
    make = f'window.client = abplat.createClient("{url}", "{key}", {FIXED})'
    (folder / "index.html").write_text(f"<!doctype html><title>Shop</title>{script}<script>{make}</script>")
    module = f'import {{ createClient }} from "/sdk/browser.js"; window.client = createClient("{url}", "{key}", {FIXED})'
    (folder / "module.html").write_text(
        f'<!doctype html><title>Shop</title><script type="module">{module}</script>'
    )
    build_modules(folder / "sdk")
    shutil.copytree(ROOT / "sdk" / "vectors", folder / "vectors")


def visit(page: Any, url: str, unit: str = "client.anonymousId") -> dict[str, Any]:
    """Open a page of the shop, wait for the platform's answer and return the decision."""
    page.goto(url)
    page.wait_for_function("window.client")
    page.evaluate(f"client.decide('form', {unit}, {{}}, {{channel: 'web'}})")
    assert page.evaluate(f"client.refresh({PATIENCE})")
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
    waiting = page.evaluate("client.flush(30)")

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
    waiting = page.evaluate("client.flush(30)")
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
            page.evaluate(f"() => {{ client.exposeBeforeRedirect({decide}, {{seconds: 30}}).then({leave}) }}")
        texts = [json.dumps(event) for event in shop.events() if event["kind"].startswith("exposure")]
        assert sum(f'"{unit}"' in text or unit in text for text in texts) == 1


@PAGES
def test_signing_in_keeps_the_variant(page: Any, shop: Shop, path: str) -> None:
    """At once, after the platform has answered, and after a reload."""
    seen = visit(page, shop.url + path)
    known = find_other_unit(page, shop, path, seen["variant"])
    visit(page, shop.url + path)
    page.evaluate("client.expose(client.decide('form', client.anonymousId, {}, {channel: 'web'}))")
    assert page.evaluate(f"client.identify(client.anonymousId, '{known}', {{seconds: 30}})")
    at_once = read_decision(page, f"'{known}'")
    page.evaluate("client.refresh(30)")
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
    assert page.evaluate("client.flush(30)") == 0
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


def test_the_file_keeps_the_last_good_answer(page: Any, shop: Shop) -> None:
    """A portal, nothing, half of it, another thing, far too much: decisions stay, and one line says so."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "abplat" in message.text else None)
    seen = visit(page, shop.url + "/index.html")
    portal = "<html><body>Welcome to the hotel network. Please log in.</body></html>"
    bodies = [
        portal,
        "",
        " ",
        '{"decisions": {"form"',
        "null",
        "[]",
        "7",
        '{"ok": true}',
        "[" * 100_000,
        " " * 10_485_760,
    ]
    kept = []
    for body in bodies:
        page.unroute_all()
        page.route("**/v1/decide*", make_answer(body))
        assert not page.evaluate("client.refresh(30)")
        kept.append(read_decision(page))
    page.unroute_all()

    assert kept == [seen] * len(bodies)
    assert len(said) == 1
    assert page.evaluate("client.refresh(30)")


def make_answer(body: str) -> Callable[[Any], None]:
    """Return what stands between page and platform and answers itself."""
    return lambda route: route.fulfill(status=200, body=body, headers=ANYONE)


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
    assert len(asked) - before <= 2 * 6  # a question and a batch, at most once in a second, on a slow machine
    assert len(said) == 1
    assert page.evaluate("client.stats().waiting") == 1


def test_the_module_passes_the_vectors_in_the_browser(page: Any, shop: Shop) -> None:
    """Hashes, decisions and refusals, in the engine that customers have."""
    page.goto(shop.url + "/landing.html")
    wrong, count = page.evaluate("""async () => {
      const sdk = await import("/sdk/index.js");
      const load = async (name) => (await fetch(`/vectors/${name}.json`)).json();
      const sort = (found) => Object.keys(found).sort().map((key) => [key, found[key]]);
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
      for (const c of (await load("identities")).cases) {
        const memory = sdk.createMemory(undefined, ""), answers = [];
        for (const {saw, link, inherit} of c.steps) {
          if (saw) memory.saw(...saw);
          if (link) answers.push(memory.link(...link));
          if (inherit) memory.inherit(inherit[0], Object.entries(inherit[1]));
        }
        check(answers.map(sort), c.assignments.map(sort), c.name);
        for (const unit of Object.keys(c.pins)) check(sort(Object.fromEntries(memory.pins(unit))), sort(c.pins[unit]), c.name);
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


def test_the_file_passes_the_vectors_of_identities(page: Any, shop: Shop) -> None:
    """What was seen is bound as in the module and in Python; what the platform says comes in other tests."""
    page.goto(shop.url + "/landing.html")
    page.add_script_tag(url=f"{shop.platform_url}/sdk/abplat.js")
    wrong, count = page.evaluate("""async () => {
      const {cases} = await (await fetch("/vectors/identities.json")).json();
      const wrong = []; let count = 0;
      for (const {name, steps, pins} of cases) {
        if (steps.some((step) => step.inherit)) continue;
        const number = String(count++).padStart(16, "0");
        const client = abplat.createClient("http://127.0.0.1:1", `abc_${number}_0`, {flushSeconds: 600, pollSeconds: 0});
        for (const {saw, link} of steps) {
          if (saw) client.expose({in_experiment: true, unit: saw[0], key: saw[1], variant: saw[2]});
          if (saw) await new Promise((resolve) => setTimeout(resolve, 2));  // nobody sees two things at once
          if (link) client.identify(...link);
        }
        const units = new Set(steps.flatMap((step) => (step.link ?? []).slice(1)));
        for (const unit of units) {
          const bound = JSON.parse(localStorage[`abplat:${number}:p${unit}`] ?? "{}"), wanted = pins[unit] ?? {};
          const sorted = (found) => JSON.stringify(Object.keys(found).sort().map((key) => [key, found[key]]));
          if (sorted(bound) !== sorted(wanted)) wrong.push([name, unit, bound, wanted]);
        }
      }
      return [wrong, count];
    }""")

    assert wrong == []
    assert count >= 90
