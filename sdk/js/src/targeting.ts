/**
 * Targeting rules, compiled once into functions. See docs/reference/assignment.md.
 *
 * A rule with a fault anywhere, or with an operator unknown to this version, makes nobody eligible: a `not`
 * around it must not let everybody in.
 */

import type { Attributes } from "./decision.js";
import { readInstant, readVersion } from "./order.js";
import { compilePattern } from "./regex.js";
import { isObject, isString, own, refuse } from "./texts.js";

export type Rule = (attributes: Attributes, unit: string, channel: string | undefined) => boolean;
/** A segment or persona: asked with the attribute's value, then with what a rule is asked with. */
export type Group = (actual: unknown, ...call: Parameters<Rule>) => boolean;
export interface Groups {
  readonly segments: Map<string, Group>;
  readonly personas: Map<string, Group>;
}
export const NO_GROUPS: Groups = { segments: new Map(), personas: new Map() };
type Test = (actual: any) => boolean;

const number = (value: any): number => (Number.isFinite(value) ? value : refuse("number"));
const text = (value: any): string => (isString(value) ? value : refuse("text"));

const oneOf = (values: any): Test => {
  if (!Array.isArray(values) || values.some((value) => !["string", "number", "boolean"].includes(typeof value))) refuse("list");
  const known = new Set(values);
  return (actual) => known.has(actual);
};

/** An operator that reads both sides and compares them. */
const compare = (read: (value: any) => any, holds: (actual: any, limit: any) => boolean) => (value: any): Test => {
  const limit = read(value) ?? refuse("value");
  return (actual) => {
    const known = read(actual);
    return known !== undefined && holds(known, limit);
  };
};

const isAbove = (a: any, b: any): boolean => a > b;
const isBelow = (a: any, b: any): boolean => a < b;
const isSame = (a: any, b: any): boolean => a === b;
const isFrom = (a: any, b: any): boolean => a >= b;
const isUpTo = (a: any, b: any): boolean => a <= b;

/** An operator on numbers: the limit must be finite, the attribute may be anything. */
const measure = (holds: (actual: any, limit: any) => boolean) => (value: any): Test => {
  const limit = number(value);
  return (actual) => typeof actual === "number" && holds(actual, limit);
};

/** An operator on texts. */
const search = (holds: (actual: string, part: string) => boolean) => (value: any): Test => {
  const part = text(value);
  return (actual) => isString(actual) && holds(actual, part);
};

const OPERATORS: [string, (value: any) => Test][] = [
  ["equals", (value) => oneOf([value])],
  ["in", oneOf],
  ["gt", measure(isAbove)],
  ["gte", measure(isFrom)],
  ["lt", measure(isBelow)],
  ["lte", measure(isUpTo)],
  ["semver_equals", compare(readVersion, isSame)],
  ["semver_gt", compare(readVersion, isAbove)],
  ["semver_gte", compare(readVersion, isFrom)],
  ["semver_lt", compare(readVersion, isBelow)],
  ["semver_lte", compare(readVersion, isUpTo)],
  ["before", compare(readInstant, isBelow)],
  ["after", compare(readInstant, isAbove)],
  ["contains", search((actual, part) => actual.includes(part))],
  ["starts_with", search((actual, part) => actual.startsWith(part))],
  ["ends_with", search((actual, part) => actual.endsWith(part))],
  ["matches", (value) => {
    const found = compilePattern(text(value));
    return (actual) => isString(actual) && found(actual);
  }],
];
const OPERATOR_OF = new Map(OPERATORS);

const condition = (rule: Attributes, groups: Groups): Rule => {
  const { attribute: name, op, value } = rule;
  if (!isString(name) || !isString(op)) return refuse("condition");
  if (Object.keys(rule).some((key) => !["attribute", "op", "value"].includes(key))) refuse("condition");
  if (op === "exists") {
    const wanted = "value" in rule ? value : true;
    if (typeof wanted !== "boolean") refuse("value");
    return (attributes, unit, channel) => (find(name, attributes, unit, channel) != null) === wanted;
  }
  if (op === "in_segment" || op === "in_persona") {
    const group = groups[op === "in_segment" ? "segments" : "personas"].get(value as string) ?? refuse("group");
    return (attributes, unit, channel) => {
      const actual = find(name, attributes, unit, channel);
      return actual != null && group(actual, attributes, unit, channel);
    };
  }
  const test: Test = (OPERATOR_OF.get(op) ?? refuse("operator"))(value);
  return (attributes, unit, channel) => {
    const actual = find(name, attributes, unit, channel);
    return actual != null && test(actual);
  };
};

const find = (name: string, attributes: Attributes, unit: string, channel: string | undefined): unknown =>
  name === "unit" ? unit : (name === "channel" ? channel : undefined) ?? own(attributes, name);

const compile = (rule: unknown, groups: Groups, depth: number): Rule => {
  if (!isObject(rule) || depth > 20) return refuse("rule");
  if ("attribute" in rule) return condition(rule, groups);
  const [word, ...others] = Object.keys(rule);
  const inner = rule[word!];
  if (others[0]) refuse("rule");
  if (word === "not") {
    const part = compile(inner, groups, depth + 1);
    return (attributes, unit, channel) => !part(attributes, unit, channel);
  }
  if ((word !== "all" && word !== "any") || !Array.isArray(inner)) refuse("rule");
  const parts = (inner as unknown[]).map((part) => compile(part, groups, depth + 1));
  const decisive = word === "any"; // the answer of one part that makes the others needless
  return (attributes, unit, channel) => {
    for (const part of parts) if (part(attributes, unit, channel) === decisive) return decisive;
    return !decisive;
  };
};

/** Turn a rule into a function; a malformed rule holds for no one. */
export const compileRule = (rule: unknown, groups: Groups): Rule => {
  try {
    return compile(rule, groups, 0);
  } catch {
    return () => false;
  }
};

/** Make a group of a rule, which refers to no other group; undefined for one with a fault. */
export const compileGroup = (rule: unknown): Group | undefined => {
  try {
    const holds = compile(rule, NO_GROUPS, 0);
    return (_actual, attributes, unit, channel) => holds(attributes, unit, channel);
  } catch {
    return undefined;
  }
};
