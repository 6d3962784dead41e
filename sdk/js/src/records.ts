/** What is sent: records as JSON texts, made once with their id and never changed. */

import { isString, refuse, toBytes } from "./texts.js";

/** Set by the build: whether this is the file for pages, which browsers alone run. */
declare const PAGE: boolean;

/** An instant: now when it is left out, and a text as the platform reads it. */
export type Instant = Date | string | null | undefined;

/** A UUIDv7: unique, and in order of time, which keeps the platform's index small. */
export const makeId = (): string => {
  const chance = new Uint8Array(20);
  if (PAGE || globalThis.crypto) crypto.getRandomValues(chance);
  else chance.forEach((_, i) => (chance[i] = Math.random() * 256)); // React Native has none
  const digits = [...chance].map((byte) => (byte & 15).toString(16)).join("");
  return (0 + Date.now().toString(16) + digits) // milliseconds have 11 digits until the year 2527
    .replace(/(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-7$3-8$4-"); // version 7, variant 8
};

const writeInstant = (ts: Instant): string => (isString(ts) ? ts : new Date(ts ?? Date.now()).toISOString());

/** Write a record as JSON, without what is null. Throws for what JSON does not have, and for more than `most` bytes. */
export const makeRecord = (fields: Record<string, unknown>, ts: Instant, most: number): string => {
  for (const name in fields) fields[name] ??= undefined;
  const text = JSON.stringify({ ts: writeInstant(ts), ...fields }, (_, value) =>
    typeof value === "number" && !isFinite(value) ? refuse("record") : value);
  return toBytes(text).length > most ? refuse("record") : text;
};

/** Write the body of one batch. */
export const joinEvents = (texts: string[]): string => `{"sent_at":"${writeInstant(null)}","events":[${texts.join()}]}`;
