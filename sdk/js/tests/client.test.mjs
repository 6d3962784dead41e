// The client against a real HTTP server that behaves well, badly, or not at all.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { createClient, folderStore } from "../dist/node.js";
import { findUnits, HTML, listen, makeClient, makeConfig, makeStore, QUICK, sleep, start, until } from "./platform.mjs";

const faults = JSON.parse(readFileSync(new URL("../../vectors/faults.json", import.meta.url), "utf8")).cases;
const make = makeClient(createClient);
const VERSION = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
const NEVER = new Promise(() => {});

test("a whole life: everything arrives once, as it was said", async (t) => {
  const platform = await start(t);
  const client = make(platform);
  assert.ok(await client.refresh());
  const decision = client.decide("e", "cust:1", {}, { channel: "web" });
  const exposed = client.expose(decision, { channel: "web", ts: new Date(Date.UTC(2024, 2, 4, 10)) });
  const bought = client.track("purchase", "cust:1", { value: 12.5, properties: { items: [1], none: null }, channel: "web", ts: "2024-03-05T00:00:00Z" });
  assert.equal(await client.close(30), 0);
  assert.deepEqual(platform.stored.get(exposed), {
    kind: "exposure", id: exposed, ts: "2024-03-04T10:00:00.000Z", actor: "cust:1", experiment: "e", variant: decision.variant,
    channel: "web", reason: "split", config_version: "1", sdk: `js/${VERSION}`,
  });
  assert.deepEqual(platform.stored.get(bought), {
    kind: "touchpoint", id: bought, ts: "2024-03-05T00:00:00Z", actor: "cust:1", name: "purchase", channel: "web", value: 12.5,
    props: { items: [1], none: null },
  });
  assert.equal(platform.requests.at(-1).headers.authorization, "Bearer abs_test");
});

test("an exposure names the customer and the group", async (t) => {
  const platform = await start(t);
  listen(t);
  const client = make(platform);
  await client.refresh();
  const decision = client.decide("e", "store:42");
  const met = client.expose(decision, { channel: "store", customer: "cust:7" });
  assert.equal(client.expose(decision, { customer: "" }), null);
  assert.equal(await client.close(30), 0);
  assert.deepEqual([platform.stored.get(met).actor, platform.stored.get(met).cluster], ["cust:7", "store:42"]);
  assert.equal(client.stats().invalid, 1);
});

test("what was dropped is told to the platform once", async (t) => {
  const platform = await start(t);
  listen(t);
  const client = make(platform, { bufferSize: 2, flushSeconds: 60 });
  for (let n = 0; n < 5; n++) client.track("visit", "cust:1");
  platform.answers["/v1/events"] = () => [500, {}, ""];
  await client.flush(0.2);
  platform.answers = {};
  assert.equal(await client.flush(30), 0);
  client.track("visit", "cust:1");
  assert.equal(await client.close(30), 0);
  const told = platform.bodies("/v1/events").map(({ dropped }) => dropped);
  assert.ok(told.length > 2);
  assert.ok(told.slice(0, -1).every((dropped) => dropped === 3));
  assert.equal(told.at(-1), undefined); // it was taken, so it is not said again
  assert.equal(client.stats().dropped, 3);
});

test("ids are UUIDs of version 7, in order of time", async (t) => {
  const client = make(await start(t));
  const first = client.track("a", "cust:1");
  await sleep(0.005);
  const second = client.track("a", "cust:1");
  assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(first < second);
});

test("a client key travels in the address, as a beacon could carry it", async (t) => {
  const platform = await start(t);
  const client = make(platform, {}, "abc_test");
  for (let n = 0; n < 400; n++) client.track("visit", "cust:1", { properties: { text: "ü".repeat(100) } });
  assert.equal(await client.flush(30), 0);
  assert.equal(platform.stored.size, 400);
  for (const { path, query, headers, body } of platform.requests.filter((one) => one.path === "/v1/events")) {
    assert.equal(query, "key=abc_test", path);
    assert.equal(headers["content-type"], "text/plain");
    assert.equal(headers.authorization, undefined);
    assert.ok(Buffer.byteLength(body) <= 30 * 1024);
  }
});

test("without the platform it answers at once", async (t) => {
  const platform = await start(t);
  await platform.stop();
  listen(t);
  const client = make(platform);
  const decision = client.decide("e", "cust:1", null, { default: "control" });
  client.track("visit", "cust:1");
  assert.deepEqual([decision.variant, decision.reason, decision.in_experiment], ["control", "not_ready", false]);
  assert.deepEqual(client.decideAll("cust:1"), {});
  assert.equal(client.expose(decision), null);
  assert.equal(await client.refresh(0.2), false);
  assert.equal(await client.close(0.2), 1);
  await platform.start();
});

