/** What a device remembers: variants seen, variants bound to somebody, and whatever else must outlive a page. */

/** A place that outlives the page or the process, such as `localStorage`. It may throw: then memory has to do. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  keys(): string[];
}

type Sight = [order: number, variant: string];
/** What draws an experiment's customers: only a reset exchanges the salt. */
export interface Draw {
  key: string;
  salt: string;
  phase?: number;
}
const CAPACITY = 100_000;
const isPhase = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;

/** Guard a store: nothing that it does may stop the host. `prefix` keeps projects apart. */
export const createMemory = (store: Store | undefined, prefix: string) => {
  const held = new Map<string, Map<string, any>>();
  let order = 0;
  let hasPins = false;
  /** Per experiment the salt that drew what is remembered, and its phase. */
  const draws = new Map<string, [salt: string, phase: number]>();
  /** Per experiment the phase with which a reset seen by this client began. */
  const since = new Map<string, number>();
  /** Per experiment the present phase, as the configuration in use says. */
  let phases: Record<string, number> = {};

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

    phases: () => phases,
    /** Take note of a new configuration before it is used; a later salt ends the draw before it, an older document does not. */
    follow: (found: Draw[]): void => {
      phases = Object.fromEntries(found.flatMap(({ key, phase }) => (isPhase(phase) ? [[key, phase]] : [])));
      const over = new Set<string>();
      for (const { key, salt } of found) {
        const phase = phases[key] ?? 0;
        const [drawn, last] = draws.get(key) ?? [salt, 0];
        if (phase < last) continue;
        if (drawn !== salt) {
          over.add(key);
          since.set(key, phase);
        }
        draws.set(key, [salt, phase]);
      }
      if (over.size) for (const name of new Set([...held.keys(), ...memory.list("s").map((id) => "s" + id), ...memory.list("p").map((id) => "p" + id)])) forget(name, over);
      memory.write("d", [...draws]);
    },
    /** Remember the first variant that a unit was shown; not one that an earlier draw decided. */
    saw: (unit: string, key: string, variant: string, phase?: number): void => {
      if (phase && phase < (since.get(key) ?? 0)) return;
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
  /** Let go of what anybody has seen or is bound to in some experiments, here and in the store. */
  const forget = (name: string, over: Set<string>): void => {
    const kept = [...load(name)].filter(([key]) => !over.has(key));
    if (kept.length === load(name).size) return;
    hold(name, new Map(kept));
    memory.write(name, kept);
  };
  const hold = (key: string, value: Map<string, any>): void => {
    held.set(key, value);
    if (held.size > CAPACITY) held.delete(held.keys().next().value!);
  };

  hasPins = memory.list("p").length > 0;
  for (const [key, [salt, phase]] of attempt(() => new Map<string, any>(memory.read("d"))) ?? []) {
    if (typeof salt === "string") draws.set(key, [salt, +phase || 0]);
  }
  return memory;
};
export type Memory = ReturnType<typeof createMemory>;
