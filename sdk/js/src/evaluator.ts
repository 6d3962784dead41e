/** Decisions: a pure function of configuration, unit, attributes and pin. Worked out once, then looked up. */

import { type Attributes, type Decision, type Unit, unready } from "./decision.js";
import { findBucket, hashIdentifier, lastInclusionBucket, TOTAL } from "./hashing.js";
import { compileRule, type Membership } from "./targeting.js";
import { isObject, isString, normaliseUnit, own, refuse } from "./texts.js";

/** A compiled configuration. It never changes. */
export interface Evaluator {
  readonly version: string;
  keys(): string[];
  /** Decide one experiment for one unit. Never throws. */
  decide(key: string, unit: Unit, attributes?: Attributes | null, pin?: string | null, channel?: string | null): Decision;
  /** Decide every experiment for one unit. Never throws. */
  decideAll(unit: Unit, attributes?: Attributes | null, pins?: Record<string, string> | null, channel?: string | null): Record<string, Decision>;
}

type Decide = (unit: string | null, attributes: Attributes, pin: unknown, channel: string | undefined) => Decision;
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

const segment = (value: unknown): Membership => {
  const fields = object(value, "segment");
  const members = list(fields.members, "members");
  const find = listing(new Map(members.map((member) => [member, member])), fields);
  return (identifier) => find(identifier) !== undefined;
};

const NO_ATTRIBUTES: Attributes = {};

/** Check one experiment and build the function that decides it. */
const compileExperiment = (fields: Record<string, any>, version: string, segments: Map<string, Membership>): Decide => {
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
  const rule = fields.targeting == null ? null : compileRule(fields.targeting, segments);

  const answer = (variant: Variant, reason: string, unit: string, channel: string | undefined, inExperiment: boolean, bucket: number | null): Decision =>
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

  return (unit, attributes, pin, channel) => {
    const refused = (reason: string): Decision => answer(control, reason, unit ?? "", channel, false, null);
    if (unit === null) return refused("invalid_unit");
    if (isOff) return refused("off");
    const forced = hasOverrides && variantOf.get(override(unit)!);
    if (forced) return answer(forced, "override", unit, channel, false, null);
    for (const [holdoutSalt, share] of holdouts) if (findBucket(holdoutSalt, unit) < share) return refused("holdout");
    const pinned = variantOf.get(pin as string);
    if (pinned) return answer(pinned, "pinned", unit, channel, true, null);
    if (!isTargeted(attributes, unit, channel)) return refused("not_targeted");
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
  const listed = object(fields.segments === undefined ? {} : fields.segments, "segments");
  const segments = new Map(Object.keys(listed).map((key) => [key, segment(listed[key])]));
  const experiments = list(fields.experiments, "experiments");
  const compiled = new Map(experiments.map((value) => {
    const experiment = object(value, "experiment");
    return [experiment.key as string, compileExperiment(experiment, version, segments)];
  }));
  if (compiled.size < experiments.length) refuse("experiments");

  const decide: Evaluator["decide"] = (key, unit, attributes, pin, channel) => {
    const found = compiled.get(key);
    return found
      ? found(normaliseUnit(unit), isObject(attributes) ? attributes : NO_ATTRIBUTES, pin, isString(channel) ? channel : undefined)
      : unready(key, unit, "unknown_experiment", version);
  };
  return {
    version,
    keys: () => [...compiled.keys()],
    decide,
    decideAll: (unit, attributes, pins, channel) => {
      const text = normaliseUnit(unit);
      const given = isObject(attributes) ? attributes : NO_ATTRIBUTES;
      const bound = isObject(pins) ? pins : NO_ATTRIBUTES;
      const place = isString(channel) ? channel : undefined;
      const made: Record<string, Decision> = {};
      for (const [key, found] of compiled) set(made, key, found(text, given, own(bound, key), place));
      return made;
    },
  };
};