test("events survive an outage with their ids", async (t) => {
  const platform = await start(t);
  listen(t);
  const client = make(platform);
  const ids = Array.from({ length: 10 }, (_, n) => client.track("visit", `cust:${n}`));
  await until(() => platform.stored.size === 10);
  await platform.stop();
  ids.push(...Array.from({ length: 1200 }, (_, n) => client.track("visit", `cust:${n}`)));
  await sleep(0.1);
  await platform.start();
  await until(() => client.stats().waiting === 0);
  assert.deepEqual([...platform.stored.keys()].sort(), ids.sort());
  assert.equal(client.stats().accepted, 1210);
});

test("a flapping platform gets the same ids again", async (t) => {
  const platform = await start(t);
  listen(t);
  const turns = [null, 500, null, "store and hang up", 502];
  platform.answers["/v1/events"] = () => {
    const turn = turns.length ? turns.shift() : "good";
    if (turn === "good" || turn === "store and hang up") {
      const reply = platform.store(JSON.parse(platform.requests.at(-1).body).events);
      return turn === "good" ? reply : null;
    }
    return turn && [turn, {}, HTML];
  };
  const client = make(platform);
  const wanted = client.track("visit", "cust:1");
  await until(() => client.stats().waiting === 0);
  const bodies = platform.requests.filter((one) => one.path === "/v1/events").map((one) => JSON.stringify(JSON.parse(one.body).events));
  assert.ok(bodies.length >= 6);
  assert.equal(new Set(bodies).size, 1);
  assert.deepEqual([...platform.stored.keys()], [wanted]);
  assert.equal(client.stats().duplicates, 1);
});

test("a transfer that is cut off leaves the last good one", async (t) => {
  const platform = await start(t);
  const said = listen(t);
  const client = make(platform);
  assert.ok(await client.refresh());
  const before = client.decide("e", "cust:1");
  platform.answers["/sdk/v1/config"] = () => [200, { "Content-Length": "9999" }, '{"schema_version": 1, "vers'];
  for (let n = 0; n < 3; n++) assert.equal(await client.refresh(), false);
  assert.deepEqual(client.decide("e", "cust:1"), before);
  assert.equal(said.length, 1, said.join("\n"));
});

test("an unknown rule is a rule for nobody, unknown fields are left alone", async (t) => {
  const platform = await start(t);
  const client = make(platform);
  for (const [version, targeting] of [["2", { attribute: "a", op: "smells_like", value: 1 }], ["3", { not: { attribute: "a", op: "smells_like" } }], ["4", { xor: [] }]]) {
    platform.config = { ...makeConfig(version, { targeting, colour: "red" }), weather: [1] };
    assert.ok(await client.refresh());
    const { variant, in_experiment, reason, config_version } = client.decide("e", "cust:1", { a: 1 });
    assert.deepEqual([variant, in_experiment, reason, config_version], ["control", false, "not_targeted", version]);
  }
});

for (const { name, status, headers, text, repeat, gzip } of faults) {
  let body;
  const answer = () => [status, headers, (body ??= gzip ? gzipSync(text.repeat(repeat)) : text.repeat(repeat))];

  test(`a bad configuration leaves the last good one: ${name}`, async (t) => {
    const platform = await start(t);
    const said = listen(t);
    const client = make(platform);
    assert.ok(await client.refresh());
    const before = client.decide("e", "cust:1");
    platform.answers["/sdk/v1/config"] = answer;
    for (let n = 0; n < 3; n++) assert.equal(await client.refresh(), false);
    assert.deepEqual(client.decide("e", "cust:1"), before);
    assert.equal(said.length, 1, said.join("\n"));
    delete platform.answers["/sdk/v1/config"];
    assert.ok(await client.refresh());
  });

  test(`events are not taken for stored by a stranger: ${name}`, async (t) => {
    const platform = await start(t);
    listen(t);
    const client = make(platform);
    platform.answers["/v1/events"] = answer;
    client.track("visit", "cust:1");
    await until(() => platform.count("/v1/events") >= 2);
    assert.equal(client.stats().waiting, 1);
    delete platform.answers["/v1/events"];
    await until(() => client.stats().waiting === 0);
    assert.equal(platform.stored.size, 1);
  });
}

test("not modified keeps and refreshes; a new version is taken", async (t) => {
  const platform = await start(t);
  const client = make(platform);
  assert.ok((await client.refresh()) && (await client.refresh()));
  assert.equal(platform.requests.at(-1).headers["if-none-match"], '"1"');
  platform.config = makeConfig("2");
  assert.ok(await client.refresh());
  assert.equal(client.stats().config_version, "2");
  assert.equal(client.stats().config_source, "network");
});

