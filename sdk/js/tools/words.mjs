// Answers every line `["salt", "unit"]` with `word0 word1`: for comparing with another implementation.

import { createInterface } from "node:readline";
import { hashWords } from "../dist/index.js";

let lines = [];
const flush = () => {
  if (lines.length) process.stdout.write(lines.join("\n") + "\n");
  lines = [];
};
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  lines.push(hashWords(...JSON.parse(line)).join(" "));
  if (lines.length === 4096) flush();
}
flush();
