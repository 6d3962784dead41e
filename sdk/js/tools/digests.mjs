// Hash units cut out of one long text, as benchmarks/agreement.py does, and print a digest of the words of each thousand.
// Input: {"text", "seed", "count"}; a unit is given by two steps of a linear congruential generator, its salt by a third.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hashWords } from "../dist/index.js";

const CHUNK = 1_000;
const { text, seed, count } = JSON.parse(readFileSync(0, "utf8"));
const characters = [...text];
let state = seed;
const step = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);

for (let done = 0; done < count; done += CHUNK) {
  const words = Buffer.alloc(CHUNK * 8);
  for (let n = 0; n < CHUNK; n++) {
    const start = (step() >>> 8) % characters.length;
    const unit = characters.slice(start, start + 1 + ((step() >>> 8) % 40)).join("");
    const [word0, word1] = hashWords(step().toString(16).padStart(8, "0"), unit);
    words.writeUInt32BE(word0, n * 8);
    words.writeUInt32BE(word1, n * 8 + 4);
  }
  console.log(createHash("sha256").update(words).digest("hex"));
}
