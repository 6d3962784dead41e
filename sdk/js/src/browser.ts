/** The core with what a browser adds: storage, an anonymous id on the parent domain, beacons when the page is left. */

import { findAnonymousId, whenLeaving } from "./anonymous.js";
import { type Client, createClient as createCoreClient, type Options } from "./client.js";
import type { Store } from "./memory.js";

export * from "./index.js";

export interface BrowserClient extends Client {
  /** The visitor's own id, `anon:..`, minted once and kept in a cookie on the parent domain and in storage. */
  readonly anonymousId: string;
}

/** `localStorage`, or nothing where the browser forbids it. */
const findStorage = (): Storage | undefined => {
  try {
    localStorage.setItem("abplat?", "1");
    localStorage.removeItem("abplat?");
    return localStorage;
  } catch {
    return undefined;
  }
};

const asStore = (storage: Storage): Store => ({
  getItem: (key) => storage.getItem(key),
  setItem: (key, value) => storage.setItem(key, value),
  removeItem: (key) => storage.removeItem(key),
  keys: () => Object.keys(storage),
});

/** Make a client that decides in the page itself. Use a client key (`abc_..`): whoever reads the page can read it. */
export const createClient = (url: string, key: string, options: Options = {}): BrowserClient => {
  const storage = findStorage();
  const client = createCoreClient(url, key, { store: storage && asStore(storage), ...options });
  whenLeaving(client.hand);
  return { ...client, anonymousId: findAnonymousId(storage ?? {}) };
};
