/** What a client says and asks about who somebody is: joins that are kept until answered, and questions that are not. */

import type { Unit } from "./decision.js";
import type { Line, Reply } from "./line.js";
import type { Memory } from "./memory.js";
import type { Instant } from "./records.js";
import { isObject, isString, normaliseUnit } from "./texts.js";
import { tokenUnit } from "./tokens.js";

export interface IdentifyOptions {
  /** Channel of the log-in. */
  channel?: string | null;
  /** When it happened; now by default. */
  ts?: Instant;
  /** Signed by the platform; names the person in place of `known`, and is what a client key needs to get pins. */
  identityToken?: string | null;
  /** How long to wait for the platform's answer to this call; events need not be sent by then. */
  seconds?: number;
}
export interface ContextOptions {
  /** Channel of the call; chooses payload and script. */
  channel?: string | null;
  /** Signed by the platform; names the person in place of `unit`. */
  identityToken?: string | null;
  /** How long to wait; 2 by default. */
  seconds?: number;
}
export interface TokenOptions {
  /** How long it lives: `30m` by default, a day at most. */
  expiresIn?: string;
  /** How long to wait; 2 by default. */
  seconds?: number;
}
export interface CustomerCalls {
  /**
   * Say that an anonymous unit turned out to be a known one: from now on it keeps the variants shown on this
   * device. Resolves to whether the platform has answered within `seconds`.
   */
  identify(anonymous: Unit, known?: Unit | null, options?: IdentifyOptions): Promise<boolean>;
  /**
   * Ask the platform what it knows of a customer, by any identifier or by an identity token, and take over the
   * pins; null without an answer. Needs a server key.
   */
  context(unit?: Unit | null, options?: ContextOptions): Promise<Record<string, any> | null>;
  /**
   * Ask for a signed note of who somebody is, for the next page, app or agent desktop; null without an answer.
   * Needs a server key.
   */
  makeIdentityToken(unit: Unit, options?: TokenOptions): Promise<string | null>;
}

/** What these calls need of the client around them. */
interface Desk {
  isClientKey: boolean;
  memory: Memory;
  events: Line;
  /** Records by letter and id: `i` marks an identification. */
  queue: Map<string, string>;
  maxBody: number;
  /** Ask with the key as a header. */
  post(path: string, body: string, seconds?: number): Promise<Reply | undefined>;
  /** Send a record; with a client key so that a browser needs no leave beforehand. */
  deliver(path: string, body: string, seconds?: number): Promise<Reply | undefined>;
  record(letter: string, ts: Instant, fields: object): string | null;
  remove(ids: string[]): void;
  refuseRecord(found: unknown): void;
  noteInvalid(why: string): null;
  drain(): Promise<void>;
  sendUntil(isDone: () => boolean, seconds: number): Promise<void>;
}

const MAX_BATCH = 100;
export const REFUSED = [400, 403, 404, 409, 413, 422];

