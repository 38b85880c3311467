// What the dashboard's page is made of, and whether it was made from just that.
//
// Plain JavaScript without dependencies: setup.mjs asks it before anything is installed.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What it is built by. The package's own sources give it types alone, which are gone by then. */
const SCRIPTS = ["scripts/build-dashboard.mjs", "scripts/dashboard-page.mjs"];
/** What comes in from outside; the lock file has the versions, and reading a whole package would take too long. */
const PACKAGES = ["preact", "uplot", "vite"];

/** Where the built page is: a module, so that it is found by whatever loads or bundles the package. */
export const PAGE = join(root, "src/http/dashboard/page.ts");

/** Names everything that goes into the page. */
export function digestOfSources() {
  const hash = createHash("sha256");
  const sources = readdirSync(join(root, "dashboard"), { recursive: true })
    .filter((file) => /\.(tsx?|css|svg)$/.test(file))
    .map((file) => `dashboard/${file.replaceAll("\\", "/")}`);
  for (const file of [...SCRIPTS, ...sources.sort()]) {
    hash.update(`${file}\0`);
    hash.update(readFileSync(join(root, file)));
    hash.update("\0");
  }
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const name of PACKAGES) hash.update(`${name} ${packages[`node_modules/${name}`]?.version}\0`);
  return hash.digest("hex").slice(0, 32);
}

/** Whether the page was built from the sources as they are now. */
export function isPageBuilt() {
  return existsSync(PAGE) && readFileSync(PAGE, "utf8").startsWith(firstLineOf(digestOfSources()));
}

export function firstLineOf(digest) {
  return `// Made by scripts/build-dashboard.mjs from ${digest}; not to be edited.\n`;
}
