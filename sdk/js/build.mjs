// Builds the modules into dist/ and the one file for pages into the platform's own package.
//
//   node build.mjs          write both
//   node build.mjs modules  write dist/ alone, as the tests do
//   node build.mjs check    say whether the committed file for pages is what the source gives

import { build } from "esbuild";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const pagePath = here("../../abplat/web/static/abplat.js");
const { version } = JSON.parse(readFileSync(here("package.json")));
const common = { bundle: true, target: "es2021", legalComments: "none", write: false, absWorkingDir: here(".") };

const page = await build({
  ...common, minify: true, tsconfigRaw: "{}", define: { PAGE: "true" }, entryPoints: ["src/global.ts"], format: "iife",
});
const bytes = Buffer.from(page.outputFiles[0].contents);

const [, , task = "all"] = process.argv;
if (task === "check") {
  process.exit(readFileSync(pagePath).equals(bytes) ? 0 : 1);
}
const modules = await build({
  ...common, define: { PAGE: "false", VERSION: JSON.stringify(version) }, platform: "neutral", external: ["node:*"], splitting: true, format: "esm",
  entryPoints: ["src/index.ts", "src/browser.ts", "src/node.ts"], outdir: "dist",
});
mkdirSync(here("dist"), { recursive: true });
for (const { path, contents } of modules.outputFiles) replace(path, contents);
const made = modules.outputFiles.map(({ path }) => path);
for (const name of readdirSync(here("dist"))) {
  if (/^chunk-.*\.js$/.test(name) && !made.includes(here(`dist/${name}`))) rmSync(here(`dist/${name}`), { force: true });
}
if (task === "all") replace(pagePath, bytes);

/** Write a file whole or not at all, and not when it is the same: tests may build side by side. */
function replace(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}
