/** The hash contract, version 1: which bucket a unit falls into under a salt. See docs/reference/assignment.md. */

import { toBytes } from "./texts.js";

export const TOTAL = 10_000;

/** Words of the padded message; one array for all calls, because nothing here waits. */
let block = new Int32Array(64);
const digest = new Int32Array(2);

/** Multiplier and offset of the message word, per round of MD5. */
const STEPS = [1, 0, 5, 1, 3, 5, 7, 0];
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const PLACES = new Uint8Array(64).map((_, i) => (i * STEPS[(i >> 4) * 2]! + STEPS[(i >> 4) * 2 + 1]!) & 15);
const TURNS = new Uint8Array(64).map((_, i) => SHIFTS[((i >> 4) << 2) | (i & 3)]!);
/** The fractions of sines lie far enough from whole numbers for any engine's Math.sin: tests say how far. */
const SINES = new Int32Array(64).map((_, i) => 2 ** 32 * Math.abs(Math.sin(i + 1)));

/** Lay a text out in `block` with its padding; `flip` is 24 for big-endian words, else 0. Returns the words used. */
const layOut = (text: string, flip: number): number => {
  const bytes = toBytes(text);
  const length = bytes.length;
  const count = ((length + 72) >> 6) << 4;
  if (count > block.length) block = new Int32Array(count);
  else block.fill(0, 0, count);
  for (let i = 0; i < length; i++) block[i >> 2]! |= bytes.charCodeAt(i) << (((i & 3) << 3) ^ flip);
  block[length >> 2]! |= 128 << (((length & 3) << 3) ^ flip);
  block[count - 2 + (flip >> 4)] = length << 3;
  return count;
};

const swap = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);

/** Words 0 and 1 of the MD5 digest of `salt:unit`, signed; the array is overwritten by the next call. */
const md5 = (text: string): Int32Array => {
  const count = layOut(text, 0);
  let a = 0x67452301, b = ~0x10325476, c = ~a, d = ~b;
  for (let at = 0; at < count; at += 16) {
    const [a0, b0, c0, d0] = [a, b, c, d];
    for (let i = 0; i < 64; i++) {
      const f = i < 16 ? d ^ (b & (c ^ d)) : i < 32 ? c ^ (d & (b ^ c)) : i < 48 ? b ^ c ^ d : c ^ (b | ~d);
      const sum = (((a + f) | 0) + ((SINES[i]! + block[at + PLACES[i]!]!) | 0)) | 0;
      const turn = TURNS[i]!;
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
    }
    a = (a + a0) | 0;
    b = (b + b0) | 0;
    c = (c + c0) | 0;
    d = (d + d0) | 0;
  }
  digest[0] = swap(a);
  digest[1] = swap(b);
  return digest;
};

/** Words 0 and 1 of the digest as unsigned numbers. */
export const hashWords = (salt: string, unit: string): [number, number] => {
  const words = md5(salt + ":" + unit);
  return [words[0]! >>> 0, words[1]! >>> 0];
};

/** The bucket of a unit, 0 to 9999: it decides split, layer slot and holdout. */
export const findBucket = (salt: string, unit: string): number => (md5(salt + ":" + unit)[0]! >>> 0) % TOTAL;

/** The inclusion bucket that belongs to the bucket found last. */
export const lastInclusionBucket = (): number => (digest[1]! >>> 0) % TOTAL;

const ROOTS: number[] = [];
const STARTS: number[] = [];

/** Fractions of the roots of the first 64 primes, worked out when first needed. */
const findRoots = (): void => {
  for (let n = 2; ROOTS.length < 64; n++) {
    let factor = 2;
    while (n % factor) factor++;
    if (factor === n) {
      STARTS.push((n ** 0.5 * 2 ** 32) | 0);
      ROOTS.push((n ** (1 / 3) * 2 ** 32) | 0);
    }
  }
};

const turnRight = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

/** SHA-256 of `salt:identifier` in hexadecimal digits: how identifiers stand in a public configuration. */
export const hashIdentifier = (salt: string, identifier: string): string => {
  const count = layOut(salt + ":" + identifier, 24);
  if (!ROOTS[0]) findRoots();
  let state = STARTS.slice(0, 8);
  for (let at = 0; at < count; at += 16) {
    const words = [...block.subarray(at, at + 16)];
    const before = state;
    for (let i = 0; i < 64; i++) {
      const [a, b, c, d, e, f, g, h] = state as [number, number, number, number, number, number, number, number];
      if (i > 15) {
        const x = words[i - 15]!, y = words[i - 2]!;
        words[i] = (words[i - 16]! + (turnRight(x, 7) ^ turnRight(x, 18) ^ (x >>> 3)) + words[i - 7]! +
          (turnRight(y, 17) ^ turnRight(y, 19) ^ (y >>> 10))) | 0;
      }
      const one = h + (turnRight(e, 6) ^ turnRight(e, 11) ^ turnRight(e, 25)) + ((e & f) ^ (~e & g)) + ROOTS[i]! + words[i]!;
      const two = (turnRight(a, 2) ^ turnRight(a, 13) ^ turnRight(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      state = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    state = state.map((word, i) => (word + before[i]!) | 0);
  }
  return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
};
