/** One line of talk with the platform: polite when it fails, quiet while nothing changes. */

import { isObject } from "./texts.js";

export interface Reply {
  status: number;
  text: string;
  etag: string | null;
  /** The body as an object; undefined when it is none, such as the page of a captive portal. */
  json: Record<string, any> | undefined;
}

/** Space attempts after failures: full jitter, doubling from `first` to `ceiling` seconds. */
export const createBackoff = (first: number, ceiling: number) => {
  let failures = 0;
  let until = 0;
  return {
    wait: () => Math.max(until - now(), 0),
    hold: (seconds: number) => {
      until = now() + seconds;
    },
    /** Once the wait reaches the ceiling the jitter comes on top: at most one attempt per ceiling. */
    fail: () => {
      const reach = Math.min(first * 2 ** failures++, ceiling);
      until = now() + (Math.random() * reach + (reach < ceiling ? 0 : ceiling));
    },
    failing: () => failures > 0,
    succeed: () => {
      failures = until = 0;
    },
  };
};
export type Backoff = ReturnType<typeof createBackoff>;

/** Seconds of a clock that nobody sets. */
export const now = (): number => performance.now() / 1e3;

/** Call later, without keeping a process alive for it. */
export const later = (work: () => unknown, seconds: number): void => {
  (setTimeout(work, seconds * 1e3) as { unref?: () => void }).unref?.();
};

/** Wait for something, but no longer than so many seconds. */
export const within = <T>(work: Promise<T> | undefined, seconds: number): Promise<T | undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(seconds, 0) * 1e3);
    work?.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });

const PROBE_SECONDS = 15;
const MAX_BODY = 8 << 20;

export const createLine = (name: string, base: string, reach: Backoff, backoff: Backoff, timeout: number) => {
  let holdUntil = 0;
  const line = {
    state: "starting",
    isStopped: false,
    held: () => Math.max(holdUntil - now(), 0),
    /** Seconds until the next attempt. */
    wait: () => Math.max(line.held(), backoff.wait(), reach.wait()),

    /** Change the state, and say so if it is another one than before. */
    enter: (state: string, detail: unknown = ""): boolean => {
      const isGood = state === "ok";
      if (state !== line.state && !(isGood && line.state === "starting")) console.warn(`abplat: ${name}: ${state}`, detail);
      line.state = state;
      return isGood;
    },
    succeed: (): boolean => {
      backoff.succeed();
      line.isStopped = false;
      return line.enter("ok");
    },
    /** The platform answers, but not as it should. */
    fail: (state: string, detail?: unknown): boolean => {
      backoff.fail();
      return line.enter(state, detail);
    },
    /** The key will not become valid by asking again. */
    stop: (status: number): boolean => {
      line.isStopped = true;
      return line.enter("unauthorized", status);
    },

    /** Send a request; undefined when it has to be sent again later. */
    ask: async (path: string, init: RequestInit, seconds = timeout): Promise<Reply | undefined> => {
      if (reach.failing()) reach.hold(PROBE_SECONDS); // the other line waits for this attempt
      const aborter = new AbortController();
      const timer = setTimeout(() => aborter.abort(), Math.min(seconds, timeout) * 1e3);
      try {
        const response = await fetch(base + path, { ...init, redirect: "manual", credentials: "omit", signal: aborter.signal });
        const { status, headers } = response;
        const text = await readText(response, aborter);
        reach.succeed();
        const after = headers.get("retry-after");
        if (status === 401) line.stop(status);
        else if ((status === 429 || status === 503) && after) {
          const pause = +after || (Date.parse(after) - Date.now()) / 1e3 || 0;
          holdUntil = now() + Math.max(Math.min(pause, 3600), 0);
          line.enter("throttled", pause);
        } else return { status, text, etag: headers.get("etag"), json: readObject(text) };
      } catch (error) {
        reach.fail();
        line.enter("unreachable", String(error));
      } finally {
        clearTimeout(timer);
      }
      return undefined;
    },
  };
  return line;
};
export type Line = ReturnType<typeof createLine>;

/** Read a body, but never more than is taken: a text too long is as good as none. */
const readText = async (response: Response, aborter: AbortController): Promise<string> => {
  if (!response.body?.getReader || typeof TextDecoder === "undefined") return response.text(); // React Native has no streams
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let size = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > MAX_BODY) {
      aborter.abort();
      return "";
    }
    text += decoder.decode(value, { stream: true });
  }
};

export const readObject = (text: string): Record<string, any> | undefined => {
  try {
    const found = JSON.parse(text);
    return isObject(found) ? found : undefined;
  } catch {
    return undefined;
  }
};
