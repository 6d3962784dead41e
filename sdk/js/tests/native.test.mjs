// A runtime like React Native: fetch and timers, but no document, no localStorage, no crypto, no TextEncoder, no Blob.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";
import { buildSync } from "esbuild";
import { FakePlatform, makeStore, QUICK } from "./platform.mjs";

const bundle = () =>
  buildSync({
    stdin: { contents: 'export * from "./index.js"', resolveDir: new URL("../dist", import.meta.url).pathname }, bundle: true, write: false,
    format: "iife", globalName: "sdk", target: "es2021",
  }).outputFiles[0].text;

const makeRuntime = () => {
  const plainFetch = (url, { signal, ...init } = {}) => fetch(url, init); // an AbortController of its own realm
  const globals = { fetch: plainFetch, setTimeout: (work, ms) => +setTimeout(work, ms), clearTimeout, console, performance: { now: () => performance.now() } };
  class AbortController {
    signal = {};
    abort() {}
  }
  const context = vm.createContext({ ...globals, AbortController });
  vm.runInContext("delete globalThis.WebAssembly;" + bundle() + ";globalThis.sdk = sdk", context);
  assert.equal(vm.runInContext("typeof document + typeof localStorage + typeof crypto + typeof process + typeof navigator + typeof window", context), "undefined".repeat(6));
  return context.sdk;
};

test("it decides, records and identifies with nothing but fetch", async (t) => {
  const platform = await new FakePlatform().start();
  t.after(() => platform.stop());
  const { createClient } = makeRuntime();
  const store = makeStore();
  const client = createClient(platform.url, "abc_test", { ...QUICK, store });
  assert.ok(await client.refresh());
  const seen = client.decide("e", "anon:app-🎪");
  const id = client.expose(seen);
  assert.ok(await client.identify("anon:app-🎪", "cust:1", { seconds: 30 }));
  assert.equal(client.decide("e", "cust:1").variant, seen.variant);
  assert.equal(await client.close(30), 0);
  assert.equal(platform.stored.get(id).actor, "anon:app-🎪");
  assert.ok([...store.items.keys()].every((key) => key.startsWith("abplat:")));
});

test("it gives the same decisions", () => {
  const { compileConfig } = makeRuntime();
  const { config, cases } = JSON.parse(readFileSync(new URL("../../vectors/decisions.json", import.meta.url), "utf8"));
  const evaluator = compileConfig(config);
  for (const { key, unit, attributes, pin, channel, pins, expected } of cases) {
    const { config_version: _, key: __, ...seen } = evaluator.decide(key, unit, attributes, pin, channel, pins);
    assert.equal(JSON.stringify(seen, Object.keys(expected).sort()), JSON.stringify(expected, Object.keys(expected).sort()));
  }
});
