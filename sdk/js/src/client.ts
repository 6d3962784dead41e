/**
 * The client: decide at once, record at once, and talk to the platform in the background.
 *
 * Nothing here throws into its host, and nothing but what returns a promise ever waits.
 */

import { createConfiguration } from "./configuration.js";
import { createCustomers, type CustomerCalls, REFUSED } from "./customers.js";
import { type Attributes, type Decision, type Unit, unready } from "./decision.js";
import { createBackoff, createLine, later, type Line, now, readObject, within } from "./line.js";
import { createMemory, type Store } from "./memory.js";
import { type Instant, joinEvents, makeId, makeRecord } from "./records.js";
import { isObject, isString, normaliseUnit, toBytes } from "./texts.js";

/** Set by the build: the version of this package. */
declare const VERSION: string;

export interface Options {
  /** Where records, pins and the configuration outlive the page or the process; memory alone without it. */
  store?: Store;
  /** Configuration document to start with when nothing better is there. */
  bootstrap?: unknown;
  /** Mean time between two looks for a newer configuration, in seconds; 0 never looks by itself. */
  pollSeconds?: number;
  /** Longest time that a record waits before it is sent, while all is well. */
  flushSeconds?: number;
  /** Records that may wait. */
  bufferSize?: number;
  /** Seconds that one request may take. */
  timeoutSeconds?: number;
  /** First and longest wait after failures, in seconds. */
  backoff?: [first: number, ceiling: number];
}

export interface CallOptions {
  /** Channel of the call; chooses the payload. */
  channel?: string | null;
}
export interface DecideOptions extends CallOptions {
  /** Variant when there is no configuration or no such experiment. */
  default?: string;
}
export interface RecordOptions extends CallOptions {
  /** When it happened; now by default. */
  ts?: Instant;
}
export interface TrackOptions extends RecordOptions {
  /** A number, such as an amount. */
  value?: number | null;
  /** Further facts. */
  properties?: Record<string, unknown> | null;
}

export interface ExposeOptions extends RecordOptions {
  /** Who met it, where the unit decided is a group such as `store:42`; reports add customers up to their group. */
  customer?: Unit;
}

/** What a client did so far, and how it is. */
export interface Stats {
  /** Records not yet acknowledged. */
  waiting: number;
  /** Events answered by the platform: accepted, duplicates and refused ones. */
  sent: number;
  accepted: number;
  duplicates: number;
  /** Records refused for good; the last of them stand in `refusals`. */
  refused: number;
  refusals: { code: string; message: string }[];
  /** Records turned away because the buffer was full or the client closed. */
  dropped: number;
  /** Calls from which no record could be made. */
  invalid: number;
  config_version: string;
  /** `network`, `cache`, `bootstrap` or `none`. */
  config_source: string;
  /** Seconds since the platform confirmed the configuration; null when it never did. */
  config_age: number | null;
  states: { configuration: string; events: string };
}

export interface Client extends CustomerCalls {
  /** Decide one experiment for one unit, at once. */
  decide(key: string, unit: Unit, attributes?: Attributes | null, options?: DecideOptions): Decision;
  /** Decide every experiment for one unit; empty without a configuration. */
  decideAll(unit: Unit, attributes?: Attributes | null, options?: CallOptions): Record<string, Decision>;
  /** Record that the unit met its variant. Returns the id, or null when there is nothing to record. */
  expose(decision: Decision, options?: ExposeOptions): string | null;
  /** Record it and wait, for at most so many seconds, until it is on disk: to be awaited before leaving the page. */
  exposeBeforeRedirect(decision: Decision, options?: ExposeOptions & { seconds?: number }): Promise<boolean>;
  /** Record that something happened to a unit. Returns the id, or null when no record could be made or kept. */
  track(event: string, unit: Unit, options?: TrackOptions): string | null;
  /** Fetch now; say whether the platform answered. Also lets a client that stopped for its key try again. */
  refresh(seconds?: number): Promise<boolean>;
  /** Send what waits, for at most so many seconds; resolves to how many records still wait. */
  flush(seconds?: number): Promise<number>;
  /** Send what waits, stop, and resolve to how many records are unsent. */
  close(seconds?: number): Promise<number>;
  stats(): Stats;
  /** For what ends without warning: hand what waits to `send` in bodies of at most 30 KiB; nothing is let go of. */
  hand(send: (url: string, body: string) => void): void;
}

const MAX_BATCH = 500;

