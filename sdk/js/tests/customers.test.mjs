// Who somebody is: joins, tokens, look-ups, against a real HTTP server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, tokenUnit } from "../dist/node.js";
import { findUnits, listen, makeClient, makeConfig, makeStore, other, start, until } from "./platform.mjs";

const TOKEN = "abi1.AAFrSdIAY3VzdDo3.AAAAAAAAAAAAAAAAAAAAAA"; // names cust:7
const make = makeClient(createClient);

test("identify keeps what was seen on this device", async (t) => {
  const platform = await start(t);
  const client = make(platform);
  await client.refresh();
  const [anonymous, known] = findUnits(client);
  const seen = client.decide("e", anonymous);
  client.expose(seen);
  platform.pins = { e: other(seen.variant) };
  void client.identify(anonymous, known);
  const atOnce = client.decide("e", known);
  assert.deepEqual([atOnce.variant, atOnce.reason, atOnce.in_experiment], [seen.variant, "pinned", true]);
  assert.equal(await client.flush(30), 0);
  assert.equal(client.decide("e", known).variant, seen.variant);
  assert.equal(client.decideAll(known).e.variant, seen.variant);
  const sent = JSON.parse(platform.requests.find((one) => one.path === "/v1/identify").body);
  assert.deepEqual([sent.assignments, sent.anonymous, sent.known], [{ e: seen.variant }, anonymous, known]);
});

test("identify takes over the pins of the platform", async (t) => {
  const platform = await start(t);
  const client = make(platform);
  await client.refresh();
  platform.pins = { e: other(client.decide("e", "cust:1").variant), gone: "x", odd: 7 };
  assert.ok(await client.identify("anon:w1", "cust:1", { seconds: 30 }));
  assert.deepEqual([client.decide("e", "cust:1").variant, client.decide("e", "cust:1").reason], [platform.pins.e, "pinned"]);
});

test("a reset ends what was seen and pinned, and the log-in says of which phase it was", async (t) => {
  const platform = await start(t);
  platform.config = makeConfig("1", { salt: "a1", phase: 1 });
  const store = makeStore();
  const client = make(platform, { store });
  await client.refresh();
  client.expose(client.decide("e", "anon:1"));
  assert.ok(await client.identify("anon:1", "cust:1", { seconds: 30 }));
  assert.deepEqual(JSON.parse(platform.requests.find((one) => one.path === "/v1/identify").body).phases, { e: 1 });
  assert.equal(client.decide("e", "cust:1").reason, "pinned");
  platform.config = makeConfig("2", { salt: "a1", phase: 2 });
  await client.refresh();
  assert.equal(client.decide("e", "cust:1").reason, "pinned"); // the same salt ends nothing
  const before = client.decide("e", "anon:2");
  platform.config = makeConfig("3", { salt: "b2", phase: 3 });
  await client.refresh();
  const { reason, phase } = client.decide("e", "cust:1");
  assert.deepEqual([reason, phase], ["split", 3]);
  client.expose(before); // decided by the configuration before
  await client.identify("anon:2", "cust:2", { seconds: 30 });
  const said = JSON.parse(platform.requests.filter((one) => one.path === "/v1/identify").at(-1).body);
  assert.deepEqual([said.assignments, said.phases], [{}, undefined]);
  assert.equal(await client.close(30), 0);
});

test("a reset during a stop is noticed, and an older document forgets nothing", async (t) => {
  const platform = await start(t);
  const store = makeStore();
  platform.config = makeConfig("1", { salt: "a1", phase: 1 });
  const first = make(platform, { store });
  await first.refresh();
  first.expose(first.decide("e", "anon:1"));
  assert.ok(await first.identify("anon:1", "cust:1", { seconds: 30 }));
  assert.equal(await first.close(30), 0);
  platform.config = makeConfig("2", { salt: "b2", phase: 2 });
  const second = make(platform, { store });
  assert.equal(second.decide("e", "cust:1").reason, "pinned"); // by the configuration that was kept
  await second.refresh();
  assert.equal(second.decide("e", "cust:1").reason, "split");
  second.expose(second.decide("e", "anon:9"));
  assert.ok(await second.identify("anon:9", "cust:9", { seconds: 30 }));
  assert.equal(await second.close(30), 0);
  platform.config = makeConfig("1", { salt: "a1", phase: 1 });
  const third = make(platform, { store });
  await third.refresh();
  assert.equal(third.decide("e", "cust:9").reason, "pinned");
});

test("with a client key the join is an event", async (t) => {
  const platform = await start(t);
  const client = make(platform, {}, "abc_test");
  assert.ok(await client.identify("anon:w1", "cust:1", { seconds: 30 }));
  const [{ kind, a, b }] = platform.stored.values();
  assert.deepEqual([kind, a, b], ["alias", "anon:w1", "cust:1"]);
});

