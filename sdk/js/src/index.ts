/** The core, for any runtime that has `fetch`: browsers, Node, React Native, workers. */

export { createClient } from "./client.js";
export type { CallOptions, Client, DecideOptions, Options, RecordOptions, Stats, TrackOptions } from "./client.js";
export type { ContextOptions, CustomerCalls, IdentifyOptions, TokenOptions } from "./customers.js";
export type { Attributes, Decision, Unit } from "./decision.js";
export { compileConfig, type Evaluator } from "./evaluator.js";
export { findBucket, hashWords } from "./hashing.js";
export { createMemory, type Store } from "./memory.js";
export { compileRule } from "./targeting.js";
export type { Instant } from "./records.js";
export { tokenUnit } from "./tokens.js";