/** Make a client of one project. Throws if the address is not one of http or https; nothing else ever does. */
export const createClient = (url: string, key: string, options: Options = {}): Client => {
  const { pollSeconds = 30, flushSeconds = 1, bufferSize = 10_000, timeoutSeconds = 10, backoff: [first, ceiling] = [1, 300] } = options;
  if (!/^https?:\/\/[^/]/.test(url)) throw TypeError(`${url} is not an http or https address`);
  const isClientKey = key.startsWith("abc_");
  const maxBody = isClientKey ? 30_000 : 900_000;
  const maxRecord = isClientKey ? 29_900 : 262_144;
  const base = url.replace(/\/+$/, "");
  const memory = createMemory(options.store, `abplat:${key.slice(4, 20)}:`);
  const headers = { Authorization: "Bearer " + key };
  const reach = createBackoff(first, ceiling);
  const [polling, events] = ["configuration", "events"].map((name) =>
    createLine(name, base, reach, createBackoff(first, ceiling), timeoutSeconds)) as [Line, Line];
  const configuration = createConfiguration(polling, headers, memory, options.bootstrap);

  const counts = { sent: 0, accepted: 0, duplicates: 0, refused: 0, dropped: 0, invalid: 0 };
  const refusals: Stats["refusals"] = [];
  /** Records by number: `e` and id for events, `i` and id for identifications. */
  const queue = new Map<string, string>();
  for (const id of memory.list("q")) {
    const text = memory.read("q" + id);
    if (isString(text) && readObject(text) && /^[ei]/.test(id)) queue.set(id, text);
  }
  let limit = MAX_BATCH;
  /** Of the records dropped, how many the platform knows of. */
  let told = 0;
  let isClosed = false;
  let isPolling = false;
  let isScheduled = false;
  let sending: Promise<boolean> | undefined;

  const remove = (ids: string[]): void => {
    for (const id of ids) {
      queue.delete(id);
      memory.forget("q" + id);
    }
  };

  const refuseRecord = (found: unknown): void => {
    const { code = "", message, detail } = isObject(found) ? found : {} as any;
    refusals.push({ code, message: message ?? detail ?? "" });
    if (refusals.length > 20) refusals.shift();
    if (!counts.refused++) console.warn("abplat: refused", found);
  };

  /** Count a call that makes no record; the first is logged. */
  const noteInvalid = (why: unknown): null => {
    if (!counts.invalid++) console.warn("abplat: not recorded:", String(why));
    return null;
  };

  /** Make a record with its id and keep it. */
  const record = (letter: string, ts: Instant, fields: object): string | null => {
    const id = makeId();
    let text;
    try {
      text = makeRecord({ id, ...fields }, ts, maxRecord);
    } catch (error) {
      return noteInvalid(error);
    }
    if (isClosed || queue.size >= bufferSize) {
      counts.dropped++;
      return null;
    }
    queue.set(letter + id, text);
    memory.write("q" + letter + id, text);
    if (queue.size >= MAX_BATCH) void drain();
    schedule();
    return id;
  };

  const schedule = (): void => {
    if (isScheduled || isClosed || events.isStopped || !queue.size) return;
    isScheduled = true;
    later(() => {
      isScheduled = false;
      return drain();
    }, events.wait() || flushSeconds);
  };

  const drain = async (): Promise<void> => {
    while (queue.size && !events.isStopped && !events.wait() && (await sendOnce()));
    schedule();
  };

  const sendOnce = (seconds?: number): Promise<boolean> =>
    (sending ??= sendNext(seconds).finally(() => {
      sending = undefined;
    }));

  const sendNext = (seconds?: number): Promise<boolean> => customers.sendNext(seconds) ?? sendBatch(takeBatch(listEvents()), seconds);

  const listEvents = (): string[] => [...queue.keys()].filter((id) => id[0] === "e");

  /** The oldest events that fit into one request. */
  const takeBatch = (ids: string[]): string[] => {
    let size = 60;
    const batch: string[] = [];
    for (const id of ids) {
      size += toBytes(queue.get(id)!).length + 1;
      if (batch.length === limit || size > maxBody) break;
      batch.push(id);
    }
    return batch;
  };

  /** The body of a batch; what was dropped since the last one is told along with it. */
  const bodyOf = (batch: string[], dropped = 0): string =>
    joinEvents(batch.map((id) => queue.get(id)!)).replace("{", dropped ? `{"dropped":${dropped},` : "{");

  /** Ask for an answer to JSON, with the key as a header. */
  const post = (path: string, body: string, seconds?: number) =>
    events.ask(path, { method: "POST", body, headers: { "Content-Type": "application/json", ...headers } }, seconds);

  /** Pages send what needs no leave asked beforehand, so that it also works while they are left. */
  const deliver = (path: string, body: string, seconds?: number) =>
    isClientKey
      ? events.ask(path + "?key=" + key, { method: "POST", body, keepalive: true, headers: { "Content-Type": "text/plain" } }, seconds)
      : post(path, body, seconds);

  const sendBatch = async (batch: string[], seconds?: number): Promise<boolean> => {
    const lost = counts.dropped;
    const reply = await deliver("/v1/events", bodyOf(batch, lost - told), seconds);
    if (!reply) return false;
    const { status, json } = reply;
    if (status === 403) return events.stop(status);
    if (REFUSED.includes(status) && json?.code && status !== 404) {
      if (batch[1]) {
        limit = batch.length >> 1; // the event for which all are refused is found by halving
        return true;
      }
      counts.sent++;
      refuseRecord(json);
    } else {
      if (!(json?.accepted >= 0)) return events.fail("failing", status);
      limit = Math.min(limit * 2, MAX_BATCH);
      told = lost;
      counts.sent += batch.length;
      counts.accepted += json!.accepted;
      counts.duplicates += +json!.duplicates || 0;
      if (Array.isArray(json!.refused)) json!.refused.forEach(refuseRecord);
    }
    remove(batch);
    return events.succeed();
  };

  /** Send until something is so, nothing waits or the time is over. The first attempt does not wait for a back-off. */
  const sendUntil = async (isDone: () => boolean, seconds: number): Promise<void> => {
    const end = now() + seconds;
    for (let pause = events.held(); queue.size && !isDone() && !events.isStopped && now() + pause < end;) {
      if (pause) await within(undefined, pause);
      pause = (await within(sendOnce(end - now()), end - now())) ? 0 : Math.max(events.wait(), 0.01);
    }
  };

  const customers = createCustomers({
    isClientKey, memory, events, queue, maxBody, post, deliver, record, remove, refuseRecord, noteInvalid, drain, sendUntil,
  });

  const poll = async (): Promise<void> => {
    if (!polling.wait()) await configuration.fetch();
    isPolling = !isClosed && !polling.isStopped;
    if (isPolling) later(poll, polling.wait() || pollSeconds * (0.5 + Math.random()));
  };

  const startPolling = (): void => {
    if (!isPolling && pollSeconds > 0 && !isClosed) {
      isPolling = true;
      later(poll, 0);
    }
  };

  const client: Client = {
    ...customers.calls,
    decide: (experiment, unit, attributes, options) => {
      const { evaluator } = configuration.held();
      const decision = evaluator
        ? evaluator.decide(experiment, unit, attributes, undefined, options?.channel, memory.pins(unit))
        : unready(experiment, unit, "not_ready");
      const fallback = options?.default;
      return fallback === undefined || decision.variant !== null ? decision : { ...decision, variant: fallback };
    },
    decideAll: (unit, attributes, options) => {
      const pins = Object.fromEntries(memory.pins(unit) ?? []);
      return configuration.held().evaluator?.decideAll(unit, attributes, pins, options?.channel) ?? {};
    },

    expose: (decision, options) => {
      if (!decision?.in_experiment || !decision.variant) return null;
      const { unit, key: experiment, variant, reason, config_version, phase } = decision;
      const { channel, ts, customer } = options ?? {};
      const [actor, cluster] = customer == null ? [unit] : [normaliseUnit(customer), unit];
      memory.saw(unit, experiment, variant, phase);
      return actor
        ? record("e", ts, {
          kind: "exposure", actor, experiment, variant, channel, reason, config_version, phase, cluster, sdk: `js/${VERSION}`,
        })
        : noteInvalid("a customer is named by 1 to 256 characters");
    },
    exposeBeforeRedirect: async (decision, options) => {
      const id = client.expose(decision, options);
      const isStored = () => !queue.has("e" + id);
      await sendUntil(isStored, options?.seconds ?? 1);
      return isStored();
    },
    track: (name, unit, options) => {
      const actor = normaliseUnit(unit);
      const { value, properties, channel, ts } = options ?? {};
      return actor && name && isString(name)
        ? record("e", ts, { kind: "touchpoint", actor, name, channel, value, props: properties })
        : noteInvalid("an event needs a name and a unit of 1 to 256 characters");
    },
    refresh: async (seconds) => {
      const answered = await configuration.fetch(seconds);
      if (answered) events.isStopped = false;
      startPolling();
      schedule();
      return answered;
    },
    flush: async (seconds = 10) => {
      await sendUntil(() => !queue.size, seconds);
      return queue.size;
    },
    close: async (seconds = 2) => {
      const unsent = isClosed ? queue.size : await client.flush(seconds);
      isClosed = true;
      return unsent;
    },
    stats: () => {
      const { evaluator, source, fetchedAt } = configuration.held();
      return {
        ...counts,
        waiting: queue.size,
        refusals: [...refusals],
        config_version: evaluator?.version ?? "",
        config_source: source,
        config_age: fetchedAt ? Math.max(Date.now() - fetchedAt, 0) / 1e3 : null,
        states: { configuration: polling.state, events: events.state },
      };
    },
    hand: (send) => {
      for (let batch, ids = listEvents(); (batch = takeBatch(ids))[0]; ids = ids.slice(batch.length)) {
        send(base + "/v1/events?key=" + key, bodyOf(batch));
      }
    },
  };
  startPolling();
  schedule();
  return client;
};
