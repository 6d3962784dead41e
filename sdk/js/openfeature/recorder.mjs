// Takes what happened, and sends it in batches. It never throws and never waits: OpenFeature's track() is void.
// An event gets its id when it is made and keeps it through every retry, so the platform counts it once.

const MAX_BATCH = 500;
const MAX_WAITING = 10_000;
const MAX_REMEMBERED = 10_000;
const MAX_PIECE = 29 * 1024; // what browsers let through while a page ends
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 300_000;

/** Return a UUIDv7: unique, and in the order of time. */
export function makeEventId(now = Date.now()) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let place = 0; place < 6; place++) bytes[place] = Math.floor(now / 2 ** (8 * (5 - place))) % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A client key that stands alone in the headers: then a page needs no leave asked, for which there is no time when it ends. */
function findClientKey(headers) {
  const [[, value], ...others] = [...headers, ["", ""]];
  return others.length === 1 ? /^(?:Bearer )?(abc_\w+)$/.exec(value)?.[1] : undefined;
}

export class Recorder {
  /**
   * @param options The options of the OFREP provider: baseUrl, headers, headersFactory, fetchImplementation.
   * @param storage Where events outlive the page: localStorage, or nothing.
   */
  constructor(options, { flushMs = 1_000, storage } = {}) {
    this.dropped = 0;
    this.refused = 0;
    this._options = options;
    this._flushMs = flushMs;
    this._storage = storage;
    this._prefix = `abplat-events:${options.baseUrl}:`;
    this._slot = this._prefix + makeEventId(); // two pages at once must not overwrite each other
    this._waiting = this._recall();
    this._met = new Set();
    this._pause = 0;
    this._stopped = false;
    if (this._waiting.length) this._schedule();
  }

  /** How many events wait. */
  get waiting() {
    return this._waiting.length;
  }

  /** Record that something happened to the unit of a context. */
  track(name, context, details = {}) {
    const { value, ...props } = details;
    this._add({
      kind: "touchpoint",
      actor: context.targetingKey,
      name,
      value: typeof value === "number" ? value : undefined,
      channel: typeof context.channel === "string" ? context.channel : undefined,
      props: Object.keys(props).length ? props : undefined,
    });
  }

  /** The hook that records an exposure: once per unit, experiment and variant a session. */
  get hook() {
    return { after: (hookContext, details) => this._expose(hookContext.context, details) };
  }

  /** Send what waits; return how many events still do. */
  async flush() {
    clearTimeout(this._timer);
    this._timer = undefined;
    this._flushing ??= this._drain().finally(() => (this._flushing = undefined));
    await this._flushing;
    return this._waiting.length;
  }

  /** Send what waits while the page ends. What is not acknowledged is sent again by the next page. */
  leave() {
    this._keep();
    for (const events of this._pieces()) void this._post(events, true);
  }

  _expose(context, { flagKey, variant, flagMetadata = {} }) {
    const unit = flagMetadata.contextId ?? context.targetingKey;
    const experiment = String(flagMetadata.experimentId ?? flagKey);
    if (flagMetadata.inExperiment !== true || !unit || !variant) return;
    const meeting = JSON.stringify([unit, experiment, variant]);
    if (this._met.has(meeting)) return;
    if (this._met.size >= MAX_REMEMBERED) this._met.delete(this._met.values().next().value);
    this._met.add(meeting);
    this._add({
      kind: "exposure",
      actor: unit,
      experiment,
      variant,
      channel: typeof context.channel === "string" ? context.channel : undefined,
      reason: flagMetadata.decisionReason,
      config_version: flagMetadata.version,
    });
  }

  _add(fields) {
    try {
      const event = JSON.stringify({ id: makeEventId(), ts: new Date().toISOString(), ...fields });
      if (this._waiting.length >= MAX_WAITING) this.dropped++;
      else this._waiting.push(event);
      if (this._waiting.length >= MAX_BATCH) void this.flush();
      else this._schedule();
    } catch {
      this.refused++; // it holds what JSON cannot say
    }
  }

  _schedule() {
    if (this._timer !== undefined || this._stopped) return;
    this._timer = setTimeout(() => void this.flush(), Math.max(this._flushMs, this._pause));
    this._timer.unref?.();
  }

  async _drain() {
    while (this._waiting.length && !this._stopped) {
      const events = this._waiting.slice(0, MAX_BATCH);
      if (!(await this._post(events, false))) {
        const reach = this._pause ? this._pause * 2 : FIRST_PAUSE;
        this._pause = Math.min(reach, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
        this._schedule();
        return;
      }
      this._pause = 0;
      const gone = new Set(events);
      this._waiting = this._waiting.filter((event) => !gone.has(event));
      this._keep();
    }
  }

  /** Send events; true when they are off the list for good. */
  async _post(events, keepalive) {
    try {
      const { baseUrl, headers = [], headersFactory, fetchImplementation } = this._options;
      const fetched = fetchImplementation ?? globalThis.fetch.bind(globalThis);
      const more = headersFactory ? await headersFactory() : [];
      const given = new Headers([...headers, ...more]);
      const key = findClientKey(given);
      given.set("Content-Type", "application/json");
      const response = await fetched(`${baseUrl.replace(/\/$/, "")}/v1/events${key ? `?key=${key}` : ""}`, {
        method: "POST",
        keepalive,
        headers: key ? { "Content-Type": "text/plain" } : given,
        body: `{"sent_at":"${new Date().toISOString()}","events":[${events.join(",")}]}`,
      });
      if (response.status === 401 || response.status === 403) this._stopped = true;
      if (response.status === 202) this.refused += (await response.json()).refused?.length ?? 0;
      const isRefused = [400, 413, 422].includes(response.status);
      if (isRefused) this.refused += events.length;
      return response.status === 202 || isRefused;
    } catch {
      return false;
    }
  }

  /** Cut what waits into pieces that a browser sends while a page ends. */
  *_pieces() {
    let piece = [];
    let size = 0;
    for (const event of this._waiting) {
      const length = new TextEncoder().encode(event).length + 1;
      if (piece.length && size + length > MAX_PIECE) {
        yield piece;
        [piece, size] = [[], 0];
      }
      piece.push(event);
      size += length;
    }
    if (piece.length) yield piece;
  }

  _keep() {
    try {
      if (this._waiting.length) this._storage?.setItem(this._slot, JSON.stringify(this._waiting));
      else this._storage?.removeItem(this._slot);
    } catch {
      // full or forbidden: events then live as long as the page
    }
  }

  /** Take over what earlier pages left. */
  _recall() {
    const found = [];
    try {
      const slots = Array.from({ length: this._storage?.length ?? 0 }, (_, place) => this._storage.key(place));
      for (const slot of slots.filter((name) => name.startsWith(this._prefix))) {
        const kept = JSON.parse(this._storage.getItem(slot));
        this._storage.removeItem(slot);
        found.push(...kept.filter((event) => typeof event === "string"));
      }
    } catch {
      // not ours, or not to be read
    }
    return found.slice(0, MAX_WAITING);
  }
}
