// Sets up a checkout. Runs before every npm script, and does nothing if everything is there:
//
//  1. The dependencies, as in the lock file.
//  2. If the running Node is older than `engines`: a newer one as `node_modules/.bin/node`. npm puts that folder first
//     on PATH, so that the script that follows runs on it. Its version and checksum are in scripts/node.
//  3. The dashboard's page, built from dashboard/.
//
// Plain JavaScript without dependencies: it has to run on Node 18, before anything is installed.

import { spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { isPageBuilt } from "./dashboard-page.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const nodeHome = join(root, "scripts", "node");
const broughtNode = join(nodeHome, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
const linkedNode = join(root, "node_modules", ".bin", "node");
const setupLock = join(root, ".setup.lock");

/** Also true if this script itself runs on the downloaded Node: then the machine's own is too old. */
const needsNode = isOlder(process.versions.node, minimumNode()) || process.execPath === broughtNode;

try {
  if (!isReady()) await alone(setUp);
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exit(1);
}

function isReady() {
  return isInstalled(root) && (!needsNode || (isInstalled(nodeHome) && existsSync(linkedNode))) && isPageBuilt();
}

function setUp() {
  if (needsNode) bringNode();
  if (!isInstalled(root)) install(root, "the dependencies");
  if (needsNode) linkNode();
  if (!isPageBuilt()) buildPage();
}

function bringNode() {
  if (!isInstalled(nodeHome)) install(nodeHome, `a Node newer than this ${process.version}`);
  if (spawnSync(broughtNode, ["--version"]).status === 0) return;
  throw new Error(
    `rapidai is developed on Node ${minimumNode().join(".")} or newer. This is ${process.version}, and no newer one can be ` +
      `installed on ${process.platform}-${process.arch}. Install Node 24 and run the command again.`,
  );
}

/** The link is renamed into place, which replaces an older one atomically. */
function linkNode() {
  mkdirSync(dirname(linkedNode), { recursive: true });
  const fresh = `${linkedNode}.${process.pid}`;
  symlinkSync(relative(dirname(linkedNode), broughtNode), fresh);
  renameSync(fresh, linkedNode);
}

function buildPage() {
  const node = needsNode ? broughtNode : process.execPath;
  // What it prints goes to stderr: a script's own output stays clean.
  const { status } = spawnSync(node, [join(root, "scripts", "build-dashboard.mjs")], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the dashboard's page could not be built: see the output above.");
}

/** Compares the lock file with npm's record of what it installed, which it writes at the end of every installation. */
function isInstalled(folder) {
  const wanted = readPackages(join(folder, "package-lock.json"));
  const installed = readPackages(join(folder, "node_modules", ".package-lock.json"));
  if (wanted === undefined) throw new Error(`${folder} has no package-lock.json.`);
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional, devOptional }]) => {
    if (path === "") return true;
    const found = installed[path];
    // Packages for other platforms are in the lock file but are not installed.
    if (found === undefined) return optional === true || devOptional === true;
    return found.version === version && found.integrity === integrity;
  });
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : undefined;
}

function install(folder, what) {
  console.error(`setup: installing ${what} ...`);
  // Development dependencies are needed under NODE_ENV=production too, and none of them needs an install script.
  const options = ["--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const path = needsNode ? [dirname(broughtNode), process.env.PATH].join(delimiter) : process.env.PATH;
  const { status, error } = spawnSync("npm", ["ci", ...options], {
    cwd: folder,
    env: { ...process.env, PATH: path },
    // What npm prints goes to stderr: a script's own output stays clean.
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status === 0) return;
  throw new Error(`\`npm ci\` failed in ${folder}. ${error?.message ?? "See its output above."}`);
}

/** Runs `work` while holding a lock: two scripts started together would delete each other's node_modules. */
async function alone(work) {
  while (!takeLock()) await new Promise((resolve) => setTimeout(resolve, 100));
  try {
    if (!isReady()) work();
  } finally {
    rmSync(setupLock, { force: true });
  }
}

/** A hard link appears together with its content, so that the lock always names its holder. */
function takeLock() {
  const ours = `${setupLock}.${process.pid}`;
  writeFileSync(ours, String(process.pid));
  try {
    linkSync(ours, setupLock);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  } finally {
    rmSync(ours);
  }
  if (!isHolderAlive()) rmSync(setupLock, { force: true });
  return false;
}

function isHolderAlive() {
  try {
    return process.kill(Number(readFileSync(setupLock, "utf8")), 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

function minimumNode() {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return engines.node.replace(">=", "").split(".").map(Number);
}

function isOlder(version, minimum) {
  const parts = version.split(".").map(Number);
  const at = minimum.findIndex((part, index) => parts[index] !== part);
  return at !== -1 && parts[at] < minimum[at];
}
