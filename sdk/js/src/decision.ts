import { isString, normaliseUnit } from "./texts.js";

/** What was decided for one unit, and why; spelled as in the answers of the platform and in the vectors. */
export interface Decision {
  /** Key of the experiment. */
  readonly key: string;
  /** Key of the variant to show; null when there is no experiment to take it from. */
  readonly variant: string | null;
  /** Payload of that variant for the channel asked for; null without one. */
  readonly payload: any;
  /** Whether the unit is part of the experiment: only then is an exposure recorded. */
  readonly in_experiment: boolean;
  /**
   * `off`, `override`, `holdout`, `pinned`, `not_targeted`, `not_in_layer`, `not_included`, `split`,
   * `unknown_experiment`, `invalid_unit` or `not_ready`.
   */
  readonly reason: string;
  /** Split bucket, 0 to 9999, where the decision came as far as hashing it. */
  readonly bucket: number | null;
  /** Version of the configuration that decided. */
  readonly config_version: string;
  /** The unit as it was hashed; empty when it was no valid one. */
  readonly unit: string;
  /** The kind of unit that the experiment is meant for. */
  readonly unit_type: string;
  /** Version of the hash contract. */
  readonly hash_version: number;
  /** Number of the phase that the experiment is in, where the configuration says it; exposures carry it. */
  readonly phase?: number;
}

/** Whom a decision is for: an identifier such as `cust:7`, or a whole number. */
export type Unit = string | number | bigint;
/** What targeting may look at. */
export type Attributes = Record<string, unknown>;

/** The decision for which there is nothing to decide from. */
export const unready = (key: unknown, unit: unknown, reason: string, config_version = ""): Decision => ({
  key: isString(key) ? key : "",
  variant: null,
  payload: null,
  in_experiment: false,
  reason,
  bucket: null,
  config_version,
  unit: normaliseUnit(unit) ?? "",
  unit_type: "",
  hash_version: 0,
});