test("context asks the platform and takes over the pins; null without an answer", async (t) => {
  const platform = await start(t);
  listen(t);
  const client = make(platform);
  await client.refresh();
  const pins = { e: other(client.decide("e", "cust:1").variant) };
  platform.answers["/v1/context"] = () => [200, {}, JSON.stringify({ unit: "cust:1", pins })];
  assert.deepEqual(await client.context("phone:1 &x", { channel: "store" }), { unit: "cust:1", pins });
  assert.deepEqual(JSON.parse(platform.requests.at(-1).body), { id: "phone:1 &x", channel: "store" });
  assert.equal(client.decide("e", "cust:1").variant, pins.e);
  platform.answers["/v1/context"] = () => null;
  assert.equal(await client.context("cust:1", { seconds: 0.2 }), null);
  assert.equal(await client.context(null), null);
});

test("with a token a client key gets the pins of the customer", async (t) => {
  const platform = await start(t);
  const client = make(platform, {}, "abc_test");
  await client.refresh();
  client.expose(client.decide("e", "anon:w1"));
  platform.pins = { other: "treatment" };
  assert.ok(await client.identify("anon:w1", null, { identityToken: TOKEN, seconds: 30 }));
  const { body, query, headers } = platform.requests.find((one) => one.path === "/v1/identify");
  const { known, identity_token, assignments, assigned_at } = JSON.parse(body);
  assert.deepEqual([known, identity_token, query, headers["content-type"]], [undefined, TOKEN, "key=abc_test", "text/plain"]);
  assert.deepEqual(Object.keys(assigned_at), Object.keys(assignments));
  assert.ok(Math.abs(Date.parse(assigned_at.e) - Date.now()) < 10_000);
  assert.equal(client.decide("e", "cust:7").reason, "pinned");
  assert.equal(await client.identify("anon:w1", null, { identityToken: "nonsense" }), false);
});

test("several identifications go in one request, each with its own answer", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/identify/batch"] = () => {
    const results = platform.bodies("/v1/identify/batch").at(-1).identifications.map(({ anonymous }, n) =>
      n === 1 ? { status: 422, code: "invalid_input", detail: "no" } : { status: 200, pins: { e: anonymous.slice(5) } });
    return [200, {}, JSON.stringify({ results })];
  };
  const client = make(platform, { flushSeconds: 60 });
  await client.refresh();
  platform.answers["/v1/identify"] = () => null; // what is sent first stays, the others join it
  for (const variant of ["control", "treatment", "treatment"]) void client.identify(`anon:${variant}`, `cust:${variant}${client.stats().waiting}`);
  assert.equal(await client.flush(30), 0);
  assert.equal(client.decide("e", "cust:control0").variant, "control");
  assert.equal(client.decide("e", "cust:treatment2").variant, "treatment");
  assert.equal(client.decide("e", "cust:treatment1").reason, "split");
  assert.deepEqual(client.stats().refusals, [{ code: "invalid_input", message: "no" }]);
  assert.equal(platform.bodies("/v1/identify/batch").length, 1);
});

test("an older platform gets them one by one, a client key sends them so", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/identify/batch"] = () => [404, {}, "{}"];
  const client = make(platform);
  for (let n = 0; n < 3; n++) void client.identify(`anon:w${n}`, `cust:${n}`);
  assert.equal(await client.flush(30), 0);
  const browser = make(platform, {}, "abc_test");
  for (let n = 3; n < 5; n++) void browser.identify(`anon:w${n}`, null, { identityToken: TOKEN });
  assert.equal(await browser.flush(30), 0);
  assert.deepEqual(platform.bodies("/v1/identify").map(({ anonymous }) => anonymous), [0, 1, 2, 3, 4].map((n) => `anon:w${n}`));
  assert.ok(platform.count("/v1/identify/batch") <= 1);
});

test("a thousand identifications stay below the limits of a request", async (t) => {
  const platform = await start(t);
  platform.answers["/v1/identify"] = () => [500, {}, ""];
  listen(t);
  const client = make(platform, { flushSeconds: 60 });
  for (let n = 0; n < 250; n++) void client.identify(`anon:${n}`, "cust:" + "🎪".repeat(200));
  platform.answers = {};
  assert.equal(await client.flush(30), 0);
  const sizes = platform.bodies("/v1/identify/batch").map(({ identifications }) => identifications.length);
  assert.ok(Math.max(...sizes) <= 100);
  assert.ok(platform.requests.every(({ body }) => Buffer.byteLength(body) <= 1 << 20));
});

