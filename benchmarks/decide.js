// Compare a local decision in JavaScript with a hand-written murmur3 closure in the same process.
//
// The closure is the least that could be written for the same work; a decision also checks the unit and returns a
// full result. Run `node benchmarks/decide.js` after `node build.mjs modules` in sdk/js; lower is better.

import { compileConfig } from "../sdk/js/dist/index.js";

const ROUNDS = 300; // short ones: some of them are not interrupted on a busy machine
const UNITS = Array.from({ length: 2_000 }, (_, number) => `cust:${number}`);
const ATTRIBUTES = { country: "DE", age: 41, version: "2.4.1" };
const RULE = {
  all: [
    { attribute: "country", op: "in", value: ["DE", "AT", "CH"] },
    { attribute: "age", op: "gte", value: 18 },
    { attribute: "version", op: "semver_gte", value: "2.0.0" },
  ],
};

const makeExperiment = (key, bounds, fields = {}) => ({
  key, salt: "9f2c1a07", hash_version: 1, unit_type: "cust", state: "running", layer: null, holdouts: [], included: 10_000, control: "v0",
  targeting: null, overrides: {}, variants: bounds.map((bound, n) => ({ key: `v${n}`, bound, payloads: {} })), ...fields,
});

/** MurmurHash3, 32 bits, of a text in ASCII. */
const murmur = (text, seed) => {
  let h = seed;
  const length = text.length, whole = length & ~3;
  let k = 0;
  for (let i = 0; i < whole; i += 4) {
    k = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 8) | (text.charCodeAt(i + 2) << 16) | (text.charCodeAt(i + 3) << 24);
    k = Math.imul(k, 0xcc9e2d51);
    h ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  k = 0;
  for (let i = length - 1; i >= whole; i--) k = (k << 8) | text.charCodeAt(i);
  k = Math.imul(k, 0xcc9e2d51);
  h ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593) ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};
const makeFloor = (seed) => (unit) => (murmur(unit, seed) % 10_000 < 5_000 ? "v0" : "v1");
const makeTargetedFloor = (seed) => {
  const countries = new Set(["DE", "AT", "CH"]), names = ["v0", "v1", "v2", "v3"];
  return (unit) => {
    if (!countries.has(ATTRIBUTES.country) || ATTRIBUTES.age < 18) return null;
    const [major] = ATTRIBUTES.version.split(".").map(Number);
    return major < 2 ? null : names[Math.floor((murmur(unit, seed) % 10_000) / 2_500)];
  };
};

let sink = 0;
const timeCall = (call, units) => {
  const start = performance.now();
  for (const unit of units) sink += call(unit) === null ? 0 : 1;
  return ((performance.now() - start) / units.length) * 1e3;
};

const half = [5_000, 10_000];
const document = (experiments) => ({ schema_version: 1, version: "bench", project: "bench", segments: {}, experiments });
const one = compileConfig(document([makeExperiment("half", half), makeExperiment("targeted", [2_500, 5_000, 7_500, 10_000], { targeting: RULE })]));
const many = compileConfig(document(Array.from({ length: 50 }, (_, n) => makeExperiment(`e${n}`, half, { salt: `salt${String(n).padStart(4, "0")}` }))));
const floors = Array.from({ length: 50 }, (_, seed) => makeFloor(seed));
const cases = [
  ["50/50", 1, (unit) => one.decide("half", unit), makeFloor(7)],
  ["3 conditions, 4 variants", 1, (unit) => one.decide("targeted", unit, ATTRIBUTES), makeTargetedFloor(7)],
  ["all of 50", 50, (unit) => many.decideAll(unit), (unit) => floors.map((floor) => floor(unit))],
];

let isSlow = false;
for (const [name, perCall, decide, floor] of cases) {
  let ours = Infinity, theirs = Infinity;
  const units = UNITS.slice(0, UNITS.length / perCall);
  for (let round = 0; round < ROUNDS; round++) { // in turns, so that a busy machine slows both alike
    ours = Math.min(ours, timeCall(decide, units));
    theirs = Math.min(theirs, timeCall(floor, units));
  }
  isSlow ||= ours / perCall >= 1;
  console.log(
    `${name.padEnd(26)} decision ${(ours / perCall).toFixed(3)} us   murmur3 closure ${(theirs / perCall).toFixed(3)} us   ratio ${(ours / theirs).toFixed(1)}x`,
  );
}
process.exitCode = isSlow || !sink ? 1 : 0;
