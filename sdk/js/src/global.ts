/**
 * The one file for pages: small, because the platform decides and the page remembers.
 *
 * It asks `POST /v1/decide` once per unit, keeps the answer on the device and renews it while the page is open.
 * Calls and promises are those of the module (`client.ts`), which decides by itself and weighs more.
 */

import { findAnonymousId, whenLeaving } from "./anonymous.js";
import { type Decision, unready } from "./decision.js";
import { joinEvents, makeId, makeRecord } from "./records.js";
import { isString, normaliseUnit, toBytes } from "./texts.js";

type Fields = Record<string, any>;
/** A question and its answer; `turn` tells the youngest request, and is nothing where it has to be asked again. */
type Asked = [question: string, decisions: Fields, version?: string, turn?: object | 0];

const MAX_BODY = 3e4;

const createClient = (
  url: string, key: string,
  { pollSeconds = 30, flushSeconds = 1, bufferSize = 1e4, timeoutSeconds = 10, backoff: [first, ceiling] = [1, 300] }: any = {},
) => {
  const prefix = `abplat:${key.slice(4, 20)}:`;
  const query = "?key=" + key;
  const counts = { sent: 0, accepted: 0, duplicates: 0, refused: 0, dropped: 0, invalid: 0 };
  const queue = new Map<string, string>();
  const asked = new Map<string, Asked>();
  let store: Fields = {};
  let failures = 0, until = 0, due = 0, state = "", config_version = "";
  let sending: Promise<any> | undefined;

  try {
    localStorage[prefix] = 1;
    store = localStorage;
  } catch {} // the browser forbids it: memory has to do

  const now = () => performance.now() / 1e3;
  const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1e3));
  const read = (name: string): any => {
    try {
      return JSON.parse(store[prefix + name]);
    } catch {}
  };
  const write = (name: string, value: unknown): void => {
    try {
      store[prefix + name] = JSON.stringify(value);
    } catch {} // the storage is full
  };
  const readMap = (name: string): Map<string, any> => new Map(read(name));

  /** Send a request; the answer where it is the platform's own. One log line per change of state. */
  const ask = async (path: string, body: string, seconds = timeoutSeconds): Promise<any> => {
    let pause, detail: any, json, next = "unreachable";
    try {
      const reply = await fetch(url + path + query, {
        method: "POST", body, keepalive: true, signal: AbortSignal.timeout?.(seconds * 1e3), // older browsers wait as long as they like
      });
      detail = reply.status;
      pause = +reply.headers.get("retry-after")!;
      next = /401|403/.test(detail) ? "unauthorized" : "failing";
      json = await reply.json();
      if (json.decisions || json.pins || json.accepted >= 0 || (json.code && /400|409|413|422/.test(detail))) next = "ok";
      else json = 0;
    } catch (error) {
      detail ??= error;
    }
    const reach = json ? failures = 0 : Math.min(first * 2 ** failures++, ceiling);
    until = now() + (reach && (pause || Math.random() * reach + (reach < ceiling ? 0 : ceiling)));
    if (next !== state && state + next !== "ok") console.warn("abplat:", next, detail);
    state = next;
    return json || 0;
  };

  /** The oldest events that fit into one body. */
  const take = (ids: string[]): string[] => {
    let size = 60;
    return ids.filter((id) => id < "g" && (size += toBytes(queue.get(id)!).length + 1) < MAX_BODY);
  };
  const bodyOf = (batch: string[]): string => joinEvents(batch.map((id) => queue.get(id)!));

  const send = (seconds?: number): Promise<any> =>
    (sending ??= (async () => {
      const ids = [...queue.keys()], join = ids.find((id) => id > "g");
      const batch = join ? [join] : take(ids);
      const json = await ask(join ? "/v1/identify" : "/v1/events", join ? queue.get(join)! : bodyOf(batch), seconds);
      sending = undefined;
      if (!json) return;
      if (json.pins) bind(json.unit, json.pins);
      const refused = json.refused || (json.pins ? [] : batch);
      counts.sent += batch.length;
      counts.accepted += json.accepted | 0;
      counts.duplicates += json.duplicates | 0;
      if (refused[0] && !counts.refused) console.warn("abplat:", json);
      counts.refused += refused.length;
      for (const id of batch) {
        queue.delete(id);
        delete store[prefix + "q" + id];
      }
      return true;
    })());

  const flush = async (seconds = 10): Promise<number> => {
    for (const end = now() + seconds; queue.size && now() < end && state !== "unauthorized";)
      if (!(await Promise.race([send(end - now()), sleep(end - now())]))) await sleep(Math.min(until, end) - now());
    return queue.size;
  };

  const record = (fields: Fields, ts?: any, letter = ""): string | null => {
    const id = letter + makeId();
    try {
      const text = makeRecord({ ...fields, id }, ts, MAX_BODY - 100);
      if (queue.size >= bufferSize) counts.dropped++;
      else {
        queue.set(id, text);
        write("q" + id, text);
        return id;
      }
    } catch (error) {
      if (!counts.invalid++) console.warn("abplat:", error);
    }
    return null;
  };

  /** What was asked for a unit and answered, if anything yet; asks where it is new. */
  const find = (unit: unknown, attributes?: any, channel?: any): Asked | undefined => {
    const text = normaliseUnit(unit);
    try {
      const question = JSON.stringify({ unit: text, attributes, channel });
      let found = asked.get(question);
      if (text && !found) {
        const [before, decisions, version] = read("a" + text) || [];
        found = before === question ? [question, decisions, version] : [question, {}];
        if (asked.size > 20) asked.clear();
        asked.set(question, found);
        tick();
      }
      return found;
    } catch {} // attributes that JSON cannot hold
  };

  /** Bind a unit: to what was seen here, then the platform's pins, then those it had; and ask again. */
  const bind = (unit: string, pins?: Fields): void => {
    const bound = { ...read("p" + unit), ...pins };
    for (const [name, [, variant]] of readMap("s" + unit)) bound[name] = variant;
    write("p" + unit, bound);
    for (const one of asked.values()) one[3] = 0;
  };

  const renew = async (one: Asked, seconds?: number): Promise<boolean> => {
    const { unit } = JSON.parse(one[0]);
    const turn = one[3] = {};
    const json = await ask("/v1/decide", one[0].slice(0, -1) + `,"pins":${JSON.stringify(read("p" + unit) || {})}}`, seconds);
    if (turn === one[3]) { // nobody has asked again since, with other pins
      if (!json) one[3] = 0;
      if (json.decisions) {
        one[1] = json.decisions;
        one[2] = config_version = json.config_version;
        write("a" + unit, one);
      }
    }
    return !!json.decisions;
  };

  /** Do what is due, unless the platform should be left alone. */
  const tick = (): void => {
    if (state === "unauthorized" || now() < until) return;
    const isDue = pollSeconds && now() > due && !document.hidden;
    if (isDue) due = now() + pollSeconds * (0.5 + Math.random());
    for (const one of asked.values()) if (isDue || !one[3]) renew(one);
    if (queue.size) send();
  };

  const client = {
    anonymousId: findAnonymousId(store),
    decide: (name: string, unit: unknown, attributes?: any, { channel, default: fallback }: Fields = {}): Decision => {
      const found = find(unit, attributes, channel);
      const decision = found && new Map(Object.entries<Decision>(found[1])).get(name as string) || unready(name, unit, found?.[2] ? "unknown_experiment" : "not_ready", found?.[2]);
      return { ...decision, variant: decision.variant ?? fallback ?? null };
    },
    decideAll: (unit: unknown, attributes?: any, { channel }: Fields = {}) => ({ ...find(unit, attributes, channel)?.[1] }),
    expose: (decision: Decision, { channel, ts }: Fields = {}): string | null => {
      if (!decision?.in_experiment) return null;
      const { unit, key: experiment, variant, reason, config_version, phase } = decision;
      const seen = readMap("s" + unit);
      if (!seen.has(experiment)) write("s" + unit, [...seen.set(experiment, [Date.now(), variant])]);
      return record({ kind: "exposure", actor: unit, experiment, variant, reason, config_version, phase, channel }, ts);
    },
    exposeBeforeRedirect: async (decision: Decision, how: Fields = {}): Promise<boolean> => {
      const id = client.expose(decision, how);
      await flush(how.seconds ?? 1);
      return !queue.has(id!);
    },
    track: (name: unknown, unit: unknown, { value, properties, channel, ts }: Fields = {}) =>
      record({ kind: "touchpoint", actor: normaliseUnit(unit), name, value, props: properties, channel }, name && isString(name) && normaliseUnit(unit) ? ts : NaN),
    identify: async (anonymous: unknown, known: unknown, { identityToken, channel, ts, seconds = 0 }: Fields = {}): Promise<boolean> => {
      const a = normaliseUnit(anonymous)!, b = normaliseUnit(known ?? (identityToken && a))!;
      const id = record(
        identityToken ? { anonymous: a, identity_token: identityToken, channel } : { kind: "alias", a, b, source: "identify" },
        a && b ? ts : NaN, identityToken ? "i" : "",
      );
      if (id) {
        const mine = readMap("s" + b);
        for (const [name, sight] of readMap("s" + a)) if (!(mine.get(name)?.[0] <= sight[0])) mine.set(name, sight);
        write("s" + b, [...mine]);
        bind(b);
        for (const one of [...asked.values()]) {
          const { unit, attributes, channel } = JSON.parse(one[0]);
          if (unit !== a) continue;
          const to = find(b, attributes, channel)!;
          for (const [name, shown] of Object.entries(one[1])) if (mine.get(name)?.[1] === shown.variant) to[1][name] = { ...shown, unit: b, reason: "pinned" };
        }
        tick();
      }
      await flush(seconds);
      return !!id && !queue.has(id);
    },
    context: async () => null,
    refresh: async (seconds?: number): Promise<boolean> => (await Promise.all([...asked.values()].map((one) => renew(one, seconds)))).every(Boolean),
    flush,
    close: async (seconds = 2): Promise<number> => {
      const unsent = await flush(seconds);
      bufferSize = 0;
      clearInterval(timer);
      return unsent;
    },
    stats: () => ({ ...counts, waiting: queue.size, config_version, state }),
  };

  const timer = setInterval(tick, flushSeconds * 1e3);
  for (const name of Object.keys(store).sort()) {
    const [, id] = name.split(prefix + "q"), text = id && read("q" + id);
    if (text) queue.set(id!, text);
  }
  whenLeaving((give) => {
    for (let batch, ids = [...queue.keys()]; (batch = take(ids))[0]; ids = ids.slice(batch.length)) give(url + "/v1/events" + query, bodyOf(batch));
  });
  return client;
};

(globalThis as any).abplat = { createClient };