test("a join that is refused with a public key stays a fact", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/identify"] = () => [422, {}, '{"code": "invalid_input", "detail": "has expired"}'];
  const client = make(platform, {}, "abc_test");
  assert.ok(await client.identify("anon:w1", null, { identityToken: TOKEN, ts: "2024-03-04T10:00:00Z", seconds: 30 }));
  assert.equal(await client.flush(30), 0);
  const [{ kind, a, b, ts }] = platform.stored.values();
  assert.deepEqual([kind, a, b, ts], ["alias", "anon:w1", "cust:7", "2024-03-04T10:00:00Z"]);
  assert.equal(client.stats().refused, 1);
});

test("identify does not wait for events", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/events"] = () => [500, {}, ""];
  const client = make(platform);
  for (let n = 0; n < 3; n++) client.track("visit", "cust:1");
  assert.ok(await client.identify("anon:w1", "cust:1", { seconds: 60 }));
  assert.equal(client.stats().waiting, 3);
});

test("identifications are never handed over as events", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/identify"] = () => null;
  const client = make(platform, {}, "abc_test");
  void client.identify("anon:w1", null, { identityToken: TOKEN });
  client.track("visit", "anon:w1");
  const handed = [];
  client.hand((url, body) => handed.push([url.split("?")[0], JSON.parse(body).events.map(({ kind }) => kind)]));
  assert.deepEqual(handed, [[platform.url + "/v1/events", ["touchpoint"]]]);
});

test("identifications outlive the process; what is no record of ours is left alone", async (t) => {
  const platform = await start(t);
  listen(t);
  const store = makeStore();
  store.setItem("abplat:test:qi0", '"no record"');
  store.setItem("abplat:test:qx1", '"{}"');
  platform.answers["/v1/identify"] = () => null;
  const first = make(platform, { store });
  void first.identify("anon:w1", "cust:1");
  await until(() => platform.count("/v1/identify") > 0 || platform.count("/v1/identify/batch") > 0);
  await first.close(0);
  platform.answers = {};
  const second = make(platform, { store });
  assert.equal(await second.flush(30), 0);
  const sent = [...platform.bodies("/v1/identify"), ...platform.requests.filter(({ path }) => path.endsWith("batch"))];
  assert.ok(sent.length);
});

test("two tabs on one store lose nothing of each other", async (t) => {
  const platform = await start(t);
  listen(t);
  const store = makeStore();
  const [one, two, three] = [0, 1, 2].map(() => make(platform, { store, flushSeconds: 60 }));
  const expose = (client, unit, key, variant) => client.expose({ in_experiment: true, unit, key, variant, reason: "split", config_version: "1" });
  for (const client of [one, two]) client.decide("a", "anon:w1"); // both look before either writes
  expose(one, "anon:w1", "a", "first");
  expose(two, "anon:w1", "b", "first");
  expose(two, "anon:w1", "a", "second");
  expose(one, "anon:w1", "b", "second");
  void one.identify("anon:w1", "cust:1");
  void three.identify("anon:w2", "cust:1");
  const { assignments } = JSON.parse([...store.items].map(([, text]) => JSON.parse(text)).find((text) => String(text).includes('"anon:w1","known"')));
  const later = make(platform, { store });
  await later.refresh();
  platform.config = makeConfig("2", { key: "a", variants: [{ key: "first", bound: 1 }, { key: "second", bound: 10000 }], control: "second" });
  await later.refresh();
  assert.deepEqual(assignments, { a: "first", b: "first" });
  assert.deepEqual([later.decide("a", "cust:1").variant, later.decide("a", "cust:1").reason], ["first", "pinned"]);
});

test("a token is asked for and names its unit", async (t) => {
  const platform = await start(t);
  listen(t);
  platform.answers["/v1/identity-tokens"] = () => [200, {}, JSON.stringify({ identity_token: TOKEN })];
  const client = make(platform);
  assert.equal(await client.makeIdentityToken("cust:7", { expiresIn: "5m" }), TOKEN);
  assert.deepEqual(platform.bodies("/v1/identity-tokens"), [{ id: "cust:7", expires_in: "5m" }]);
  assert.equal(tokenUnit(TOKEN), "cust:7");
  for (const odd of [undefined, null, "", "abi1", "abi1..", "abi1.AAFrSdIA.x", "abi1.%%%.x", "abi1.AAFrSdIA_w.x", 7, {}]) assert.equal(tokenUnit(odd), null);
  platform.answers["/v1/identity-tokens"] = () => [403, {}, "{}"];
  assert.equal(await client.makeIdentityToken("cust:7"), null);
});
