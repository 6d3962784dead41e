/** Decisions: a pure function of configuration, unit, attributes and pin. Worked out once, then looked up. */

import { type Attributes, type Decision, type Unit, unready } from "./decision.js";
import { findBucket, hashIdentifier, lastInclusionBucket, TOTAL } from "./hashing.js";
import { findChainFault, type Prerequisite } from "./prerequisites.js";
import { compileGroup, compileRule, type Group, type Groups } from "./targeting.js";
import { isObject, isString, normaliseUnit, own, refuse } from "./texts.js";

/** A compiled configuration. It never changes. */
export interface Evaluator {
  readonly version: string;
  keys(): string[];
  /** Decide one experiment for one unit. Never throws. */
  decide(
    key: string, unit: Unit, attributes?: Attributes | null, pin?: string | null, channel?: string | null,
    /** Variants of all experiments that the unit is bound to: what prerequisites go by. */
    pins?: Record<string, string> | Map<string, string> | null,
  ): Decision;
  /** Decide every experiment for one unit. Never throws. */
  decideAll(unit: Unit, attributes?: Attributes | null, pins?: Record<string, string> | null, channel?: string | null): Record<string, Decision>;
}

/** Decides any experiment for one and the same call, each once. */
type Others = (key: string) => Decision | undefined;
type Decide = (unit: string | null, attributes: Attributes, pin: unknown, channel: string | undefined, others: Others) => Decision;
type Variant = { key: string; bound: number; payloads: Record<string, unknown> };

// ---- reading: a document with a fault is refused whole ------------------------------------------------------

const object = (value: unknown, what: string): Record<string, any> => (isObject(value) ? value : refuse(what));
const list = (value: unknown, what: string): any[] => (Array.isArray(value) ? value : refuse(what));
const words = (fields: Record<string, any>, name: string): string =>
  isString(fields[name]) && /^[^\ud800-\udfff]+$/u.test(fields[name]) ? fields[name] : refuse(name);
const whole = (value: unknown, what: string): number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= TOTAL ? (value as number) : refuse(what);

/** Read `{identifier: value}`, hashed or not, as a look-up. */
const listing = (found: Map<string, string>, fields: Record<string, any>): ((identifier: string) => string | undefined) => {
  for (const value of found.values()) if (!isString(value)) refuse("listing");
  const { hashed, salt = "" } = fields;
  if (hashed !== true) return (identifier) => found.get(identifier);
  if (salt !== "") words(fields, "salt");
  return (identifier) => found.get(hashIdentifier(salt, identifier));
};

const persona = (value: unknown): Group | undefined => compileGroup(object(value, "persona").rule ?? refuse("rule"));

const segment = (value: unknown): Group | undefined => {
  const fields = object(value, "segment");
  if (fields.rule != null && !("members" in fields)) return compileGroup(fields.rule);
  const members = list(fields.members, "members");
  const find = listing(new Map(members.map((member) => [member, member])), fields);
  return (actual) => isString(actual) && find(actual) !== undefined;
};

/** Read segments or personas; one whose rule has a fault is as good as not there. */
const groupsOf = (given: unknown, read: (value: unknown) => Group | undefined): Map<string, Group> => {
  const found = object(given === undefined ? {} : given, "groups");
  const groups = new Map<string, Group>();
  for (const key of Object.keys(found)) {
    const group = read(found[key]);
    if (group) groups.set(key, group);
  }
  return groups;
};

const prerequisite = (value: unknown): Prerequisite => {
  const fields = object(value, "prerequisite");
  const variants = list(fields.variants, "variants");
  if (!variants.every(isString)) refuse("variants");
  return { experiment: words(fields, "experiment"), variants };
};

const prerequisitesOf = (fields: Record<string, any>): Prerequisite[] =>
  list(fields.prerequisites === undefined ? [] : fields.prerequisites, "prerequisites").map(prerequisite);

const NO_ATTRIBUTES: Attributes = {};

