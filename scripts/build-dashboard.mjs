// Builds the dashboard's page (dashboard/) into a module of the package that contains its compressed files by name.
// setup.mjs runs it when the page is missing or outdated.

import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { digestOfSources, firstLineOf, PAGE } from "./dashboard-page.mjs";

const source = (name) => fileURLToPath(new URL(`../dashboard/${name}`, import.meta.url));
const digest = digestOfSources();
const LICENSES = "licenses.md";

const { output } = await build({
  root: source(""),
  configFile: false,
  envDir: false,
  publicDir: false,
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    write: false,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    license: { fileName: LICENSES },
    rolldownOptions: {
      // Slow plugins on a busy machine are no reason for a warning.
      checks: { pluginTimings: false },
      // The theme is set by a separate script, which runs before the page is painted.
      input: { theme: source("theme.ts"), main: source("main.tsx") },
      output: {
        entryFileNames: "[name]-[hash].js",
        chunkFileNames: "[name]-[hash].js",
        assetFileNames: "[name]-[hash][extname]",
      },
    },
  },
});

const { source: licenses } = output.find(({ fileName }) => fileName === LICENSES);
// The licenses of the bundled packages have to be part of every copy.
const codeOf = ({ name, code }) => (name === "main" ? `/*!\n${licenses}*/\n${code}` : code);
const files = output
  .filter(({ fileName }) => fileName !== LICENSES)
  .map((each) => ({
    name: each.fileName,
    content: Buffer.from(each.type === "chunk" ? codeOf(each) : each.source),
  }));
const icon = readFileSync(source("icon.svg"));
files.push({ name: `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`, content: icon });

const nameOf = (pattern) => {
  const found = files.filter(({ name }) => pattern.test(name));
  if (found.length !== 1)
    throw new Error(`Exactly one file must match ${pattern}, not: ${files.map(({ name }) => name)}.`);
  return found[0].name;
};

const entries = files
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(
    ({ name, content }) => `  ${JSON.stringify(name)}:\n    "${gzipSync(content, { level: 9 }).toString("base64")}",\n`,
  );

const module = `${firstLineOf(digest)}
/** The page's files by name: gzip, as base64. */
export const FILES: Readonly<Record<string, string>> = {
${entries.join("")}};

/** The name of each file, by its purpose. */
export const NAMES: Readonly<Record<"theme" | "main" | "style" | "icon", string>> = {
  theme: ${JSON.stringify(nameOf(/^theme-.*\.js$/))},
  main: ${JSON.stringify(nameOf(/^main-.*\.js$/))},
  style: ${JSON.stringify(nameOf(/\.css$/))},
  icon: ${JSON.stringify(nameOf(/\.svg$/))},
};
`;

// Renamed into place, so that no process ever reads a partial file.
writeFileSync(`${PAGE}.${process.pid}`, module);
renameSync(`${PAGE}.${process.pid}`, PAGE);
const bytes = files.reduce((sum, { content }) => sum + gzipSync(content, { level: 9 }).length, 0);
console.error(`setup: built the dashboard's page, ${(bytes / 1_000).toFixed(1)} kB`);
