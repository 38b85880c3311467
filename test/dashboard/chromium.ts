import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Debian's packages of it, the first that there is: the one without a window of its own starts and draws in half the time.
 * https://developer.chrome.com/docs/chromium/headless
 */
const PACKAGES = ["chromium-headless-shell", "chromium"];

/** The browser's program: CHROMIUM_PATH, or the first of its names on PATH. */
export function chromiumProgram(): string | undefined {
  const { CHROMIUM_PATH, PATH = "" } = process.env;
  if (CHROMIUM_PATH !== undefined) return CHROMIUM_PATH;
  const names = [...PACKAGES, "chromium-browser", "google-chrome-stable", "google-chrome"];
  const paths = names.flatMap((name) => PATH.split(delimiter).map((folder) => join(folder, name)));
  return paths.find((path) => existsSync(path));
}

/** Runs once before all tests: sees to it that there is a Chromium, or that everybody knows there is none. */
export default function findChromium(): void {
  if (chromiumProgram() !== undefined) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && spawnSync("apt-get", ["--version"]).status === 0) {
    console.error("Installing chromium for the tests ...");
    const options: SpawnSyncOptions = {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    };
    const install = () =>
      PACKAGES.some(
        (name) => spawnSync("apt-get", ["install", "-y", "--no-install-recommends", name], options).status === 0,
      );
    if (!install() && spawnSync("apt-get", ["update"], options).status === 0) install();
    if (chromiumProgram() !== undefined) return;
  }
  const advice =
    "There is no chromium: install one, on Debian with apt-get install chromium-headless-shell, or name it by CHROMIUM_PATH.";
  if (process.env.CI) throw new Error(advice);
  console.error(`${advice} The tests that need it are skipped.`);
  process.env.RAPIDAI_TESTS_WITHOUT_CHROMIUM = "1";
}

/** Whether the tests that need a browser are to be left out. */
export const isWithoutChromium: boolean = process.env.RAPIDAI_TESTS_WITHOUT_CHROMIUM === "1";
