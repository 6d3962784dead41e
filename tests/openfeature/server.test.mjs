// The OFREP provider for Node from the registry, and its subclass, against a running server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";
import { AbplatProvider } from "./server.mjs";

const { ABPLAT_URL: baseUrl, ABPLAT_KEY: key } = process.env;
const options = { baseUrl, headers: [["Authorization", `Bearer ${key}`]] };
const pins = Object.fromEntries(["shown", "fields", "discount", "headline", "form"].map((flag) => [flag, "treatment"]));
const treated = { targetingKey: "cust:1", channel: "web", abplatPins: pins };

async function connect(provider) {
  await OpenFeature.setProviderAndWait(provider);
  return OpenFeature.getClient();
}

test("every type arrives", async () => {
  const client = await connect(new OFREPProvider(options));
  assert.equal(await client.getBooleanValue("shown", false, treated), true);
  assert.equal(await client.getNumberValue("fields", 0, treated), 3);
  assert.equal(await client.getNumberValue("discount", 0, treated), 12.5);
  assert.equal(await client.getStringValue("headline", "none", treated), "New");
  assert.deepEqual(await client.getObjectValue("form", {}, treated), { fields: 3 });
});

test("an evaluation says why", async () => {
  const client = await connect(new OFREPProvider(options));
  const found = await client.getBooleanDetails("shown", false, treated);
  assert.equal(found.reason, "SPLIT");
  assert.equal(found.variant, "treatment");
  assert.equal(found.flagMetadata.inExperiment, true);
  assert.equal(found.flagMetadata.experimentId, "shown");
  const off = await client.getBooleanDetails("ended", true, { targetingKey: "cust:1", channel: "web" });
  assert.deepEqual([off.reason, off.value, off.flagMetadata.inExperiment], ["DISABLED", false, false]);
});

test("faults have their codes and give the default", async () => {
  const client = await connect(new OFREPProvider(options));
  const codes = async (flag, context) => (await client.getBooleanDetails(flag, true, context)).errorCode;
  assert.equal(await codes("no", treated), "FLAG_NOT_FOUND");
  assert.equal(await codes("a%2Fb", treated), "FLAG_NOT_FOUND");
  assert.equal(await codes("..", treated), "FLAG_NOT_FOUND");
  assert.equal(await codes("shown", {}), "TARGETING_KEY_MISSING");
  assert.equal(await codes("shown", { targetingKey: "x".repeat(300) }), "INVALID_CONTEXT");
  assert.equal(await codes("headline", treated), "TYPE_MISMATCH");
  assert.equal(await client.getBooleanValue("no", true, treated), true);
});

test("a bad key gives the default", async () => {
  const client = await connect(new OFREPProvider({ baseUrl, headers: [["X-API-Key", "abc_no"]] }));
  const found = await client.getBooleanDetails("shown", true, treated);
  assert.deepEqual([found.value, found.errorCode], [true, "GENERAL"]);
});

test("the subclass tracks, and records exposures once", async () => {
  const provider = new AbplatProvider(options);
  const client = await connect(provider);
  const context = { targetingKey: "cust:node", channel: "web" };
  for (let turn = 0; turn < 3; turn++) {
    await client.getBooleanValue("shown", false, context);
    await client.getBooleanValue("ended", false, context);
  }
  client.track("purchase", context, { value: 12.5, tent: "tunnel" });
  client.track("odd", context, { odd: 1n }); // JSON has no word for it
  await OpenFeature.clearProviders();
  assert.deepEqual([provider.recorder.waiting, provider.recorder.refused, provider.recorder.dropped], [0, 1, 0]);
});

test("events keep their ids through an outage", async () => {
  const bodies = [];
  let isUp = false;
  const fetchImplementation = async (_url, { body }) => {
    bodies.push(JSON.parse(body).events);
    if (!isUp) throw new TypeError("fetch failed");
    return new Response('{"accepted":1,"duplicates":0,"refused":[]}', { status: 202 });
  };
  const provider = new AbplatProvider({ ...options, fetchImplementation });
  provider.track("visit", { targetingKey: "cust:1" });
  assert.equal(await provider.recorder.flush(), 1);
  isUp = true;
  assert.equal(await provider.recorder.flush(), 0);
  assert.deepEqual(bodies[0], bodies[1]);
  assert.match(bodies[0][0].id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
