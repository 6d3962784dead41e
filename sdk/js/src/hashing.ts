/** The hash contract, version 1: which bucket a unit falls into under a salt. See docs/reference/assignment.md. */

import { toBytes } from "./texts.js";

export const TOTAL = 10_000;

/** Words of the padded message; one array for all calls, because nothing here waits. */
let block = new Int32Array(64);
const digest = new Int32Array(2);

/** Lay a text out in `block` with its padding; `flip` is 24 for big-endian words, else 0. Returns the words used. */
const layOut = (text: string, flip: number): number => {
  let bytes = text;
  for (;;) {
    const length = bytes.length;
    const count = ((length + 72) >> 6) << 4;
    if (count > block.length) block = new Int32Array(count);
    else for (let i = 0; i < count; i++) block[i] = 0;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const code = bytes.charCodeAt(i);
      all |= code;
      block[i >> 2]! |= code << (((i & 3) << 3) ^ flip);
    }
    if (all > 127 && bytes === text) {
      bytes = toBytes(text);
      continue; // not ASCII: once more, as UTF-8
    }
    block[length >> 2]! |= 128 << (((length & 3) << 3) ^ flip);
    block[count - 2 + (flip >> 4)] = length << 3;
    return count;
  }
};

const swap = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);

/** Words 0 and 1 of the MD5 digest of a text, signed; the array is overwritten by the next call. Written out for speed. */
const md5 = (text: string): Int32Array => {
  const count = layOut(text, 0);
  const w = block;
  let a = 0x67452301, b = ~0x10325476, c = ~a, d = ~b, t = 0;
  for (let at = 0; at < count; at += 16) {
    const a0 = a, b0 = b, c0 = c, d0 = d;
    t = ((a + (d ^ (b & (c ^ d)))) | 0) + ((w[at]! - 680876936) | 0);
    a = (((t << 7) | (t >>> 25)) + b) | 0;
    t = ((d + (c ^ (a & (b ^ c)))) | 0) + ((w[at + 1]! - 389564586) | 0);
    d = (((t << 12) | (t >>> 20)) + a) | 0;
    t = ((c + (b ^ (d & (a ^ b)))) | 0) + ((w[at + 2]! + 606105819) | 0);
    c = (((t << 17) | (t >>> 15)) + d) | 0;
    t = ((b + (a ^ (c & (d ^ a)))) | 0) + ((w[at + 3]! - 1044525330) | 0);
    b = (((t << 22) | (t >>> 10)) + c) | 0;
    t = ((a + (d ^ (b & (c ^ d)))) | 0) + ((w[at + 4]! - 176418897) | 0);
    a = (((t << 7) | (t >>> 25)) + b) | 0;
    t = ((d + (c ^ (a & (b ^ c)))) | 0) + ((w[at + 5]! + 1200080426) | 0);
    d = (((t << 12) | (t >>> 20)) + a) | 0;
    t = ((c + (b ^ (d & (a ^ b)))) | 0) + ((w[at + 6]! - 1473231341) | 0);
    c = (((t << 17) | (t >>> 15)) + d) | 0;
    t = ((b + (a ^ (c & (d ^ a)))) | 0) + ((w[at + 7]! - 45705983) | 0);
    b = (((t << 22) | (t >>> 10)) + c) | 0;
    t = ((a + (d ^ (b & (c ^ d)))) | 0) + ((w[at + 8]! + 1770035416) | 0);
    a = (((t << 7) | (t >>> 25)) + b) | 0;
    t = ((d + (c ^ (a & (b ^ c)))) | 0) + ((w[at + 9]! - 1958414417) | 0);
    d = (((t << 12) | (t >>> 20)) + a) | 0;
    t = ((c + (b ^ (d & (a ^ b)))) | 0) + ((w[at + 10]! - 42063) | 0);
    c = (((t << 17) | (t >>> 15)) + d) | 0;
    t = ((b + (a ^ (c & (d ^ a)))) | 0) + ((w[at + 11]! - 1990404162) | 0);
    b = (((t << 22) | (t >>> 10)) + c) | 0;
    t = ((a + (d ^ (b & (c ^ d)))) | 0) + ((w[at + 12]! + 1804603682) | 0);
    a = (((t << 7) | (t >>> 25)) + b) | 0;
    t = ((d + (c ^ (a & (b ^ c)))) | 0) + ((w[at + 13]! - 40341101) | 0);
    d = (((t << 12) | (t >>> 20)) + a) | 0;
    t = ((c + (b ^ (d & (a ^ b)))) | 0) + ((w[at + 14]! - 1502002290) | 0);
    c = (((t << 17) | (t >>> 15)) + d) | 0;
    t = ((b + (a ^ (c & (d ^ a)))) | 0) + ((w[at + 15]! + 1236535329) | 0);
    b = (((t << 22) | (t >>> 10)) + c) | 0;
    t = ((a + (c ^ (d & (b ^ c)))) | 0) + ((w[at + 1]! - 165796510) | 0);
    a = (((t << 5) | (t >>> 27)) + b) | 0;
    t = ((d + (b ^ (c & (a ^ b)))) | 0) + ((w[at + 6]! - 1069501632) | 0);
    d = (((t << 9) | (t >>> 23)) + a) | 0;
    t = ((c + (a ^ (b & (d ^ a)))) | 0) + ((w[at + 11]! + 643717713) | 0);
    c = (((t << 14) | (t >>> 18)) + d) | 0;
    t = ((b + (d ^ (a & (c ^ d)))) | 0) + ((w[at]! - 373897302) | 0);
    b = (((t << 20) | (t >>> 12)) + c) | 0;
    t = ((a + (c ^ (d & (b ^ c)))) | 0) + ((w[at + 5]! - 701558691) | 0);
    a = (((t << 5) | (t >>> 27)) + b) | 0;
    t = ((d + (b ^ (c & (a ^ b)))) | 0) + ((w[at + 10]! + 38016083) | 0);
    d = (((t << 9) | (t >>> 23)) + a) | 0;
    t = ((c + (a ^ (b & (d ^ a)))) | 0) + ((w[at + 15]! - 660478335) | 0);
    c = (((t << 14) | (t >>> 18)) + d) | 0;
    t = ((b + (d ^ (a & (c ^ d)))) | 0) + ((w[at + 4]! - 405537848) | 0);
    b = (((t << 20) | (t >>> 12)) + c) | 0;
    t = ((a + (c ^ (d & (b ^ c)))) | 0) + ((w[at + 9]! + 568446438) | 0);
    a = (((t << 5) | (t >>> 27)) + b) | 0;
    t = ((d + (b ^ (c & (a ^ b)))) | 0) + ((w[at + 14]! - 1019803690) | 0);
    d = (((t << 9) | (t >>> 23)) + a) | 0;
    t = ((c + (a ^ (b & (d ^ a)))) | 0) + ((w[at + 3]! - 187363961) | 0);
    c = (((t << 14) | (t >>> 18)) + d) | 0;
    t = ((b + (d ^ (a & (c ^ d)))) | 0) + ((w[at + 8]! + 1163531501) | 0);
    b = (((t << 20) | (t >>> 12)) + c) | 0;
    t = ((a + (c ^ (d & (b ^ c)))) | 0) + ((w[at + 13]! - 1444681467) | 0);
    a = (((t << 5) | (t >>> 27)) + b) | 0;
    t = ((d + (b ^ (c & (a ^ b)))) | 0) + ((w[at + 2]! - 51403784) | 0);
    d = (((t << 9) | (t >>> 23)) + a) | 0;
    t = ((c + (a ^ (b & (d ^ a)))) | 0) + ((w[at + 7]! + 1735328473) | 0);
    c = (((t << 14) | (t >>> 18)) + d) | 0;
    t = ((b + (d ^ (a & (c ^ d)))) | 0) + ((w[at + 12]! - 1926607734) | 0);
    b = (((t << 20) | (t >>> 12)) + c) | 0;
    t = ((a + (b ^ c ^ d)) | 0) + ((w[at + 5]! - 378558) | 0);
    a = (((t << 4) | (t >>> 28)) + b) | 0;
    t = ((d + (a ^ b ^ c)) | 0) + ((w[at + 8]! - 2022574463) | 0);
    d = (((t << 11) | (t >>> 21)) + a) | 0;
    t = ((c + (d ^ a ^ b)) | 0) + ((w[at + 11]! + 1839030562) | 0);
    c = (((t << 16) | (t >>> 16)) + d) | 0;
    t = ((b + (c ^ d ^ a)) | 0) + ((w[at + 14]! - 35309556) | 0);
    b = (((t << 23) | (t >>> 9)) + c) | 0;
    t = ((a + (b ^ c ^ d)) | 0) + ((w[at + 1]! - 1530992060) | 0);
    a = (((t << 4) | (t >>> 28)) + b) | 0;
    t = ((d + (a ^ b ^ c)) | 0) + ((w[at + 4]! + 1272893353) | 0);
    d = (((t << 11) | (t >>> 21)) + a) | 0;
    t = ((c + (d ^ a ^ b)) | 0) + ((w[at + 7]! - 155497632) | 0);
    c = (((t << 16) | (t >>> 16)) + d) | 0;
    t = ((b + (c ^ d ^ a)) | 0) + ((w[at + 10]! - 1094730640) | 0);
    b = (((t << 23) | (t >>> 9)) + c) | 0;
    t = ((a + (b ^ c ^ d)) | 0) + ((w[at + 13]! + 681279174) | 0);
    a = (((t << 4) | (t >>> 28)) + b) | 0;
    t = ((d + (a ^ b ^ c)) | 0) + ((w[at]! - 358537222) | 0);
    d = (((t << 11) | (t >>> 21)) + a) | 0;
    t = ((c + (d ^ a ^ b)) | 0) + ((w[at + 3]! - 722521979) | 0);
    c = (((t << 16) | (t >>> 16)) + d) | 0;
    t = ((b + (c ^ d ^ a)) | 0) + ((w[at + 6]! + 76029189) | 0);
    b = (((t << 23) | (t >>> 9)) + c) | 0;
    t = ((a + (b ^ c ^ d)) | 0) + ((w[at + 9]! - 640364487) | 0);
    a = (((t << 4) | (t >>> 28)) + b) | 0;
    t = ((d + (a ^ b ^ c)) | 0) + ((w[at + 12]! - 421815835) | 0);
    d = (((t << 11) | (t >>> 21)) + a) | 0;
    t = ((c + (d ^ a ^ b)) | 0) + ((w[at + 15]! + 530742520) | 0);
    c = (((t << 16) | (t >>> 16)) + d) | 0;
    t = ((b + (c ^ d ^ a)) | 0) + ((w[at + 2]! - 995338651) | 0);
    b = (((t << 23) | (t >>> 9)) + c) | 0;
    t = ((a + (c ^ (b | ~d))) | 0) + ((w[at]! - 198630844) | 0);
    a = (((t << 6) | (t >>> 26)) + b) | 0;
    t = ((d + (b ^ (a | ~c))) | 0) + ((w[at + 7]! + 1126891415) | 0);
    d = (((t << 10) | (t >>> 22)) + a) | 0;
    t = ((c + (a ^ (d | ~b))) | 0) + ((w[at + 14]! - 1416354905) | 0);
    c = (((t << 15) | (t >>> 17)) + d) | 0;
    t = ((b + (d ^ (c | ~a))) | 0) + ((w[at + 5]! - 57434055) | 0);
    b = (((t << 21) | (t >>> 11)) + c) | 0;
    t = ((a + (c ^ (b | ~d))) | 0) + ((w[at + 12]! + 1700485571) | 0);
    a = (((t << 6) | (t >>> 26)) + b) | 0;
    t = ((d + (b ^ (a | ~c))) | 0) + ((w[at + 3]! - 1894986606) | 0);
    d = (((t << 10) | (t >>> 22)) + a) | 0;
    t = ((c + (a ^ (d | ~b))) | 0) + ((w[at + 10]! - 1051523) | 0);
    c = (((t << 15) | (t >>> 17)) + d) | 0;
    t = ((b + (d ^ (c | ~a))) | 0) + ((w[at + 1]! - 2054922799) | 0);
    b = (((t << 21) | (t >>> 11)) + c) | 0;
    t = ((a + (c ^ (b | ~d))) | 0) + ((w[at + 8]! + 1873313359) | 0);
    a = (((t << 6) | (t >>> 26)) + b) | 0;
    t = ((d + (b ^ (a | ~c))) | 0) + ((w[at + 15]! - 30611744) | 0);
    d = (((t << 10) | (t >>> 22)) + a) | 0;
    t = ((c + (a ^ (d | ~b))) | 0) + ((w[at + 6]! - 1560198380) | 0);
    c = (((t << 15) | (t >>> 17)) + d) | 0;
    t = ((b + (d ^ (c | ~a))) | 0) + ((w[at + 13]! + 1309151649) | 0);
    b = (((t << 21) | (t >>> 11)) + c) | 0;
    t = ((a + (c ^ (b | ~d))) | 0) + ((w[at + 4]! - 145523070) | 0);
    a = (((t << 6) | (t >>> 26)) + b) | 0;
    t = ((d + (b ^ (a | ~c))) | 0) + ((w[at + 11]! - 1120210379) | 0);
    d = (((t << 10) | (t >>> 22)) + a) | 0;
    t = ((c + (a ^ (d | ~b))) | 0) + ((w[at + 2]! + 718787259) | 0);
    c = (((t << 15) | (t >>> 17)) + d) | 0;
    t = ((b + (d ^ (c | ~a))) | 0) + ((w[at + 9]! - 343485551) | 0);
    b = (((t << 21) | (t >>> 11)) + c) | 0;
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
