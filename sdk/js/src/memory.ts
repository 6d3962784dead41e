/** What a device remembers: variants seen, variants bound to somebody, and whatever else must outlive a page. */

/** A place that outlives the page or the process, such as `localStorage`. It may throw: then memory has to do. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  keys(): string[];
}

type Sight = [order: number, variant: string];
const CAPACITY = 100_000;

/** Guard a store: nothing that it does may stop the host. `prefix` keeps projects apart. */
export const createMemory = (store: Store | undefined, prefix: string) => {
  const held = new Map<string, Map<string, any>>();
  let order = 0;
  let hasPins = false;

  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch {
      return undefined;
    }
  };

  const memory = {
    isDurable: !!store,
    read: (key: string): any => attempt(() => JSON.parse(store!.getItem(prefix + key)!)),
    write: (key: string, value: unknown): void => {
      attempt(() => store!.setItem(prefix + key, JSON.stringify(value)));
    },
    forget: (key: string): void => {
      attempt(() => store!.removeItem(prefix + key));
    },
    /** Names that begin with a letter, without it, in order. */
    list: (letter: string): string[] =>
      (attempt(() => store!.keys()) ?? []).filter((key) => key.startsWith(prefix + letter)).map((key) => key.slice(prefix.length + 1)).sort(),

    /** Remember the first variant that a unit was shown. */
    saw: (unit: string, key: string, variant: string): void => {
      const seen = load("s" + unit);
      if (seen.has(key)) return;
      order = Math.max(order + 1, Date.now());
      seen.set(key, [order, variant]);
      save("s" + unit, seen);
    },
    /** Let a known unit inherit what the anonymous one saw; return what that was. */
    link: (anonymous: string, known: string): Record<string, string> => {
      const theirs = load("s" + anonymous), mine = load("s" + known);
      for (const [key, sight] of theirs) if (!(mine.get(key)?.[0] <= sight[0])) mine.set(key, sight);
      if (mine.size) save("s" + known, mine);
      memory.inherit(known, []);
      return Object.fromEntries(variantsOf(theirs));
    },
    /** When a unit was first shown each variant. */
    seenAt: (unit: string): Record<string, string> =>
      Object.fromEntries([...load("s" + unit)].map(([key, sight]) => [key, new Date(sight[0]).toISOString()])),
    /** Bind a unit: to what was seen here, then the platform's pins, then those it had. */
    inherit: (known: string, pins: [string, string][]): void => {
      const bound = new Map([...load("p" + known), ...pins, ...variantsOf(load("s" + known))]);
      if (bound.size) save("p" + known, bound);
      hasPins ||= bound.size > 0;
    },
    /** The variants that a unit is bound to. */
    pins: (unit: unknown): Map<string, string> | undefined => (hasPins ? load("p" + unit) : undefined),
  };

  const variantsOf = (seen: Map<string, Sight>): [string, string][] => [...seen].map(([key, sight]) => [key, sight[1]]);

  const load = (key: string): Map<string, any> => {
    let found = held.get(key);
    if (!found) {
      found = attempt(() => new Map(memory.read(key))) ?? new Map();
      hold(key, found);
    }
    return found;
  };
  /** Keep a map, and what another tab has added to it since: what was seen first counts. */
  const save = (key: string, value: Map<string, any>): void => {
    for (const [name, other] of attempt(() => new Map<string, any>(memory.read(key))) ?? []) {
      if (!value.has(name) || (key[0] === "s" && other[0] < value.get(name)[0])) value.set(name, other);
    }
    hold(key, value);
    memory.write(key, [...value]);
  };
  const hold = (key: string, value: Map<string, any>): void => {
    held.set(key, value);
    if (held.size > CAPACITY) held.delete(held.keys().next().value!);
  };

  hasPins = memory.list("p").length > 0;
  return memory;
};
export type Memory = ReturnType<typeof createMemory>;
