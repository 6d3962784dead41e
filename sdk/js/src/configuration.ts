/** Where the configuration comes from: memory, then the store, then the bootstrap; and how it stays fresh. */

import { compileConfig, type Evaluator } from "./evaluator.js";
import type { Line } from "./line.js";
import type { Memory } from "./memory.js";

/** The configuration in use; replaced as a whole. */
export interface Held {
  evaluator?: Evaluator;
  /** `network`, `cache`, `bootstrap` or `none`. */
  source: string;
  /** When the platform confirmed it, in milliseconds since 1970; 0 when it never did. */
  fetchedAt: number;
  etag?: string | null;
}

export const createConfiguration = (line: Line, headers: Record<string, string>, memory: Memory, bootstrap: unknown) => {
  let held: Held = { source: "none", fetchedAt: 0 };

  const take = (document: any, rest: Held): void => {
    const evaluator = compileConfig(document);
    memory.follow(document.experiments);
    held = { ...rest, evaluator };
  };

  const load = (): void => {
    try {
      const { document, etag, fetchedAt } = memory.read("c");
      take(document, { source: "cache", fetchedAt: +fetchedAt || 0, etag });
      return;
    } catch {
      // whatever is wrong with the cache, it is as if there were none
    }
    if (bootstrap === undefined || bootstrap === null) return;
    try {
      take(bootstrap, { source: "bootstrap", fetchedAt: 0 });
    } catch (error) {
      line.enter("bad bootstrap", String(error));
    }
  };

  /** Ask for a newer configuration; say whether the platform answered well. */
  const fetch = async (seconds?: number): Promise<boolean> => {
    const condition = held.etag && held.evaluator ? { "If-None-Match": held.etag } : undefined;
    const reply = await line.ask("/sdk/v1/config", { headers: { ...headers, ...condition }, cache: "no-store" }, seconds);
    if (!reply) return false;
    const { status, json, etag } = reply;
    if (status === 304 && condition) {
      held = { ...held, source: "network", fetchedAt: Date.now() };
      return line.succeed();
    }
    if (status === 403) return line.stop(status);
    if (status !== 200) return line.fail("failing", `status ${status}`);
    try {
      take(json, { source: "network", fetchedAt: Date.now(), etag });
    } catch (error) {
      return line.fail("bad configuration", String(error)); // the last good one stays
    }
    memory.write("c", { document: json, etag, fetchedAt: held.fetchedAt });
    return line.succeed();
  };

  load();
  return { held: () => held, fetch };
};