/** Check one experiment and build the function that decides it. */
const compileExperiment = (fields: Record<string, any>, version: string, groups: Groups): Decide => {
  const key = words(fields, "key"), salt = words(fields, "salt"), unitType = words(fields, "unit_type");
  const hashVersion = whole(fields.hash_version, "hash_version"), included = whole(fields.included, "included");
  const isOff = words(fields, "state") !== "running" || hashVersion !== 1;

  let last = 0;
  const variants = list(fields.variants, "variants").map((value): Variant => {
    const { bound, payloads = {} } = object(value, "variant");
    if (whole(bound, "bound") < last) refuse("bounds");
    last = bound;
    return { key: words(value, "key"), bound, payloads: object(payloads, "payloads") };
  });
  const variantOf = new Map(variants.map((variant) => [variant.key, variant]));
  const control = variantOf.get(words(fields, "control")) ?? refuse("control");
  if (last !== TOTAL || variantOf.size < variants.length) refuse("variants");

  const holdouts = list(fields.holdouts === undefined ? [] : fields.holdouts, "holdouts").map((value): [string, number] => {
    const holdout = object(value, "holdout");
    return [words(holdout, "salt"), whole(holdout.share, "share")];
  });
  const layer = fields.layer == null ? null : object(fields.layer, "layer");
  const layerSalt = layer && words(layer, "salt");
  const [first, end] = layer ? list(layer.slot, "slot") : [0, TOTAL];
  if (whole(first, "slot") > whole(end, "slot") || (layer && layer.slot.length !== 2)) refuse("slot");

  const given = object(fields.overrides === undefined ? {} : fields.overrides, "overrides");
  const units = given.hashed === true ? object(given.units, "overrides") : given;
  const override = listing(new Map(Object.entries(units)), given);
  const hasOverrides = Object.keys(units).length > 0;
  const rule = fields.targeting == null ? null : compileRule(fields.targeting, groups);
  const needs = prerequisitesOf(fields);

  const phase = Number.isInteger(fields.phase) && fields.phase > 0 ? fields.phase : undefined;
  const answer = (...given: Parameters<typeof describe>): Decision => {
    const made = describe(...given);
    return phase === undefined ? made : Object.assign(made, { phase });
  };
  const describe = (variant: Variant, reason: string, unit: string, channel: string | undefined, inExperiment: boolean, bucket: number | null): Decision =>
    ({
      key, variant: variant.key, payload: channel === undefined ? null : own(variant.payloads, channel) ?? null, in_experiment: inExperiment,
      reason, bucket, config_version: version, unit, unit_type: unitType, hash_version: hashVersion,
    });

  const isTargeted = (attributes: Attributes, unit: string, channel: string | undefined): boolean => {
    try {
      return !rule || rule(attributes, unit, channel);
    } catch {
      return false; // the host's objects may throw anything
    }
  };

  const isMet = ({ experiment, variants: wanted }: Prerequisite, others: Others): boolean => {
    const made = others(experiment);
    return !!made?.in_experiment && wanted.includes(made.variant!);
  };

  return (unit, attributes, pin, channel, others) => {
    const refused = (reason: string): Decision => answer(control, reason, unit ?? "", channel, false, null);
    if (unit === null) return refused("invalid_unit");
    if (isOff) return refused("off");
    const forced = hasOverrides && variantOf.get(override(unit)!);
    if (forced) return answer(forced, "override", unit, channel, false, null);
    for (const [holdoutSalt, share] of holdouts) if (findBucket(holdoutSalt, unit) < share) return refused("holdout");
    const pinned = variantOf.get(pin as string);
    if (pinned) return answer(pinned, "pinned", unit, channel, true, null);
    if (!isTargeted(attributes, unit, channel)) return refused("not_targeted");
    for (const need of needs) if (!isMet(need, others)) return refused("not_targeted");
    if (layerSalt) {
      const place = findBucket(layerSalt, unit);
      if (place < first || place >= end) return refused("not_in_layer");
    }
    const bucket = findBucket(salt, unit);
    if (lastInclusionBucket() >= included) return answer(control, "not_included", unit, channel, false, bucket);
    let i = 0;
    while (variants[i]!.bound <= bucket) i++;
    return answer(variants[i]!, "split", unit, channel, true, bucket);
  };
};

/** Set a field of an object's own, even one that is called `__proto__`. */
const set = (fields: Record<string, Decision>, name: string, value: Decision): void => {
  if (name === "__proto__") Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  else fields[name] = value;
};

/** Check a configuration document and compile it. Throws if the document is broken. */
export const compileConfig = (document: unknown): Evaluator => {
  const fields = object(document, "document");
  if (fields.schema_version !== 1) refuse("schema_version");
  const version = words(fields, "version");
  words(fields, "project");
  const groups = { segments: groupsOf(fields.segments, segment), personas: groupsOf(fields.personas, persona) };
  const experiments = list(fields.experiments, "experiments");
  const compiled = new Map(experiments.map((value) => {
    const experiment = object(value, "experiment");
    return [experiment.key as string, compileExperiment(experiment, version, groups)];
  }));
  if (compiled.size < experiments.length) refuse("experiments");
  if (findChainFault(new Map(experiments.map((each) => [each.key, prerequisitesOf(each)])))) refuse("prerequisites");

  /** Decide experiments for one call; what one of them needs is remembered. */
  const begin = (unit: string | null, attributes: Attributes, channel: string | undefined, pinOf: (key: string) => unknown): Others => {
    const made = new Map<string, Decision>();
    const others: Others = (key) => {
      const known = made.get(key);
      if (known) return known;
      const decided = compiled.get(key)?.(unit, attributes, pinOf(key), channel, others);
      if (decided) made.set(key, decided);
      return decided;
    };
    return others;
  };

  const decide: Evaluator["decide"] = (key, unit, attributes, pin, channel, pins) => {
    const found = compiled.get(key);
    if (!found) return unready(key, unit, "unknown_experiment", version);
    const text = normaliseUnit(unit);
    const given = isObject(attributes) ? attributes : NO_ATTRIBUTES;
    const place = isString(channel) ? channel : undefined;
    const pinOf = (each: string): unknown => (pins instanceof Map ? pins.get(each) : isObject(pins) ? own(pins, each) : undefined);
    let others: Others | undefined; // made only where something is needed
    return found(text, given, pin ?? pinOf(key), place, (other) => (others ??= begin(text, given, place, pinOf))(other));
  };
  return {
    version,
    keys: () => [...compiled.keys()],
    decide,
    decideAll: (unit, attributes, pins, channel) => {
      const given = isObject(attributes) ? attributes : NO_ATTRIBUTES;
      const bound = isObject(pins) ? pins : NO_ATTRIBUTES;
      const others = begin(normaliseUnit(unit), given, isString(channel) ? channel : undefined, (key) => own(bound, key));
      const made: Record<string, Decision> = {};
      for (const key of compiled.keys()) set(made, key, others(key)!);
      return made;
    },
  };
};
