import { type SpawnSyncOptions, spawnSync } from "node:child_process";

/** The name of the installed server: Redis or Valkey. */
export function redisProgram(): string | undefined {
  return ["redis-server", "valkey-server"].find((name) => spawnSync(name, ["--version"]).status === 0);
}

/** Whether openssl is installed, which makes the certificate for a server with TLS. */
export function hasOpenssl(): boolean {
  return spawnSync("openssl", ["version"]).status === 0;
}

/** Runs once before all tests: makes sure that a Redis server is installed, or lets the tests know that there is none. */
export default function findRedis(): void {
  const isAllThere = () => redisProgram() !== undefined && hasOpenssl();
  if (isAllThere()) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && spawnSync("apt-get", ["--version"]).status === 0) {
    console.error("Installing redis-server and openssl for the tests ...");
    // Nothing may be asked during the installation.
    const options: SpawnSyncOptions = {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    };
    const names = ["openssl", ...(redisProgram() === undefined ? ["redis-server"] : [])];
    const install = () => spawnSync("apt-get", ["install", "-y", "--no-install-recommends", ...names], options);
    if (install().status !== 0 && spawnSync("apt-get", ["update"], options).status === 0) install();
    if (isAllThere()) return;
  }
  if (process.env.CI && !hasOpenssl()) throw new Error("There is no openssl: install it with apt-get install openssl.");
  if (redisProgram() !== undefined) return;
  const advice = "There is no redis-server or valkey-server: install one, on Debian with apt-get install redis-server.";
  if (process.env.CI) throw new Error(advice);
  console.error(`${advice} The tests that need it are skipped.`);
  process.env.RAPIDAI_TESTS_WITHOUT_REDIS = "1";
}

/** Whether tests that need a Redis server are skipped. */
export const isWithoutRedis: boolean = process.env.RAPIDAI_TESTS_WITHOUT_REDIS === "1";
