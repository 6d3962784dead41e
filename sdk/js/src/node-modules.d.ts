/** The little of Node that `node.ts` uses; saves the package of all its types. */

declare module "node:fs" {
  export function mkdirSync(path: string, options: { recursive: boolean }): void;
  export function readdirSync(path: string): string[];
  export function readFileSync(path: string, encoding: "utf8"): string;
  export function renameSync(from: string, to: string): void;
  export function rmSync(path: string, options: { force: boolean }): void;
  export function writeFileSync(path: string, text: string): void;
}
declare module "node:path" {
  export function join(...parts: string[]): string;
}
declare const Buffer: { from(text: string, encoding?: string): { toString(encoding?: string): string } };
declare const process: { on(event: string, work: () => void): void };
