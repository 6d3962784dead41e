// A platform made of a real HTTP server, whose answers a test can choose.

import { createServer } from "node:http";

export const makeConfig = (version = "1", fields = {}) => ({
  schema_version: 1,
  version,
  project: "shop",
  experiments: [{
    key: "e", salt: "9f2c1a07", hash_version: 1, unit_type: "cust", state: "running", layer: null, holdouts: [], included: 10000,
    control: "control", targeting: null, overrides: {},
    variants: [{ key: "control", bound: 5000, payloads: {} }, { key: "treatment", bound: 10000 }],
    ...fields,
  }],
});

export const HTML = "<html><body>Welcome to the hotel network. Please log in.</body></html>";
export const QUICK = { pollSeconds: 0, flushSeconds: 0.02, backoff: [0.01, 0.05], timeoutSeconds: 30 };

export const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1e3));

export const until = async (condition, seconds = 30) => {
  for (const end = Date.now() + seconds * 1e3; !condition();) {
    if (Date.now() > end) throw Error("it did not happen in time: " + condition);
    await sleep(0.01);
  }
};

/** Answers as the platform does, until a test says otherwise: `answers[path] = () => [status, headers, body] | null`. */
export class FakePlatform {
  config = makeConfig();
  stored = new Map();
  requests = [];
  pins = {};
  answers = {};
  port = 0;

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start() {
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const [path, query = ""] = request.url.split("?");
      this.requests.push({ path, query, headers: request.headers, body, method: request.method, at: performance.now() });
      const reply = await (this.answers[path] ? this.answers[path]() : this.respond(path, request.headers, body));
      if (!reply) return request.socket.destroy();
      response.writeHead(reply[0], reply[1]);
      if (!("Content-Length" in (reply[1] ?? {}))) return response.end(reply[2]);
      response.write(reply[2], () => request.socket.destroy()); // cut off in the middle
    });
    await new Promise((resolve) => this.server.listen(this.port, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  respond(path, headers, body) {
    if (path === "/sdk/v1/config") {
      const etag = `"${this.config.version}"`;
      return headers["if-none-match"] === etag ? [304, { etag }, ""] : [200, { etag }, JSON.stringify(this.config)];
    }
    if (path === "/v1/identify/batch") {
      const { identifications } = JSON.parse(body);
      return [200, {}, JSON.stringify({ results: identifications.map(() => ({ status: 200, pins: this.pins })) })];
    }
    if (path === "/v1/identify") return [200, {}, JSON.stringify({ pins: this.pins })];
    if (path === "/v1/context") return [200, {}, '{"unit": "cust:1"}'];
    return this.store(JSON.parse(body).events);
  }

  store(events) {
    const good = events.filter((event) => event.name !== "bad");
    const fresh = good.filter((event) => !this.stored.has(event.id));
    for (const event of good) if (!this.stored.has(event.id)) this.stored.set(event.id, event);
    const refused = events.flatMap((event, index) => (event.name === "bad" ? [{ index, code: "bad_name", message: "name: no" }] : []));
    return [202, {}, JSON.stringify({ accepted: fresh.length, duplicates: good.length - fresh.length, refused })];
  }

  /** Bodies that came to a path, as objects. */
  bodies(path) {
    return this.requests.filter((request) => request.path === path).map(({ body }) => JSON.parse(body));
  }

  count(path) {
    return this.requests.filter((request) => request.path === path).length;
  }
}

const clients = [];

/** Start a platform for one test. */
export const start = async (t) => {
  const platform = await new FakePlatform().start();
  t.after(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close(0)));
    await platform.stop();
  });
  return platform;
};

/** Make a function that makes clients, which end with their test. */
export const makeClient = (createClient) => (platform, options = {}, key = "abs_test") => {
  clients.push(createClient(platform.url, key, { ...QUICK, ...options }));
  return clients.at(-1);
};

/** The other one of two variants. */
export const other = (variant) => (variant === "control" ? "treatment" : "control");

/** An anonymous unit, and a known one that the hash gives another variant. */
export const findUnits = (client) => {
  const seen = client.decide("e", "anon:w1").variant;
  for (let n = 0; ; n++) if (client.decide("e", `cust:${n}`).variant !== seen) return ["anon:w1", `cust:${n}`];
};

/** A store that outlives a client. */
export const makeStore = () => {
  const items = new Map();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    keys: () => [...items.keys()],
  };
};

/** Collect what is said to the console while a test runs. */
export const listen = (t) => {
  const said = [];
  t.mock.method(console, "warn", (...words) => said.push(words.join(" ")));
  return said;
};