test("polling notices a new configuration", async (t) => {
  const platform = await start(t);
  const client = make(platform, { pollSeconds: 0.05 });
  await until(() => client.stats().config_version === "1");
  platform.config = makeConfig("2");
  await until(() => client.stats().config_version === "2");
});

test("a wrong key stops everything and says so", async (t) => {
  const platform = await start(t);
  const said = listen(t);
  for (const path of ["/sdk/v1/config", "/v1/events"]) platform.answers[path] = () => [401, {}, "{}"];
  const client = make(platform, { pollSeconds: 0.02 });
  client.track("visit", "cust:1");
  await until(() => platform.count("/sdk/v1/config") && platform.count("/v1/events"));
  await sleep(0.3);
  assert.deepEqual([platform.count("/sdk/v1/config"), platform.count("/v1/events")], [1, 1]);
  assert.equal(said.filter((line) => line.includes("unauthorized")).length, 2);
  platform.answers = {};
  assert.ok(await client.refresh());
  await until(() => client.stats().waiting === 0);
});

for (const status of [429, 503]) {
  test(`Retry-After is obeyed: ${status}`, async (t) => {
    const platform = await start(t);
    listen(t);
    const client = make(platform);
    platform.answers["/v1/events"] = () => {
      platform.answers = {};
      return [status, { "Retry-After": "1" }, "{}"];
    };
    client.track("visit", "cust:1");
    await until(() => platform.stored.size === 1);
    const [first, second] = platform.requests.filter(({ path }) => path === "/v1/events");
    assert.ok(second.at - first.at > 950);
  });
}

test("refused events are counted and named", async (t) => {
  listen(t);
  const client = make(await start(t));
  client.track("bad", "cust:1");
  client.track("good", "cust:1");
  assert.equal(await client.flush(30), 0);
  const { sent, accepted, refused, refusals } = client.stats();
  assert.deepEqual([sent, accepted, refused, refusals], [2, 1, 1, [{ code: "bad_name", message: "name: no" }]]);
});

test("a refused batch is halved until the culprit is alone", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/events"] = () => {
    const { events } = JSON.parse(platform.requests.at(-1).body);
    return events.some((event) => event.name === "poison") ? [422, {}, '{"code": "invalid_input", "detail": "no"}'] : platform.store(events);
  };
  const client = make(platform, { flushSeconds: 60 });
  for (let n = 0; n < 300; n++) client.track(n === 123 ? "poison" : "visit", "cust:1");
  assert.equal(await client.flush(30), 0);
  assert.equal(platform.stored.size, 299);
  assert.equal(client.stats().refused, 1);
});

test("batches are bounded", async (t) => {
  const platform = await start(t);
  const client = make(platform, { flushSeconds: 60 });
  for (let n = 0; n < 1100; n++) client.track("visit", "cust:1", { properties: { text: "x".repeat(3000) } });
  assert.equal(await client.flush(30), 0);
  const bodies = platform.requests.filter((one) => one.path === "/v1/events").map((one) => one.body);
  assert.ok(Math.max(...bodies.map((body) => body.length)) < 1024 * 1024);
  assert.ok(Math.max(...bodies.map((body) => JSON.parse(body).events.length)) <= 500);
  assert.equal(platform.stored.size, 1100);
});

test("a full buffer counts what it turns away", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/events"] = () => null;
  const client = make(platform, { bufferSize: 5 });
  const kept = Array.from({ length: 8 }, () => client.track("visit", "cust:1"));
  assert.deepEqual(kept.map(Boolean), [true, true, true, true, true, false, false, false]);
  assert.equal(client.stats().dropped, 3);
  assert.equal(await client.close(0.1), 5);
  assert.equal(client.track("visit", "cust:1"), null);
  assert.equal(client.stats().dropped, 4);
});

test("odd input makes no record and no exception", async (t) => {
  listen(t);
  const client = make(await start(t));
  const circle = {};
  circle.circle = circle;
  const calls = [
    ["", "cust:1"], [7, "cust:1"], ["visit", ""], ["visit", null], ["visit", "cust:1", { value: NaN }], ["visit", "cust:1", { properties: circle }],
    ["visit", "cust:1", { properties: { a: Infinity } }], ["visit", "cust:1", { properties: { a: "x".repeat(300_000) } }],
    ["visit", "cust:1", { ts: new Date(NaN) }], ["visit", "cust:1", { properties: { a: 1n } }], ["visit", "\ud800"],
  ];
  for (const [index, call] of calls.entries()) assert.equal(client.track(...call), null, String(index));
  for (const odd of [undefined, null, 7, "x", {}, { in_experiment: true }]) assert.equal(client.expose(odd), null);
  assert.equal(await client.identify("", "cust:1"), false);
  assert.equal(await client.identify("anon:1", null), false);
  assert.equal(client.stats().invalid, calls.length + 2);
  assert.ok(await client.refresh());
  const hostile = new Proxy({}, { get() { throw Error("no"); }, getOwnPropertyDescriptor() { throw Error("no"); } });
  for (const odd of [undefined, null, 1.5, {}, [], Symbol("u")]) assert.equal(client.decide("e", odd).reason, "invalid_unit");
  for (const odd of [undefined, null, 1.5, "x", [], hostile]) assert.equal(client.decide("e", "cust:1", odd).reason, "split");
  for (const odd of [undefined, null, 7, {}, Symbol("k"), "__proto__"]) assert.equal(client.decide(odd, "cust:1").reason, "unknown_experiment");
  assert.equal(client.decide("e", "cust:1", {}, null).reason, "split");
});

