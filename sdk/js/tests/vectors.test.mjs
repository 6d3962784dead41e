// The SDK against the conformance vectors, which share no code with it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compileConfig, compileRule, createMemory, findBucket, hashWords } from "../dist/index.js";

const load = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8"));

test("hashes agree", () => {
  for (const { salt, unit, word0, word1, bucket } of load("hashes").cases) {
    assert.deepEqual(hashWords(salt, unit), [word0, word1], JSON.stringify(unit));
    assert.equal(findBucket(salt, unit), bucket);
  }
});

test("decisions agree", () => {
  const { config, cases } = load("decisions");
  const evaluator = compileConfig(config);
  for (const { key, unit, attributes, pin, channel, pins, expected } of cases) {
    const seen = evaluator.decide(key, unit, attributes, pin, channel, pins);
    assert.deepEqual(seen, { key, config_version: config.version, ...expected }, JSON.stringify([key, unit, attributes, pin, channel]));
  }
});

test("deciding everything is deciding each", () => {
  const evaluator = compileConfig(load("decisions").config);
  const pins = { half: "treatment", held: "control" };
  const everything = evaluator.decideAll("cust:3", { country: "DE" }, pins, "web");
  assert.deepEqual(Object.keys(everything), evaluator.keys());
  for (const [key, decision] of Object.entries(everything)) {
    assert.deepEqual(decision, evaluator.decide(key, "cust:3", { country: "DE" }, pins[key], "web", pins));
  }
});

test("targeting agrees", () => {
  const { segments, personas, cases } = load("targeting");
  const evaluate = (rule, attributes) => {
    const experiment = load("decisions").config.experiments[0];
    return compileConfig({ schema_version: 1, version: "v", project: "p", segments, personas, experiments: [{ ...experiment, targeting: rule }] })
      .decide(experiment.key, "cust:1", attributes).in_experiment;
  };
  for (const { rule, attributes, expected } of cases) {
    assert.equal(evaluate(rule, attributes), expected, JSON.stringify([rule, attributes]));
  }
});

test("a malformed rule is a rule for nobody", () => {
  assert.equal(compileRule({ not: { attribute: "a", op: "smells_like" } }, { segments: new Map(), personas: new Map() })({}, "cust:1", undefined), false);
});

test("broken documents are refused", () => {
  for (const { name, document } of load("refused").cases) assert.throws(() => compileConfig(document), /^Error: bad /, name);
});

test("identities agree", () => {
  for (const { name, steps, assignments, pins } of load("identities").cases) {
    const memory = createMemory(undefined, "");
    const answers = [];
    for (const { saw, link, inherit } of steps) {
      if (saw) memory.saw(...saw);
      if (link) answers.push(memory.link(...link));
      if (inherit) memory.inherit(inherit[0], Object.entries(inherit[1]));
    }
    const units = new Set(steps.flatMap((step) => Object.values(step)[0].filter((word) => typeof word === "string")));
    const bound = [...units].map((unit) => [unit, Object.fromEntries(memory.pins(unit) ?? [])]);
    assert.deepEqual(answers, assignments, name);
    assert.deepEqual(Object.fromEntries(bound.filter(([, held]) => Object.keys(held).length)), pins, name);
  }
});
