// The OFREP provider for pages from the registry, and its subclass, against a running server.

import assert from "node:assert/strict";
import { test } from "node:test";

const kept = new Map();
globalThis.localStorage = {
  get length() {
    return kept.size;
  },
  key: (place) => [...kept.keys()][place] ?? null,
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => void kept.set(name, String(value)),
  removeItem: (name) => void kept.delete(name),
};
const { OFREPWebProvider } = await import("@openfeature/ofrep-web-provider");
const { OpenFeature, ProviderStatus } = await import("@openfeature/web-sdk");
const { AbplatWebProvider } = await import("./web.mjs");

const { ABPLAT_URL: baseUrl, ABPLAT_KEY: key } = process.env;
const headers = [["Authorization", `Bearer ${key}`]];
const pins = Object.fromEntries(["shown", "fields", "discount", "headline", "form"].map((flag) => [flag, "treatment"]));
const treated = { targetingKey: "cust:1", channel: "web", abplatPins: pins };

/** Count the requests of a provider and their statuses. */
function watch() {
  const statuses = [];
  const fetchImplementation = async (...given) => {
    const response = await fetch(...given);
    statuses.push(response.status);
    return response;
  };
  return { statuses, fetchImplementation };
}

async function connect(provider, context) {
  await OpenFeature.setContext(context);
  await OpenFeature.setProviderAndWait(provider);
  return OpenFeature.getClient();
}

test("every type arrives in one request", async () => {
  const { statuses, fetchImplementation } = watch();
  const provider = new OFREPWebProvider({ baseUrl, headers, fetchImplementation, cacheMode: "disabled" });
  const client = await connect(provider, treated);
  assert.equal(client.getBooleanValue("shown", false), true);
  assert.equal(client.getNumberValue("fields", 0), 3);
  assert.equal(client.getNumberValue("discount", 0), 12.5);
  assert.equal(client.getStringValue("headline", "none"), "New");
  assert.deepEqual(client.getObjectValue("form", {}), { fields: 3 });
  assert.equal(client.getBooleanDetails("no", true).errorCode, "FLAG_NOT_FOUND");
  assert.equal(client.getBooleanDetails("headline", true).errorCode, "TYPE_MISMATCH");
  assert.deepEqual(statuses, [200]);
  await OpenFeature.clearProviders();
});

test("an arm without a payload gives the default without an error", async () => {
  const provider = new OFREPWebProvider({ baseUrl, headers, cacheMode: "disabled" });
  const client = await connect(provider, { ...treated, abplatPins: { gapped: "control" } });
  const found = client.getObjectDetails("gapped", { fields: 9 });
  assert.deepEqual([found.value, found.variant, found.errorCode], [{ fields: 9 }, "control", undefined]);
  await OpenFeature.clearProviders();
});

test("an unchanged answer is not sent again, a changed context is answered anew", async () => {
  const { statuses, fetchImplementation } = watch();
  const provider = new OFREPWebProvider({ baseUrl, headers, fetchImplementation, cacheMode: "disabled" });
  const client = await connect(provider, { targetingKey: "cust:1", channel: "web" });
  assert.equal(client.getBooleanDetails("targeted", true).reason, "STATIC");
  await provider.onContextChange(provider._context, { ...provider._context });
  await OpenFeature.setContext({ targetingKey: "cust:1", channel: "web", country: "DE" });
  assert.equal(client.getBooleanDetails("targeted", true).reason, "SPLIT");
  assert.deepEqual(statuses, [200, 304, 200]);
  await OpenFeature.clearProviders();
});

test("no targeting key and a bad key end the start", async () => {
  const nobody = new OFREPWebProvider({ baseUrl, headers, cacheMode: "disabled" });
  await OpenFeature.setContext({});
  await assert.rejects(OpenFeature.setProviderAndWait(nobody));
  const stranger = new OFREPWebProvider({ baseUrl, headers: [["X-API-Key", "abc_no"]], cacheMode: "disabled" });
  await OpenFeature.setContext(treated);
  await assert.rejects(OpenFeature.setProviderAndWait(stranger));
  assert.equal(OpenFeature.getClient().providerStatus, ProviderStatus.FATAL);
  await OpenFeature.clearProviders();
});

test("the subclass tracks, and records exposures once", async () => {
  const provider = new AbplatWebProvider({ baseUrl, headers, cacheMode: "network-first" });
  const client = await connect(provider, { targetingKey: "cust:page", channel: "web" });
  for (let turn = 0; turn < 3; turn++) client.getBooleanValue("shown", false);
  client.getBooleanValue("ended", false);
  client.track("purchase", { value: 12.5, tent: "tunnel" });
  await OpenFeature.clearProviders();
  assert.deepEqual([provider.recorder.waiting, provider.recorder.refused], [0, 0]);
});

test("what a page could not send, the next one sends", async () => {
  const pieces = [];
  const fetchImplementation = async (_url, { body, keepalive }) => {
    pieces.push([body.length, keepalive]);
    throw new TypeError("the page is gone");
  };
  const made = { baseUrl, headers, flushMs: 60_000, cacheMode: "disabled" };
  const first = new AbplatWebProvider({ ...made, fetchImplementation });
  for (let turn = 0; turn < 40; turn++) first.track("visit", { targetingKey: "cust:left" }, { note: "ü".repeat(1_000) });
  first.recorder.leave();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(pieces.length > 2 && pieces.every(([size, keepalive]) => size <= 30 * 1024 && keepalive));
  const second = new AbplatWebProvider(made);
  assert.equal(second.recorder.waiting, 40);
  assert.equal(await second.recorder.flush(), 0);
  assert.equal([...kept.keys()].filter((name) => name.startsWith("abplat-events")).length, 0);
});
