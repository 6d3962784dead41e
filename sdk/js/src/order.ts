/** What is compared by order: semantic versions and instants, as texts whose order is theirs. */

const NUMBER = "(0|[1-9]\\d{0,14})";
const WORDS = "[\\da-zA-Z-]+(?:\\.[\\da-zA-Z-]+)*";
const VERSION = RegExp(`^v?${NUMBER}(?:\\.${NUMBER})?(?:\\.${NUMBER})?(?:-(${WORDS}))?(?:\\+${WORDS})?$`);
const INSTANT = /^((?!0000)\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d)))?$/;

const pad = (digits = "0"): string => digits.padStart(128, "0");

const versions = new Map<string, string | undefined>();

/** A semantic version by rule 11 of semver.org, or undefined when it is none. The few that are about are read once. */
export const readVersion = (value: unknown): string | undefined => {
  if (typeof value !== "string" || value.length > 128) return;
  if (!versions.has(value)) {
    if (versions.size > 1023) versions.clear();
    versions.set(value, orderVersion(value));
  }
  return versions.get(value);
};

const orderVersion = (text: string): string | undefined => {
  const found = VERSION.exec(text);
  if (!found) return;
  const words = (found[4] ?? "").split(".").map((word) => (/^\d+$/.test(word) ? 0 + pad(word) : 1 + word) + "\0");
  const release = found[4] ? 0 + words.join("") : "1"; // what comes before a release lies below it
  return pad(found[1]) + pad(found[2]) + pad(found[3]) + release;
};

/** An instant in UTC with microseconds, or undefined when it is none. A date means its midnight. */
export const readInstant = (value: unknown): string | undefined => {
  const text = value instanceof Date ? value.toISOString() : value;
  const found = typeof text === "string" && INSTANT.exec(text);
  if (!found) return;
  const [, day, time = "00:00", second = "00", fraction = "", sign = "", hours = 0, minutes = 0] = found;
  const millis = Date.parse(`${day}T${time}:${second}Z`);
  if (!(millis > -1e15) || new Date(millis).toISOString().slice(0, 10) !== day) return; // no such day or time
  return 2e12 + millis / 1e3 - +(sign + 60) * (+hours * 60 + +minutes) * (sign ? 1 : 0) + fraction.padEnd(6, "0").slice(0, 6);
};