export const createCustomers = (desk: Desk) => {
  const { isClientKey, memory, events, queue, post, deliver, record } = desk;
  let takesMany = !isClientKey; // a public key speaks for one customer at a time

  const takePins = (unit: unknown, pins: unknown): void => {
    const known = normaliseUnit(unit);
    if (known && isObject(pins)) memory.inherit(known, Object.entries(pins).filter((pin): pin is [string, string] => isString(pin[1])));
  };

  /** Let go of an identification and take over its pins. */
  const takeAnswer = (id: string, status: number, answer: Record<string, any>): void => {
    const { anonymous, known, identity_token, ts } = JSON.parse(queue.get(id)!);
    const unit = known ?? tokenUnit(identity_token);
    desk.remove([id]);
    if (status < 300) return takePins(unit, answer.pins);
    desk.refuseRecord(answer);
    if (isClientKey) noteJoin(anonymous, unit, ts); // a token may have expired offline: the join is a fact all the same
  };

  const sendOne = async (id: string, seconds?: number): Promise<boolean> => {
    const reply = await deliver("/v1/identify", queue.get(id)!, seconds);
    if (!reply) return false;
    const { status, json } = reply;
    if (!json || (status > 299 && !REFUSED.includes(status))) return events.fail("failing", status);
    takeAnswer(id, status, json);
    return events.succeed();
  };

  const sendMany = async (ids: string[], seconds?: number): Promise<boolean> => {
    const reply = await deliver("/v1/identify/batch", `{"identifications":[${ids.map((id) => queue.get(id)).join()}]}`, seconds);
    if (!reply) return false;
    const { status, json } = reply;
    if (REFUSED.includes(status)) {
      takesMany = false; // an older server: one after the other
      return true;
    }
    const results: unknown = json?.results;
    if (!Array.isArray(results) || results.length !== ids.length) return events.fail("failing", status);
    ids.forEach((id, place) => {
      const answer = isObject(results[place]) ? results[place] : {};
      takeAnswer(id, +answer.status || 200, answer);
    });
    return events.succeed();
  };

  const noteJoin = (a: string, b: string, ts: Instant): string | null => record("e", ts, { kind: "alias", a, b, source: "identify" });

  /** Ask something that is not kept. */
  const ask = async (path: string, question: object, seconds = 2): Promise<Record<string, any> | null> => {
    const reply = await post(path, JSON.stringify(question), seconds);
    return (reply?.status === 200 && reply.json) || null;
  };

  const calls: CustomerCalls = {
    identify: async (anonymous, known, options) => {
      const { identityToken: token, channel, ts, seconds } = options ?? {};
      const a = normaliseUnit(anonymous), b = normaliseUnit(token ? tokenUnit(token) : known);
      if (!a || !b) return !!desk.noteInvalid("identify needs two units of 1 to 256 characters");
      const assigned_at = memory.seenAt(a), assignments = memory.link(a, b);
      const phases = Object.fromEntries(Object.entries(memory.phases()).filter(([key]) => key in assignments));
      const known_phases = Object.keys(phases)[0] ? phases : undefined;
      const isEvent = isClientKey && !token; // a public key may say who is who, but not ask
      const named = token ? { identity_token: token } : { known: b };
      const id = isEvent ? noteJoin(a, b, ts) : record("i", ts, { anonymous: a, ...named, channel, assignments, assigned_at, phases: known_phases });
      const isAnswered = () => !queue.has((isEvent ? "e" : "i") + id);
      void desk.drain();
      if (seconds) await desk.sendUntil(isAnswered, seconds);
      return !!id && isAnswered();
    },
    context: async (unit, options) => {
      const { identityToken, channel, seconds } = options ?? {};
      const id = normaliseUnit(unit);
      if (!id && !identityToken) return null;
      const found = await ask("/v1/context", { ...(identityToken ? { identity_token: identityToken } : { id }), channel: channel ?? undefined }, seconds);
      for (const named of new Set([id, found?.unit])) takePins(named, found?.pins);
      return found;
    },
    makeIdentityToken: async (unit, options) => {
      const found = await ask("/v1/identity-tokens", { id: normaliseUnit(unit), expires_in: options?.expiresIn ?? "30m" }, options?.seconds);
      return isString(found?.identity_token) ? found.identity_token : null;
    },
  };

  /** Send the identifications that wait, one alone or several at once; undefined when none does. */
  const sendNext = (seconds?: number): Promise<boolean> | undefined => {
    let size = 30;
    const ids = [...queue.keys()].filter((id) => id[0] === "i").slice(0, takesMany ? MAX_BATCH : 1);
    const most = ids.findIndex((id) => (size += queue.get(id)!.length * 3 + 1) > desk.maxBody); // UTF-8 has at most three bytes for each
    const batch = most < 0 ? ids : ids.slice(0, Math.max(most, 1));
    if (!batch[0]) return undefined;
    return batch[1] ? sendMany(batch, seconds) : sendOne(batch[0], seconds);
  };

  return { calls, sendNext };
};
