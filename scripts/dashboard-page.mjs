// Knows the sources of the dashboard's page, and whether the built page is up to date.
//
// Plain JavaScript without dependencies: setup.mjs uses it before anything is installed.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The scripts that build it. */
const SCRIPTS = ["scripts/build-dashboard.mjs", "scripts/dashboard-page.mjs"];
/** The package's own modules that go into it. From all others it only imports types. */
const MODULES = ["src/background/core/percent.ts"];
/** Packages that go into it, by their version in the lock file: reading their files would take too long. */
const PACKAGES = ["preact", "uplot", "vite"];

/** The built page. It is a module, so that bundlers include it. */
export const PAGE = join(root, "src/http/dashboard/page.ts");

/** A digest of everything that goes into the page. */
export function digestOfSources() {
  const hash = createHash("sha256");
  const sources = readdirSync(join(root, "dashboard"), { recursive: true })
    .filter((file) => /\.(tsx?|css|svg)$/.test(file))
    .map((file) => `dashboard/${file.replaceAll("\\", "/")}`);
  for (const file of [...SCRIPTS, ...MODULES, ...sources.sort()]) {
    hash.update(`${file}\0`);
    hash.update(readFileSync(join(root, file)));
    hash.update("\0");
  }
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const name of PACKAGES) hash.update(`${name} ${packages[`node_modules/${name}`]?.version}\0`);
  return hash.digest("hex").slice(0, 32);
}

/** Whether the page was built from the current sources. */
export function isPageBuilt() {
  return existsSync(PAGE) && readFileSync(PAGE, "utf8").startsWith(firstLineOf(digestOfSources()));
}

export function firstLineOf(digest) {
  return `// Made by scripts/build-dashboard.mjs from ${digest}; not to be edited.\n`;
}
