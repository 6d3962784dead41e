// What the README shows for Node and React Native runs as it stands, but for address and packages. Pages: tests/e2e.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeConfig, start } from "./platform.mjs";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const blocks = [...README.matchAll(/```js\n(.+?)```/gs)].map(([, text]) => text);
const DISK = `data:text/javascript,export class MMKV {
  items = new Map();
  getString(key) { return this.items.get(key); }
  set(key, value) { this.items.set(key, value); }
  delete(key) { this.items.delete(key); }
  getAllKeys() { return [...this.items.keys()]; }
}`;

/** Run an example with a platform and return what it names. */
const run = async (t, needle, names) => {
  const platform = await start(t);
  platform.config = makeConfig("1", { key: "shorter-form" });
  platform.answers["/v1/identity-tokens"] = () => [200, {}, '{"identity_token": "abi1.AAFrSdIAY3VzdDo3.AAAAAAAAAAAAAAAAAAAAAA"}'];
  const dist = (name) => new URL(`../dist/${name}.js`, import.meta.url).href;
  const found = blocks.filter((block) => block.includes(needle));
  assert.equal(found.length, 1, needle);
  const code = found[0]
    .replaceAll("https://abplat.example.com", platform.url)
    .replace("/var/cache/shop", mkdtempSync(join(tmpdir(), "abplat-")))
    .replace('"abplat-sdk/node"', JSON.stringify(dist("node")))
    .replace('"abplat-sdk"', JSON.stringify(dist("index")))
    .replace('"react-native-mmkv"', JSON.stringify(DISK));
  const module = await import("data:text/javascript," + encodeURIComponent(`${code}\nexport { ${names.join()} };`));
  await (module.client ?? module.server).close(30);
  return { ...module, events: [...platform.stored.values()], platform };
};

test("every example is run", () => assert.equal(blocks.length, 5));

test("a server decides", async (t) => {
  const { variant, unsent } = await run(t, "folderStore", ["client", "variant", "unsent"]);
  assert.ok(["control", "treatment"].includes(variant));
  assert.equal(unsent, 0);
});

test("a server makes a link that carries who it is for", async (t) => {
  const { link } = await run(t, "makeIdentityToken", ["server", "link"]);
  assert.match(link, /#customer=abi1\./);
});

test("an app decides, records and identifies", async (t) => {
  const { events, decision } = await run(t, "MMKV", ["client", "decision"]);
  assert.equal(decision.reason, "split");
  assert.deepEqual(events.map(({ kind }) => kind).sort(), ["alias", "exposure"]);
});

test("a call centre looks a customer up", async (t) => {
  const { events, unit } = await run(t, "phone:", ["client", "unit"]);
  assert.equal(unit, "cust:1");
  assert.deepEqual(events.map(({ kind, channel }) => [kind, channel]).sort(), [["exposure", "phone"], ["touchpoint", "phone"]]);
});

test("a mailing records what was sent", async (t) => {
  const { events } = await run(t, "mails", ["client", "mails"]);
  assert.deepEqual(events.map(({ actor }) => actor), ["cust:7", "cust:8"]);
});