test("pins, records and the configuration outlive the process in a store", async (t) => {
  const platform = await start(t);
  listen(t);
  const folder = mkdtempSync(join(tmpdir(), "abplat-"));
  const first = make(platform, { store: folderStore(folder) });
  await first.refresh();
  const [anonymous, known] = findUnits(first);
  const seen = first.decide("e", anonymous);
  first.expose(seen);
  void first.identify(anonymous, known);
  await platform.stop();
  const lost = first.track("visit", known);
  await first.close(0.05);
  const second = make(platform, { store: folderStore(folder) });
  assert.equal(second.decide("e", known).variant, seen.variant);
  assert.equal(second.stats().config_source, "cache");
  await platform.start();
  await until(() => second.stats().waiting === 0);
  assert.ok(platform.stored.has(lost));
  assert.equal(readdirCount(folder, "q"), 0);
});
const readdirCount = (folder, letter) => folderStore(folder).keys().filter((key) => key.includes(`:${letter}`)).length;

test("a broken store stops nobody", async (t) => {
  const platform = await start(t);
  const broken = { getItem() { throw Error("no"); }, setItem() { throw Error("full"); }, removeItem() { throw Error("no"); }, keys() { throw Error("no"); } };
  const garbage = makeStore();
  for (const key of ["c", "pcust:1", "scust:1", "qe1", "a"]) garbage.setItem(`abplat:test:${key}`, "{]");
  for (const store of [broken, garbage]) {
    const client = make(platform, { store });
    assert.ok(await client.refresh());
    assert.ok(client.expose(client.decide("e", "cust:1")));
    assert.equal(await client.flush(30), 0);
  }
  assert.equal(platform.stored.size, 2);
});

test("an exposure before a redirect is on disk or says so", async (t) => {
  const platform = await start(t);
  listen(t);
  const client = make(platform, { flushSeconds: 60 });
  await client.refresh();
  assert.equal(await client.exposeBeforeRedirect(client.decide("e", "cust:1")), true);
  assert.equal(platform.stored.size, 1);
  platform.answers["/v1/events"] = () => NEVER;
  const begun = performance.now();
  assert.equal(await client.exposeBeforeRedirect(client.decide("e", "cust:2"), { seconds: 0.2 }), false);
  assert.ok(performance.now() - begun < 10_000);
  assert.equal(await client.exposeBeforeRedirect(client.decide("gone", "cust:2")), true);
});

test("a slow platform slows nobody, and close keeps its time", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers = { "/sdk/v1/config": () => NEVER, "/v1/events": () => NEVER };
  const client = make(platform, { pollSeconds: 0.05, bootstrap: platform.config });
  client.track("visit", "cust:1");
  await sleep(0.1);
  assert.equal(client.decide("e", "cust:1").reason, "split");
  const begun = performance.now();
  assert.equal(await client.close(0.3), 1);
  assert.ok(performance.now() - begun < 10_000);
});

test("while the platform is away attempts are few", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers = { "/sdk/v1/config": () => null, "/v1/events": () => null };
  const client = make(platform, { pollSeconds: 0.01, flushSeconds: 0.01, backoff: [0.01, 0.3] });
  client.track("visit", "cust:1");
  await until(() => platform.requests.length >= 14); // by then the wait has reached its ceiling
  const times = platform.requests.map(({ at }) => at).slice(-4);
  for (const [place, at] of times.slice(1).entries()) assert.ok(at - times[place] > 290, `${at - times[place]} ms`);
});

test("a process that ends sends what waits, and is not kept alive", async (t) => {
  const platform = await start(t);
  const code = `import { createClient } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url).href)};
    createClient("${platform.url}", "abs_test").track("visit", "cust:1");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "inherit" });
  const begun = Date.now();
  assert.equal(await new Promise((resolve) => child.on("exit", resolve)), 0);
  assert.equal(platform.stored.size, 1);
  assert.ok(Date.now() - begun < 20_000); // it would look for a configuration after 30 s
});

test("an address that is none is refused at once", () => {
  assert.throws(() => createClient("shop.example", "abs_test"), TypeError);
});
