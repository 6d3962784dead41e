/** The core with what Node adds: a folder that outlives the process, and a last word before it ends. */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient as createCoreClient, type Options } from "./client.js";
import type { Store } from "./memory.js";

export * from "./index.js";

/** Keep items as files of a folder, each written beside and renamed into place: whole or not at all. */
export const folderStore = (folder: string): Store => {
  mkdirSync(folder, { recursive: true });
  const pathOf = (key: string): string => join(folder, Buffer.from(key).toString("base64url"));
  return {
    getItem: (key) => readFileSync(pathOf(key), "utf8"),
    setItem: (key, value) => {
      const path = pathOf(key);
      writeFileSync(path + "~", value);
      renameSync(path + "~", path);
    },
    removeItem: (key) => rmSync(pathOf(key), { force: true }),
    keys: () => readdirSync(folder).filter((name) => !name.endsWith("~")).map((name) => Buffer.from(name, "base64url").toString()),
  };
};

const open = new Set<Client>();
let isListening = false;

/** Make a client that sends what waits when the process has nothing else left to do. */
export const createClient = (url: string, key: string, options: Options = {}): Client => {
  const client = createCoreClient(url, key, options);
  const close = client.close;
  client.close = (seconds) => {
    open.delete(client);
    return close(seconds);
  };
  if (!isListening) process.on("beforeExit", closeAll);
  isListening = true;
  open.add(client);
  return client;
};

const closeAll = (): void => {
  for (const client of [...open]) void client.close();
};
